// Which lists a look-up goes through.
#pragma once

#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/lists/catalog.h"
#include "core/media/incomplete.h"

namespace tamiz::match {

// The lists of one look-up, all searchable. Points into the catalog.
struct ConsultedLists {
  std::vector<const lists::ListSnapshot*> block;  // modes enforce and shadow
  std::vector<const lists::ListSnapshot*> allow;  // mode enforce; an allow list in shadow has nothing to say
};

// As for Conclude. Adds LIST_UNAVAILABLE to `reasons` for every list that should be consulted and cannot be:
// those that could not be loaded, those named although they are off, those that are older than their policy
// allows (they are consulted all the same: what matches, matches), and once if there is nothing to consult at
// all.
[[nodiscard]] StatusOr<ConsultedLists> ChooseLists(const lists::Catalog& catalog,
                                                   const std::vector<std::string>& wanted, WallTime now,
                                                   std::vector<media::IncompleteReason>& reasons);

}  // namespace tamiz::match
