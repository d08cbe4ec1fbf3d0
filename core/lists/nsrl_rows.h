// NSRL RDSv2 (NSRLFile.txt): digests of known software, for allow lists.
#pragma once

#include "core/lists/row_format.h"

namespace tamiz::lists {

// Only the digests are kept: the same file stands there once for every product that ships it, and an entry's
// id is derived from its SHA-1, so that all of these are one entry.
class NsrlRows final : public RowFormat {
 public:
  [[nodiscard]] Status TakeHeader(std::span<const std::string> names) override;
  [[nodiscard]] bool ReadRow(std::span<const std::string> fields, ParsedRow& row) override;

 private:
  std::size_t sha1_ = kNoColumn, md5_ = kNoColumn;
};

}  // namespace tamiz::lists
