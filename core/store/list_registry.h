// Applies changes of lists through the store and publishes what scans see.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/lists/catalog.h"
#include "core/store/store.h"

namespace tamiz::store {

// Thread-safe. Changes of one list run one after another; scans never wait for them. Every method but
// Current() blocks on the store and on building the index.
class ListRegistry {
 public:
  // `store` and `clock` outlive the registry.
  ListRegistry(Store& store, const Clock& clock);

  // Loads every list. One that cannot be loaded stands in Catalog::unavailable; error only if the store
  // cannot be read at all.
  [[nodiscard]] Status LoadAll();

  // What scans use now.
  [[nodiscard]] std::shared_ptr<const lists::Catalog> Current() const;

  [[nodiscard]] StatusOr<lists::ListInfo> CreateList(lists::ListInfo info);  // id, times and version are given here
  [[nodiscard]] StatusOr<lists::ListInfo> GetList(std::string_view name_or_id);
  [[nodiscard]] StatusOr<std::vector<lists::ListInfo>> Lists();
  [[nodiscard]] StatusOr<lists::ListInfo> UpdateList(const lists::ListInfo& info);
  [[nodiscard]] Status DeleteList(std::string_view name_or_id);  // FAILED_PRECONDITION for built-in lists
  [[nodiscard]] StatusOr<lists::ListInfo> Apply(std::string_view name_or_id, const Change& change, bool dry_run,
                                                ChangeCounts& counts);
  [[nodiscard]] StatusOr<lists::ListInfo> Rollback(std::string_view name_or_id, std::uint64_t version);

  // Called after each swap with the list that changed, without locks held. Set once, before the first change.
  void OnSwap(std::function<void(const lists::ListInfo&)> listener);

 private:
  Status Publish(const lists::ListInfo& info);

  // Constant after construction.
  Store& store_;
  const Clock& clock_;
  std::function<void(const lists::ListInfo&)> on_swap_;

  Mutex change_mutex_;  // held through a whole change
  mutable Mutex mutex_;
  std::shared_ptr<const lists::Catalog> current_ TAMIZ_GUARDED_BY(mutex_);  // replaced whole, never edited
};

}  // namespace tamiz::store
