// The port behind which lists, versions and records are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/lists/hash_list.h"

namespace tamiz::store {

// How far an exchange has been read. What stands in it is the exchange's own (core/exchange).
struct Checkpoint {
  std::string exchange;  // name
  std::string state;
  // Where the reading began. If set, the change is refused (kAborted, CHECKPOINT_MOVED) unless the exchange
  // is still there: another replica has read on meanwhile, and this one would set it back.
  std::optional<std::string> previous = {};
};

// A change of a list's entries, applied as one new version or not at all.
struct Change {
  std::string what;                   // VersionInfo::change, for example "import"
  std::vector<lists::Entry> upserts;  // new or replacing, unique ids
  std::vector<std::string> removals;  // ids; unknown ones and those in `upserts` are ignored
  bool replace = false;               // true: entries not in `upserts` are removed
  // If set, the change is refused (kAborted) unless the list is still at this version.
  std::optional<std::uint64_t> expected_version;
  // Written in the same transaction, also if no entry changes, so that what was read and how far it was read
  // never differ. NOT_FOUND if there is no such exchange. The exchange's list must be the one changed.
  std::optional<Checkpoint> checkpoint;
  // The list's pending change is settled by this one and deleted in the same transaction.
  bool settles_pending = false;
};

struct ChangeCounts {
  std::uint64_t added = 0, updated = 0, removed = 0, unchanged = 0;
};

// An exchange that feeds a list.
struct ExchangeRow {
  std::string name;  // unique
  std::string list_id;
  // JSON of core/exchange. The store does not look inside.
  std::string settings, status;
  std::string checkpoint;  // empty before the first; written by Apply
  WallTime created_at{};
};

// A change that waits for a person; at most one for each list.
struct PendingChange {
  std::string list_id;
  std::string why;   // for people
  std::string body;  // EncodeChange (core/store/change_codec.h)
  ChangeCounts counts;
  WallTime created_at{};
};

// What changed between two versions of a list. Identifiers only, never hashes.
struct VersionDiff {
  static constexpr std::size_t kMaxIds = 1000;  // kept of each kind
  std::uint64_t added = 0, updated = 0, removed = 0;
  // The first kMaxIds of each, ascending (bytewise).
  std::vector<std::string> added_ids, updated_ids, removed_ids;
};

using lists::EntryChange;

// What is kept of a scan that matched. Holds no hash, name or media.
struct ScanRecord {
  struct Hit {
    std::string list_id;
    std::uint64_t list_version = 0;
    std::string entry_id;
    std::uint32_t distance = 0;
    bool shadow = false;
    // Where an allow list took the match away: which, and its entry. Empty: it was answered.
    std::string allow_list_id = {}, allow_entry_id = {};
  };
  std::string scan_id;
  std::string request_id;
  WallTime at{};
  std::string verdict;  // "MATCH" …
  double confidence = 0;
  std::map<std::string, std::string> labels;
  std::vector<Hit> hits;
};

// Follows changes until it is destroyed.
class Watch {
 public:
  virtual ~Watch() = default;
  // Why changes of others are not seen now; empty if they are. Thread-safe.
  [[nodiscard]] virtual std::string Problem() const = 0;
};

// Thread-safe. Errors: NOT_FOUND for a list, version or entry, ALREADY_EXISTS for a name, UNAVAILABLE if the
// store cannot be reached or written (message says which file or host and what to do). Calls block on disk:
// never on a gRPC thread.
class Store {
 public:
  virtual ~Store() = default;

  [[nodiscard]] virtual StatusOr<lists::ListInfo> CreateList(
      const lists::ListInfo& info) = 0;  // id given by caller
  [[nodiscard]] virtual StatusOr<lists::ListInfo> GetList(std::string_view name_or_id) = 0;
  [[nodiscard]] virtual StatusOr<std::vector<lists::ListInfo>> Lists() = 0;  // by name
  // Calls `edit` once with the list as it stands, while nobody else can change it, and keeps what it makes of
  // source_org, labels, description and policy; the rest is as before. An error of `edit` is passed on and
  // changes nothing. `edit` must not call the store.
  [[nodiscard]] virtual StatusOr<lists::ListInfo> ChangeList(
      std::string_view name_or_id, const std::function<Status(lists::ListInfo&)>& edit) = 0;
  [[nodiscard]] virtual Status DeleteList(std::string_view list_id) = 0;

  // One transaction. INVALID_ARGUMENT if an id stands twice in `upserts`. If `counts_only`, nothing is
  // written and the counts say what would change. A change that changes nothing makes no version. Returns the
  // list as it then is.
  [[nodiscard]] virtual StatusOr<lists::ListInfo> Apply(std::string_view list_id, const Change& change,
                                                        bool counts_only, ChangeCounts& counts) = 0;
  // A new version with the contents of `version`, and so with its digest (if that is of the current format).
  // None is made if the current contents are the same already. DATA_LOSS if what is stored of `version` does
  // not have its digest any more.
  [[nodiscard]] virtual StatusOr<lists::ListInfo> Rollback(std::string_view list_id,
                                                           std::uint64_t version) = 0;

