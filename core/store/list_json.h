// The parts of a list that are stored as JSON, the same in every store.
#pragma once

#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/lists/hash_list.h"
#include "core/store/store.h"

namespace tamiz::store {

[[nodiscard]] std::string PolicyToJson(const lists::ListPolicy& policy);
// Fields that are missing take their defaults. DATA_LOSS if it is not what PolicyToJson writes.
[[nodiscard]] StatusOr<lists::ListPolicy> PolicyFromJson(const std::string& json);

[[nodiscard]] std::string LabelsToJson(const std::vector<std::string>& labels);
[[nodiscard]] StatusOr<std::vector<std::string>> LabelsFromJson(const std::string& json);

[[nodiscard]] std::string RecordLabelsToJson(const std::map<std::string, std::string>& labels);
[[nodiscard]] std::string HitsToJson(const std::vector<ScanRecord::Hit>& hits);
// Fills labels and hits.
[[nodiscard]] Status RecordFromJson(const std::string& labels, const std::string& hits, ScanRecord& record);

}  // namespace tamiz::store
