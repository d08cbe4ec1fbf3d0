// What the rows of one kind of CSV file mean.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/lists/entry_reader.h"

namespace tamiz::lists {

class RowFormat {
 public:
  virtual ~RowFormat() = default;
  // Called once, first, for files with a header. INVALID_ARGUMENT names the columns that are missing and
  // those that are there.
  [[nodiscard]] virtual Status TakeHeader(std::span<const std::string> names) = 0;
  // Fills `row`. True if the row says nothing at all (a comment).
  [[nodiscard]] virtual bool ReadRow(std::span<const std::string> fields, ParsedRow& row) = 0;
};

// A column's name for a message. Without a header the "names" are the first row's values: never show those.
[[nodiscard]] std::string ShownName(std::string_view name);
// "it has 3 columns: 'a', 'b', 'c'", at most 20 of them.
[[nodiscard]] std::string ShownColumns(std::span<const std::string> names);

inline constexpr std::size_t kNoColumn = ~std::size_t{0};
// Position of the column `name` (any case, trimmed), or kNoColumn. INVALID_ARGUMENT if it stands there twice.
[[nodiscard]] StatusOr<std::size_t> FindColumn(std::span<const std::string> names, std::string_view name);

// The field of a row, or nothing where the row is too short or the column is none.
[[nodiscard]] inline std::string_view FieldAt(std::span<const std::string> fields, std::size_t column) {
  return column < fields.size() ? std::string_view(fields[column]) : std::string_view();
}

}  // namespace tamiz::lists
