// NCMEC Hash Sharing, version 2: XML over https with HTTP Basic, polled by ranges of time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/exchange/settings.h"

namespace tamiz::exchange {

// Ranges of time are read one after another, each to its end: entries in a range are not in order of time, so
// only an exhausted range counts as read. A range that turns out large is cut (by 4), small ones grow (by 2).
// Inside a range the server's own next link is followed and kept in the checkpoint, so that a range of a
// single second with very many entries is resumed where it was left; a link that fails or is older than 12
// hours is dropped and its range read again. Large fingerprints, where wanted, are fetched one by one: of
// more than 512 KiB, of 1 MiB an entry or of 256 MiB a page they are skipped and counted.
//
// An entry's id is MEMBER/image|video/ID: ids are the members' own. MD5, SHA-1, SHA-256 and PDQ are matched;
// all other fingerprints are kept as opaque ones under their normalised name. Each entry holds its own
// hashes, so one hash lives as long as any entry has it.
[[nodiscard]] std::unique_ptr<Exchange> MakeNcmec(const Settings& settings, const Parts& parts);

// One `queryResult` document.
struct NcmecAnswer {
  struct Large {
    std::size_t item;  // whose entry it belongs to
    std::string type, href;
  };
  std::vector<Item> items;
  std::vector<Large> large;
  std::string next;           // reference of the next page; empty: the last
  std::uint64_t skipped = 0;  // entries and fingerprints that cannot be read
};
// DATA_LOSS if it is none. Unknown elements are passed over.
[[nodiscard]] StatusOr<NcmecAnswer> ReadNcmecAnswer(std::string_view xml);

// A document of feedback reasons, which may stand in another element. DATA_LOSS if it is none.
[[nodiscard]] StatusOr<std::vector<FeedbackReason>> ReadNcmecReasons(std::string_view xml);

// What is sent as feedback.
[[nodiscard]] std::string NcmecFeedback(const Feedback& feedback);

}  // namespace tamiz::exchange
