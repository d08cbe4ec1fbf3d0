#include "cli/loaded_list.h"

#include <fmt/format.h>

#include "cli/output.h"

namespace tamiz::cli {

std::vector<std::string> RemarksOn(const v1::LoadedList& list) {
  std::vector<std::string> remarks;
  if (list.stale()) {
    remarks.push_back(
        fmt::format("STALE: last known to be complete {}, longer ago than its max age; scans are INCOMPLETE",
                    Text(list.complete_at())));
  }
  if (list.breaker_tripped()) {
    remarks.emplace_back("TRIPPED: the whole list is in shadow until `tamiz list reset-breaker`");
  }
  if (list.entries_tripped() > 0) {
    remarks.push_back(
        fmt::format("tripped: {} entries are in shadow (tamiz list holds)", list.entries_tripped()));
  }
  if (list.entries_disabled() > 0) {
    remarks.push_back(fmt::format("disabled: {} entries (tamiz list holds)", list.entries_disabled()));
  }
  if (list.flat_hashes() + list.shared_hashes() > 0) {
    remarks.push_back(
        fmt::format("suspect: {} nearly flat hashes, {} of values that thousands share; they match "
                    "much: ask the list's source",
                    list.flat_hashes(), list.shared_hashes()));
  }
  if (list.low_quality_hashes() > 0) {
    remarks.push_back(
        fmt::format("not searched: {} hashes below the quality floor", list.low_quality_hashes()));
  }
  return remarks;
}

}  // namespace tamiz::cli
