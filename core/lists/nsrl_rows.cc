#include "core/lists/nsrl_rows.h"

#include <fmt/format.h>

#include "core/lists/hash_text.h"
#include "core/lists/text.h"

namespace tamiz::lists {

Status NsrlRows::TakeHeader(std::span<const std::string> names) {
  TAMIZ_ASSIGN_OR_RETURN(sha1_, FindColumn(names, "SHA-1"));
  TAMIZ_ASSIGN_OR_RETURN(md5_, FindColumn(names, "MD5"));
  if (sha1_ == kNoColumn) {
    return InvalidArgument(
        fmt::format("an NSRL file has the columns \"SHA-1\" and \"MD5\"; {}", ShownColumns(names)));
  }
  return OkStatus();
}

bool NsrlRows::ReadRow(std::span<const std::string> fields, ParsedRow& row) {
  Entry& entry = row.entry;
  EntryHash& sha1 = entry.hashes.emplace_back();
  sha1.type = HashType::kSha1;
  row.fault = DecodeHash(HashType::kSha1, HashEncoding::kHex, FieldAt(fields, sha1_), sha1.value);
  if (!row.fault.empty()) return false;
  entry.id = DerivedId(sha1);
  if (const auto text = Trim(FieldAt(fields, md5_)); !text.empty()) {
    EntryHash md5;
    md5.type = HashType::kMd5;
    row.fault = DecodeHash(HashType::kMd5, HashEncoding::kHex, text, md5.value);
    entry.hashes.push_back(std::move(md5));
  }
  return false;
}

}  // namespace tamiz::lists
