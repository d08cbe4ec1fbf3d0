#include "core/lists/catalog.h"

#include <algorithm>

namespace tamiz::lists {

const ListSnapshot* Catalog::Find(std::string_view name_or_id) const {
  const auto at = std::find_if(lists.begin(), lists.end(), [&](const auto& list) {
    return list->info.name == name_or_id || list->info.list_id == name_or_id;
  });
  return at == lists.end() ? nullptr : at->get();
}

}  // namespace tamiz::lists
