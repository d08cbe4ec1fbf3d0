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

std::optional<WallTime> Catalog::CompleteBefore(const ListSnapshot& list, WallTime now) const {
  std::optional<WallTime> known;
  const auto consider = [&](WallTime at) {
    if (at <= now + kClockTolerance && (!known || *known < at)) known = at;
  };
  consider(list.info.version == 0 ? list.info.created_at : list.info.updated_at);
  if (freshness != nullptr) {
    if (const auto confirmed = freshness->Of(list.info.list_id)) consider(*confirmed);
  }
  return known;
}

bool Catalog::IsStale(const ListSnapshot& list, WallTime now) const {
  if (!list.info.policy.max_age) return false;
  const std::optional<WallTime> complete_at = CompleteBefore(list, now);
  return !complete_at || now - *complete_at > *list.info.policy.max_age;
}

}  // namespace tamiz::lists
