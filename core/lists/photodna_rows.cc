#include "core/lists/photodna_rows.h"

#include <fmt/format.h>

#include "core/lists/text.h"

namespace tamiz::lists {

Status PhotoDnaRows::TakeHeader(std::span<const std::string>) { return OkStatus(); }

bool PhotoDnaRows::ReadRow(std::span<const std::string> fields, ParsedRow& row) {
  if (!fields.empty() && Trim(fields[0]).starts_with('#')) return true;
  // Blank columns at the end are left by spreadsheets.
  while (!fields.empty() && Trim(fields.back()).empty()) fields = fields.first(fields.size() - 1);
  std::string_view name;
  std::string value;
  const bool has_name = fields.size() == 2 || fields.size() == kPhotoDnaBytes + 1;
  if (has_name) {
    name = Trim(fields[0]);
    fields = fields.subspan(1);
  }
  HashEncoding encoding = HashEncoding::kAuto;
  if (fields.size() == kPhotoDnaBytes) {
    encoding = HashEncoding::kDecimal;
    for (const std::string& field : fields) {
      value += Trim(field);
      value.push_back(',');
    }
    value.pop_back();
  } else if (fields.size() == 1) {
    value = Trim(fields[0]);
  } else {
    row.fault = fmt::format(
        "the row has {} columns; it must have a value, or a name and a value: base64, hexadecimal, or 144 "
        "columns of decimals",
        fields.size());
    return false;
  }
  EntryHash& hash = row.entry.hashes.emplace_back();
  hash.type = HashType::kOpaque;
  hash.opaque_type = kPhotoDna;
  row.fault = DecodeHash({HashType::kOpaque, std::string(kPhotoDna)}, encoding, value, hash.value);
  if (row.fault.empty() && junk_.Contains(hash)) row.skip = "the photodna value is junk";
  row.entry.id = name.empty() ? DerivedId(hash) : std::string(name);
  return false;
}

}  // namespace tamiz::lists
