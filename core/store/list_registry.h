// Applies changes of lists through the store and publishes what scans see.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/lists/catalog.h"
#include "core/store/snapshot_source.h"
#include "core/store/store.h"

namespace tamiz::store {

// Names that begin so belong to Tamiz itself.
inline constexpr std::string_view kReservedPrefix = "tamiz-";

struct RegistryOptions {
  // What may stand beside a list's base, entries and their hashes; beyond, the list is built anew at once.
  // Bounds the time of a change and the memory of deltas.
  std::size_t max_delta = 262'144;
  // Lists below eight times this many entries are merged when their delta has this weight, larger ones at an
  // eighth of their size, at most at a quarter of max_delta.
  std::size_t merge_from = 2'048;
  // Where snapshots are saved, so that a start need not read and index the lists; empty: nowhere. May be
  // deleted at any time while nothing runs.
  std::filesystem::path snapshot_dir;
  // Lists with fewer entries are not saved: they are read as fast.
  std::size_t snapshot_from = 20'000;
};

// Thread-safe. Changes run one after another; scans never wait for them. Every method but Current() blocks on
// the store and on building the index: never on a gRPC thread.
//
// A change that is stored but whose snapshot cannot be built gives an error, and scans keep the version that
// they have.
class ListRegistry {
 public:
  // `store` and `clock` outlive the registry.
  ListRegistry(Store& store, const Clock& clock, RegistryOptions options = {});
  // Ends a merge that is going on.
  ~ListRegistry();
  ListRegistry(const ListRegistry&) = delete;
  ListRegistry& operator=(const ListRegistry&) = delete;

  // Loads every list and checks its contents against the digest of its version. One that cannot be loaded
  // stands in Catalog::unavailable, or stays as it was if an earlier version of it is there: then its error
  // is returned. Error also if the store cannot be read at all. May be called again, to try those that failed
  // and to take over what other processes changed; lists that did not change are not read again. Calls the
  // listener for each list that was read or is gone.
  [[nodiscard]] Status LoadAll();

  // What scans use now; never null, empty before LoadAll.
  [[nodiscard]] std::shared_ptr<const lists::Catalog> Current() const;

  // Id, times and version are given here. INVALID_ARGUMENT for a bad name or policy, PERMISSION_DENIED for a
  // reserved name unless `info.built_in`, ALREADY_EXISTS.
  [[nodiscard]] StatusOr<lists::ListInfo> CreateList(lists::ListInfo info);
  [[nodiscard]] StatusOr<lists::ListInfo> GetList(std::string_view name_or_id);
  [[nodiscard]] StatusOr<std::vector<lists::ListInfo>> Lists();
  // Store::ChangeList, of everything but the exceptions. INVALID_ARGUMENT for a new name or a bad policy. A
  // policy that leaves the quality floor as it is takes effect without building an index.
  [[nodiscard]] StatusOr<lists::ListInfo> ChangeList(std::string_view name_or_id,
                                                     const std::function<Status(lists::ListInfo&)>& edit);
  // Changes what stands against entries of the list, while nobody else can. Takes effect with the next scan,
  // on replicas as soon as they follow. Makes no version. `change` must not call the registry.
  [[nodiscard]] StatusOr<lists::ListInfo> ChangeExceptions(
      std::string_view name_or_id, const std::function<Status(lists::Exceptions&)>& change);
  [[nodiscard]] Status DeleteList(std::string_view name_or_id);  // FAILED_PRECONDITION for built-in lists
  // INVALID_ARGUMENT names the first entry that is at fault (lists::FaultOf); ABORTED as
  // Change::expected_version.
  [[nodiscard]] StatusOr<lists::ListInfo> Apply(std::string_view name_or_id, const Change& change,
                                                bool dry_run, ChangeCounts& counts);
  [[nodiscard]] StatusOr<lists::ListInfo> Rollback(std::string_view name_or_id, std::uint64_t version);

  // Whether to save snapshots (where RegistryOptions says), and how many versions of a list to keep (0: all).
  // The next change of a list deletes what is too old.
  void Configure(bool save_snapshots, std::uint64_t keep_versions);

  // Returns when no merge or saving is going on or wanted.
  void WaitForMerges();

  // Ends merging and saving for good, waiting for one that is going on: at most as long as building the index
  // of one list takes.
  void StopTidying();

  // The list is known to be complete as of `at`, though nothing changed: its exchange said so.
  void Confirm(std::string_view list_id, WallTime at);

  // Called after each swap with the list that changed, without locks held; after DeleteList the list is not
  // in Current() any more. Comes from the thread of the change, or from that of the merges. May call the
  // registry, but not WaitForMerges or StopTidying. Set once, before the first change.
  void OnSwap(std::function<void(const lists::ListInfo&)> listener);

 private:
  // Reads the list's current version and builds its snapshot, or takes what it can from `before` (may be
  // null).
  StatusOr<SnapshotPtr> MakeSnapshot(const lists::ListInfo& info, const SnapshotPtr& before)
      TAMIZ_REQUIRES(change_mutex_);
  StatusOr<lists::ListInfo> EditAndPublish(std::string_view name_or_id,
                                           const std::function<Status(lists::ListInfo&)>& edit);
  // Makes `info` what scans see.
  Status Publish(const lists::ListInfo& info) TAMIZ_REQUIRES(change_mutex_);
  // Swaps in a catalogue that lacks `list_id` and has `snapshot` (null: none).
  void Swap(std::string_view list_id, SnapshotPtr snapshot) TAMIZ_REQUIRES(change_mutex_);
  void Tell(const lists::ListInfo& info) const;

  // The weight of a delta from which it is merged into its base.
  [[nodiscard]] std::size_t MergeAt(const lists::ListSnapshot& snapshot) const;
  // Has the list, of which `snapshot` is current, merged and saved in the background where that is due.
  void TidyWhereDue(const lists::ListSnapshot& snapshot);
  void MergeLoop(const std::stop_token& stop);
  Status Merge(const std::string& list_id, const std::stop_token& stop);
  Status Save(const std::string& list_id);
  // Null if there is none that can be used.
  SnapshotPtr LoadSaved(const lists::ListInfo& info);
  [[nodiscard]] std::filesystem::path FileOf(std::string_view list_id) const;
  void RemoveStrayFiles();
  void ForgetOldVersions(const lists::ListInfo& info);

  // Constant after construction.
  Store& store_;
  const Clock& clock_;
  const RegistryOptions options_;
  const std::shared_ptr<lists::Freshness> freshness_;  // own synchronisation; shared with every catalogue
  std::function<void(const lists::ListInfo&)> on_swap_;

  // Own synchronisation.
  std::atomic<bool> saves_snapshots_;
  std::atomic<std::uint64_t> keep_versions_{0};

  Mutex change_mutex_;  // held through a whole change
  mutable Mutex mutex_;
  std::shared_ptr<const lists::Catalog> current_ TAMIZ_GUARDED_BY(mutex_);  // replaced whole, never edited

  Mutex merge_mutex_;
  CondVar merge_wake_, merge_idle_;
  std::vector<std::string> merge_wanted_ TAMIZ_GUARDED_BY(merge_mutex_);  // list ids; the first is at work
  std::map<std::string, std::uint64_t, std::less<>> saved_
      TAMIZ_GUARDED_BY(merge_mutex_);  // versions, by list
  std::jthread merger_;                // last: uses all of the above
};

}  // namespace tamiz::store
