// Interpol ICSE baseline files: ';' between columns, MD5, SHA1, PhotoDNA and what is known of the picture.
#pragma once

#include <array>
#include <vector>

#include "core/lists/categories.h"
#include "core/lists/row_format.h"

namespace tamiz::lists {

// The category of a row is "baseline" where its column Baseline says yes, and "non-baseline" where it says
// no: only the former is illegal everywhere, so only that is taken unless a rule names the other.
class IcseRows final : public RowFormat {
 public:
  IcseRows(Categories categories, JunkHashes junk)
      : categories_(std::move(categories)), junk_(std::move(junk)) {}

  // baseline → label "baseline".
  [[nodiscard]] static std::vector<CategoryRule> DefaultRules();

  [[nodiscard]] Status TakeHeader(std::span<const std::string> names) override;
  [[nodiscard]] bool ReadRow(std::span<const std::string> fields, ParsedRow& row) override;

 private:
  enum Field { kMd5, kSha1, kPhotoDnaValue, kImageId, kSeries, kBaseline, kFields };

  // Constant after construction.
  const Categories categories_;
  const JunkHashes junk_;

  std::array<std::size_t, kFields> columns_{};
  std::vector<std::pair<std::size_t, std::string>> flags_;  // columns of yes or no, and their metadata keys
};

}  // namespace tamiz::lists
