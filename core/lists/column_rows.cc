#include "core/lists/column_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/lists/row_entry.h"
#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

std::optional<std::size_t> ParseColumnNumber(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1 || number > 1000)
    return std::nullopt;
  return number - 1;
}

Status NotANumber(std::string_view field) {
  return WithField(InvalidArgument(fmt::format("{} is not a column number; without a header columns are "
                                               "numbered from 1",
                                               field)),
                   fmt::format("options.{}", field));
}

}  // namespace

StatusOr<std::unique_ptr<RowFormat>> ColumnRows::Make(const ReadOptions& options, Categories categories) {
  std::unique_ptr<ColumnRows> rows(new ColumnRows(options, std::move(categories)));
  if (!options.has_header) TAMIZ_RETURN_IF_ERROR(rows->SetColumnNumbers());
  return std::unique_ptr<RowFormat>(std::move(rows));
}

ColumnRows::ColumnRows(const ReadOptions& options, Categories categories)
    : options_(options),
      categories_(std::move(categories)),
      hash_columns_(options.hash_columns.size(), kNoColumn) {
  columns_.fill(kNoColumn);
}

std::array<const std::string*, ColumnRows::kFields> ColumnRows::Names(const ColumnMapping& columns) {
  return {&columns.entry_id, &columns.hash_type, &columns.value,   &columns.labels,
          &columns.metadata, &columns.quality,   &columns.time_ms, &columns.category};
}

Status ColumnRows::SetColumnNumbers() {
  const ColumnMapping defaults;
  const auto names = Names(options_.columns);
  const auto default_names = Names(defaults);
  const bool all_default = options_.hash_columns.empty() &&
                           std::equal(names.begin(), names.end(), default_names.begin(),
                                      [](const std::string* a, const std::string* b) { return *a == *b; });
  for (std::size_t field = 0; field < kFields; ++field) {
    if (all_default) {
      columns_[field] = field <= kMetadata ? field : kNoColumn;
    } else if (const auto number = ParseColumnNumber(*names[field])) {
      columns_[field] = *number;
    } else if (!names[field]->empty() && *names[field] != *default_names[field]) {
      const std::string_view name = field == kCategory ? std::string_view("category") : *default_names[field];
      return NotANumber(fmt::format("columns.{}", name));
    }
  }
  for (std::size_t i = 0; i < hash_columns_.size(); ++i) {
    const auto number = ParseColumnNumber(options_.hash_columns[i].column);
    if (!number) return NotANumber("hash_columns");
    hash_columns_[i] = *number;
  }
  if (!Missing().empty()) {
    return WithField(
        InvalidArgument(
            "without a header the numbers of the columns entry_id (or derived ids), and value and "
            "hash_type (or a default hash type, or hash columns) are needed"),
        "options.columns");
  }
  return OkStatus();
}

std::vector<std::string> ColumnRows::Missing() const {
  std::vector<std::string> missing;
  const auto names = Names(options_.columns);
  const auto need = [&](Field field) {
    if (columns_[field] == kNoColumn) missing.push_back(fmt::format("'{}'", *names[field]));
  };
  if (!options_.derive_ids) need(kEntryId);
  if (hash_columns_.empty()) {
    if (!options_.default_hash_type) need(kHashType);
    need(kValue);
  }
  if (!options_.columns.category.empty()) need(kCategory);
  for (std::size_t i = 0; i < hash_columns_.size(); ++i) {
    if (hash_columns_[i] == kNoColumn)
      missing.push_back(fmt::format("'{}'", options_.hash_columns[i].column));
  }
  return missing;
}

Status ColumnRows::TakeHeader(std::span<const std::string> names) {
  const auto wanted = Names(options_.columns);
  for (std::size_t field = 0; field < kFields; ++field) {
    TAMIZ_ASSIGN_OR_RETURN(columns_[field], FindColumn(names, *wanted[field]));
  }
  for (std::size_t i = 0; i < hash_columns_.size(); ++i) {
    TAMIZ_ASSIGN_OR_RETURN(hash_columns_[i], FindColumn(names, options_.hash_columns[i].column));
  }
  const std::vector<std::string> missing = Missing();
  if (missing.empty()) return OkStatus();
  return InvalidArgument(fmt::format(
      "the header has no column {}; {}. Name the columns in the import's options{}, or say that "
      "the file has no header",
      fmt::join(missing, ", "), ShownColumns(names),
      columns_[kEntryId] == kNoColumn && !options_.derive_ids ? ", let ids be derived from the hashes" : ""));
}

std::string ColumnRows::ReadHashColumns(std::span<const std::string> fields, ParsedRow& row) const {
  for (std::size_t i = 0; i < hash_columns_.size(); ++i) {
    const std::string_view text = Trim(FieldAt(fields, hash_columns_[i]));
    if (text.empty()) continue;
    const HashColumn& column = options_.hash_columns[i];
    EntryHash hash;
    hash.type = column.kind.type;
    hash.opaque_type = column.kind.opaque_type;
    std::string fault = DecodeHash(column.kind, column.encoding, text, hash.value);
    if (fault.empty() && hash.type == HashType::kPdq) {
      RowFields quality;
      quality.quality = FieldAt(fields, columns_[kQuality]);
      quality.time_ms = FieldAt(fields, columns_[kTimeMs]);
      fault = ReadQualityAndTime(quality, hash);
    }
    if (hash.type == HashType::kOpaque && (!fault.empty() || options_.junk.Contains(hash))) {
      row.dropped.push_back(fault.empty() ? "a photodna value that is junk" : std::move(fault));
      continue;
    }
    if (!fault.empty()) return fault;
    row.entry.hashes.push_back(std::move(hash));
  }
  return row.entry.hashes.empty() ? "the row has no hash value" : "";
}

std::string ColumnRows::ReadHashes(std::span<const std::string> fields, ParsedRow& row) const {
  if (!hash_columns_.empty()) return ReadHashColumns(fields, row);
  RowFields text;
  text.hash_type = FieldAt(fields, columns_[kHashType]);
  text.value = FieldAt(fields, columns_[kValue]);
  text.quality = FieldAt(fields, columns_[kQuality]);
  text.time_ms = FieldAt(fields, columns_[kTimeMs]);
  EntryHash& hash = row.entry.hashes.emplace_back();
  if (std::string fault = ReadHash(text, options_.default_hash_type, options_.value_encoding, hash);
      !fault.empty()) {
    return fault;
  }
  return options_.junk.Contains(hash) ? "the photodna value is junk" : "";
}

bool ColumnRows::ReadRow(std::span<const std::string> fields, ParsedRow& row) {
  Entry& entry = row.entry;
  entry.id = Trim(FieldAt(fields, columns_[kEntryId]));
  if (entry.id.empty() && !options_.derive_ids) {
    row.fault = "the row has no entry id";
    return false;
  }
  if (row.fault = ReadHashes(fields, row); !row.fault.empty()) return false;
  if (entry.id.empty()) entry.id = DerivedId(entry.hashes.front());
  RowFields text;
  text.labels = FieldAt(fields, columns_[kLabels]);
  text.metadata = FieldAt(fields, columns_[kMetadata]);
  if (row.fault = ReadLabelsAndMetadata(text, entry); !row.fault.empty()) return false;
  if (columns_[kCategory] != kNoColumn) {
    ApplyCategory(categories_, FieldAt(fields, columns_[kCategory]), row);
  }
  return false;
}

}  // namespace tamiz::lists
