// The port behind which lists are kept by others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/call_context.h"
#include "core/lists/hash_list.h"

namespace tamiz::exchange {

// What became of one entry of the list.
struct Item {
  std::string id;
  std::optional<lists::Entry> entry;  // unset: withdrawn
  std::int64_t at = 0;  // when, by the exchange's own count; a later one replaces an earlier one
};

// The next piece of what changed.
struct Page {
  std::vector<Item> items;
  std::string checkpoint;    // after this page
  bool is_last = false;      // there is nothing more at the moment
  bool starts_over = false;  // the exchange is read anew from its beginning: what does not come again is gone
  std::uint64_t skipped = 0;  // records, or hashes of records, that cannot be kept
};

// What a platform says of one fingerprint of an entry.
struct Feedback {
  std::string type;                  // TypeName of the fingerprint
  bool is_affirmative = false;       // it is what it is said to be; else it is not
  std::vector<std::string> reasons;  // ids of reasons; what else stands here is the exchange's own
};
struct FeedbackReason {
  std::string id, name;
};

// One source of changes. One thread at a time.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // What follows `checkpoint` (empty: everything). Asking again with the same checkpoint gives the same or
  // newer states of the same entries, so that a sync that was cut off loses nothing. Errors: those of
  // net::HttpClient::Get and net::StatusOfResponse; DATA_LOSS (EXCHANGE_ANSWER) for an answer that cannot be
  // read; FAILED_PRECONDITION (SECRET_UNREADABLE).
  [[nodiscard]] virtual StatusOr<Page> Fetch(const std::string& checkpoint, const CallContext& context) = 0;
  // Asks for something small with the credentials; for people: who the exchange takes us for.
  [[nodiscard]] virtual StatusOr<std::string> Test(const CallContext& context) = 0;
  // Reasons for which a fingerprint of this type may be said to be wrong; empty if the exchange names none.
  [[nodiscard]] virtual StatusOr<std::vector<FeedbackReason>> FeedbackReasons(const std::string& type,
                                                                              const CallContext& context) = 0;
  // Tells the exchange, once. `entry` came from it and has a fingerprint of that type. INVALID_ARGUMENT with
  // the field "reasons" or "hash_type"; else as Fetch. UNAVAILABLE leaves open whether the exchange took it.
  [[nodiscard]] virtual Status SendFeedback(const lists::Entry& entry, const Feedback& feedback,
                                            const CallContext& context) = 0;
};

}  // namespace tamiz::exchange
