// Entries as rows of a file.
#pragma once

#include <string>

#include "tamiz/v1/list_service.pb.h"

namespace tamiz::cli {

// The header that `tamiz list import --format csv` reads by default, with its optional columns.
inline constexpr const char* kCsvHeader = "entry_id,hash_type,value,labels,metadata,quality,time_ms\n";

// One row a hash; opaque ones as "opaque:NAME" with "hex:" before the value.
[[nodiscard]] std::string CsvRows(const v1::Entry& entry);

}  // namespace tamiz::cli
