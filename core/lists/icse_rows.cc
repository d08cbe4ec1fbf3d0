#include "core/lists/icse_rows.h"

#include <fmt/format.h>

#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

constexpr std::string_view kNames[] = {"MD5", "SHA1", "PhotoDNA", "Image ID", "Series name", "Baseline"};
constexpr std::pair<std::string_view, std::string_view> kFlags[] = {
    {"Is distributed", "is_distributed"},
    {"Victim identified", "victim_identified"},
    {"Offender identified", "offender_identified"},
};

bool IsYes(std::string_view text) {
  const std::string plain = LowerAscii(Trim(text));
  return plain == "yes" || plain == "true" || plain == "1" || plain == "y";
}

std::string_view BaselineCategory(std::string_view text) {
  if (IsYes(text)) return "baseline";
  const std::string plain = LowerAscii(Trim(text));
  return plain == "no" || plain == "false" || plain == "0" || plain == "n" ? "non-baseline" : "";
}

}  // namespace

std::vector<CategoryRule> IcseRows::DefaultRules() {
  return {{.category = "baseline", .labels = {"baseline"}}, {.category = "non-baseline", .skip = true}};
}

Status IcseRows::TakeHeader(std::span<const std::string> names) {
  for (std::size_t field = 0; field < kFields; ++field) {
    TAMIZ_ASSIGN_OR_RETURN(columns_[field], FindColumn(names, kNames[field]));
  }
  for (const auto& [name, key] : kFlags) {
    TAMIZ_ASSIGN_OR_RETURN(const std::size_t column, FindColumn(names, name));
    if (column != kNoColumn) flags_.emplace_back(column, key);
  }
  if ((columns_[kMd5] == kNoColumn && columns_[kSha1] == kNoColumn) || columns_[kBaseline] == kNoColumn) {
    return InvalidArgument(
        fmt::format("an ICSE file has the columns 'MD5' or 'SHA1', and 'Baseline', separated by ';'; {}",
                    ShownColumns(names)));
  }
  return OkStatus();
}

bool IcseRows::ReadRow(std::span<const std::string> fields, ParsedRow& row) {
  Entry& entry = row.entry;
  const std::pair<Field, HashKind> kinds[] = {
      {kMd5, HashType::kMd5},
      {kSha1, HashType::kSha1},
      {kPhotoDnaValue, {HashType::kOpaque, std::string(kPhotoDna)}},
  };
  for (const auto& [field, kind] : kinds) {
    const std::string_view text = Trim(FieldAt(fields, columns_[field]));
    if (text.empty()) continue;
    EntryHash hash;
    hash.type = kind.type;
    hash.opaque_type = kind.opaque_type;
    std::string fault = DecodeHash(kind, HashEncoding::kAuto, text, hash.value);
    if (hash.type == HashType::kOpaque) {
      if (fault.empty() && junk_.Contains(hash)) fault = "a photodna value that is junk";
      if (!fault.empty()) {
        row.dropped.push_back(std::move(fault));
        continue;
      }
    }
    if (row.fault = std::move(fault); !row.fault.empty()) return false;
    entry.hashes.push_back(std::move(hash));
  }
  if (entry.hashes.empty()) {
    row.fault = "the row has no hash that can be used";
    return false;
  }
  entry.id = Trim(FieldAt(fields, columns_[kImageId]));
  if (entry.id.empty()) entry.id = DerivedId(entry.hashes.front());
  for (const auto& [column, key] : flags_) {
    if (IsYes(FieldAt(fields, column))) entry.metadata[key] = "true";
  }
  if (const auto series = Trim(FieldAt(fields, columns_[kSeries])); !series.empty()) {
    entry.metadata["series"] = series;
  }
  ApplyCategory(categories_, BaselineCategory(FieldAt(fields, columns_[kBaseline])), row);
  return false;
}

}  // namespace tamiz::lists
