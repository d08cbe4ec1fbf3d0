// What an operator should know of a list as scans see it.
#pragma once

#include <string>
#include <vector>

#include "tamiz/v1/admin_service.pb.h"

namespace tamiz::cli {

// Sentences: suspect hashes, entries and lists in shadow, staleness. Empty where all is well.
[[nodiscard]] std::vector<std::string> RemarksOn(const v1::LoadedList& list);

}  // namespace tamiz::cli
