// Rows whose columns the operator names.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "core/lists/categories.h"
#include "core/lists/row_format.h"

namespace tamiz::lists {

// One row is an entry with one hash (columns hash_type and value) or, with ReadOptions::hash_columns, with
// one of each column that is not empty.
class ColumnRows final : public RowFormat {
 public:
  // INVALID_ARGUMENT if, without a header, columns are not numbers.
  [[nodiscard]] static StatusOr<std::unique_ptr<RowFormat>> Make(const ReadOptions& options,
                                                                 Categories categories);

  [[nodiscard]] Status TakeHeader(std::span<const std::string> names) override;
  [[nodiscard]] bool ReadRow(std::span<const std::string> fields, ParsedRow& row) override;

 private:
  // Positions in `columns_`.
  enum Field { kEntryId, kHashType, kValue, kLabels, kMetadata, kQuality, kTimeMs, kCategory, kFields };

  ColumnRows(const ReadOptions& options, Categories categories);
  static std::array<const std::string*, kFields> Names(const ColumnMapping& columns);
  // Without a header, columns are numbers; names left at their defaults stand for the default order.
  Status SetColumnNumbers();
  // Names of needed columns that are missing.
  std::vector<std::string> Missing() const;
  std::string ReadHashes(std::span<const std::string> fields, ParsedRow& row) const;
  std::string ReadHashColumns(std::span<const std::string> fields, ParsedRow& row) const;

  // Constant after construction.
  const ReadOptions options_;
  const Categories categories_;

  std::array<std::size_t, kFields> columns_;
  std::vector<std::size_t> hash_columns_;
};

}  // namespace tamiz::lists
