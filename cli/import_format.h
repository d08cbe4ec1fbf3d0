// How a file for tamiz list import is to be read, as options.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tamiz/v1/list_service.pb.h"

namespace tamiz::cli {

struct ImportFormat {
  std::string format, delimiter, default_hash_type, encoding, entry_id, denylist_file;
  bool no_header = false, derive_ids = false, skip_unmapped = false, refuse_unmapped = false;
  std::string column_entry_id, column_hash_type, column_value, column_labels, column_metadata, column_quality,
      column_time_ms, column_category;
  std::vector<std::string> hash_columns;  // COLUMN=KIND or COLUMN=KIND/ENCODING
  std::vector<std::string> categories;    // KEY=LABEL;LABEL…, KEY=- or a file of such lines
};

void AddFormatOptions(CLI::App& command, ImportFormat& format);

// What is wrong, empty if nothing. `file` names the format where no option does.
[[nodiscard]] std::string FillFormat(const ImportFormat& format, const std::string& file,
                                     v1::ImportOptions& options);

// Adds the rule of one line, "KEY=LABEL;LABEL…", or "KEY=-" to keep its rows out. What is wrong, empty if
// nothing.
[[nodiscard]] std::string AddCategoryRule(const std::string& line, v1::ImportOptions& options);

}  // namespace tamiz::cli
