#include "core/match/consulted_lists.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "fmt/format.h"

namespace tamiz::match {
namespace {

using media::IncompleteCode;

void Consult(const lists::ListSnapshot& list, ConsultedLists& chosen) {
  if (list.info.kind == lists::ListKind::kBlock) {
    if (std::find(chosen.block.begin(), chosen.block.end(), &list) == chosen.block.end())
      chosen.block.push_back(&list);
  } else if (list.info.policy.mode == lists::ListMode::kEnforce) {
    if (std::find(chosen.allow.begin(), chosen.allow.end(), &list) == chosen.allow.end())
      chosen.allow.push_back(&list);
  }
}

media::IncompleteReason Unavailable(const lists::UnavailableList& list) {
  return {IncompleteCode::kListUnavailable,
          fmt::format("list {} could not be consulted: {}", list.name, list.why)};
}

// Says so of a list that is older than its policy allows.
void CheckAge(const lists::ListSnapshot& list, const lists::Catalog& catalog, WallTime now,
              std::vector<media::IncompleteReason>& reasons) {
  if (!catalog.IsStale(list, now)) return;
  const std::optional<WallTime> complete_at = catalog.CompleteBefore(list, now);
  if (!complete_at) {
    reasons.push_back({IncompleteCode::kListUnavailable,
                       fmt::format("list {} changed at a time that is still to come: how old it is nobody "
                                   "knows, and its policy limits that (max_age); look at the clock",
                                   list.info.name)});
    return;
  }
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - *complete_at);
  reasons.push_back(
      {IncompleteCode::kListUnavailable,
       fmt::format("list {} was last known to be complete {} s ago; its policy allows {} s (max_age)",
                   list.info.name, age.count(), list.info.policy.max_age->count())});
}

}  // namespace

StatusOr<ConsultedLists> ChooseLists(const lists::Catalog& catalog, const std::vector<std::string>& wanted,
                                     WallTime now, std::vector<media::IncompleteReason>& reasons) {
  ConsultedLists chosen;
  const std::size_t reasons_before = reasons.size();
  if (wanted.empty()) {
    for (const auto& list : catalog.lists) {
      if (list->info.policy.mode != lists::ListMode::kOff) Consult(*list, chosen);
    }
    for (const auto& list : catalog.unavailable) reasons.push_back(Unavailable(list));
  }
  for (const std::string& name : wanted) {
    bool exists = false;
    for (const auto& list : catalog.lists) {
      if (list->info.name != name && list->info.list_id != name) continue;
      exists = true;
      if (list->info.policy.mode == lists::ListMode::kOff) {
        reasons.push_back(
            {IncompleteCode::kListUnavailable,
             fmt::format("list {} was asked for and is switched off by its policy", list->info.name)});
      } else {
        Consult(*list, chosen);
      }
    }
    for (const auto& list : catalog.unavailable) {
      if (list.name != name && list.list_id != name) continue;
      exists = true;
      reasons.push_back(Unavailable(list));
    }
    if (!exists) {
      return MakeError(StatusCode::kNotFound,
                       fmt::format("there is no list named \"{}\"; see ListLists", name), "LIST_NOT_FOUND");
    }
  }
  for (const auto* group : {&chosen.block, &chosen.allow}) {
    for (const lists::ListSnapshot* list : *group) CheckAge(*list, catalog, now, reasons);
  }
  if (chosen.block.empty() && reasons.size() == reasons_before) {
    reasons.push_back({IncompleteCode::kListUnavailable,
                       "no list is loaded that could say what is known: create one and import entries"});
  }
  return chosen;
}

}  // namespace tamiz::match