  [[nodiscard]] virtual StatusOr<std::vector<lists::VersionInfo>> Versions(
      std::string_view list_id) = 0;  // newest first
  [[nodiscard]] virtual StatusOr<lists::Entry> GetEntry(std::string_view list_id,
                                                        std::string_view entry_id) = 0;
  // Calls `each` with every entry of `version` (0: current) in ascending order of id, until it returns an
  // error, which is passed on. Entries come in canonical form (lists::Canonicalise). Changes meanwhile do not
  // show; ABORTED if the list is deleted meanwhile. `each` may call the store.
  [[nodiscard]] virtual Status ForEachEntry(std::string_view list_id, std::uint64_t version,
                                            const std::function<Status(lists::Entry&&)>& each) = 0;

  // Calls `each` with every entry that version `to` has otherwise than the earlier version `from` (0: the
  // empty list), in ascending order of id, until it returns an error, which is passed on. Costs what changed,
  // not what the list holds. OUT_OF_RANGE, before the first call, if the ids that were touched in between are
  // more than `limit`. NOT_FOUND for a version that never was or was deleted, ABORTED if the list is deleted
  // meanwhile. `each` may call the store.
  [[nodiscard]] virtual Status ForEachChange(std::string_view list_id, std::uint64_t from, std::uint64_t to,
                                             std::uint64_t limit,
                                             const std::function<Status(EntryChange&&)>& each) = 0;
  // Deletes the versions older than `version`, with the entries that only they had; how many versions. The
  // current one always stays.
  [[nodiscard]] virtual StatusOr<std::uint64_t> DeleteVersionsBefore(std::string_view list_id,
                                                                     std::uint64_t version) = 0;

  // From version `from` (0: the empty list) to version `to` (0: the current one); either may be the later.
  // NOT_FOUND for a version that never was.
  [[nodiscard]] virtual StatusOr<VersionDiff> Diff(std::string_view list_id, std::uint64_t from,
                                                   std::uint64_t to) = 0;

  // `row.checkpoint` is not taken. NOT_FOUND for its list, ALREADY_EXISTS for its name. Deleting a list
  // deletes its exchanges and its pending change.
  [[nodiscard]] virtual Status CreateExchange(const ExchangeRow& row) = 0;
  [[nodiscard]] virtual StatusOr<std::vector<ExchangeRow>> Exchanges() = 0;  // by name
  // Settings and status are taken from `row`, found by name. NOT_FOUND.
  [[nodiscard]] virtual Status UpdateExchange(const ExchangeRow& row) = 0;
  [[nodiscard]] virtual Status DeleteExchange(std::string_view name) = 0;

  // Replaces the list's. NOT_FOUND for the list.
  [[nodiscard]] virtual Status PutPending(const PendingChange& pending) = 0;
  // Without their bodies, oldest first.
  [[nodiscard]] virtual StatusOr<std::vector<PendingChange>> PendingChanges() = 0;
  // With its body. NOT_FOUND (reason NOTHING_PENDING) if the list has none.
  [[nodiscard]] virtual StatusOr<PendingChange> GetPending(std::string_view list_id) = 0;
  [[nodiscard]] virtual Status DeletePending(std::string_view list_id) = 0;

  [[nodiscard]] virtual Status Record(const ScanRecord& record) = 0;
  // How many of those were accepted and not written yet: they are kept in memory until the store is back.
  [[nodiscard]] virtual std::size_t RecordsWaiting() { return 0; }
  // Calls `each` with every record at or after `from`, oldest first, until it returns an error.
  [[nodiscard]] virtual Status ForEachRecord(WallTime from,
                                             const std::function<Status(ScanRecord&&)>& each) = 0;
  // Records older than `before` are deleted; how many.
  [[nodiscard]] virtual StatusOr<std::uint64_t> DeleteRecordsBefore(WallTime before) = 0;

  // Calls `on_change` at the start and whenever lists, which exchanges there are or what waits for a person
  // may have been changed by any process, this one included, on a thread of its own; again after a while if
  // it returns an error. The store outlives the watch. Null where no other process can change lists.
  [[nodiscard]] virtual std::unique_ptr<Watch> Follow(std::function<Status()> on_change) {
    (void)on_change;
    return nullptr;
  }

  // UNAVAILABLE if it cannot be used.
  [[nodiscard]] virtual Status Check() = 0;
};

}  // namespace tamiz::store
