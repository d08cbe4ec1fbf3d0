#include "core/lists/catalog.h"

#include <algorithm>

namespace tamiz::lists {

const ListSnapshot* Catalog::Find(std::string_view name_or_id) const {
  const auto at = std::find_if(lists.begin(), lists.end(), [&](const auto& list) {
    return list->info.name == name_or_id || list->info.list_id == name_or_id;
  });
  return at == lists.end() ? nullptr : at->get();
}

WallTime Catalog::CompleteAt(const ListSnapshot& list) const {
  const WallTime changed = list.info.version == 0 ? list.info.created_at : list.info.updated_at;
  return freshness ? std::max(changed, freshness->Of(list.info.list_id).value_or(changed)) : changed;
}

bool Catalog::IsStale(const ListSnapshot& list, WallTime now) const {
  return list.info.policy.max_age && now - CompleteAt(list) > *list.info.policy.max_age;
}

}  // namespace tamiz::lists
