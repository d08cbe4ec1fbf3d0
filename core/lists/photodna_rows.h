// PhotoDNA files without a header: a name and a value, or values alone.
#pragma once

#include "core/lists/row_format.h"

namespace tamiz::lists {

// A value is 192 characters of base64, 288 hexadecimal digits, or 144 decimal numbers in columns of their
// own. The values are kept, and given out again by an export; nothing is matched against them. Rows that
// begin with
// '#' are comments.
class PhotoDnaRows final : public RowFormat {
 public:
  explicit PhotoDnaRows(JunkHashes junk) : junk_(std::move(junk)) {}

  [[nodiscard]] Status TakeHeader(std::span<const std::string> names) override;
  [[nodiscard]] bool ReadRow(std::span<const std::string> fields, ParsedRow& row) override;

 private:
  const JunkHashes junk_;
};

}  // namespace tamiz::lists
