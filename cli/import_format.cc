#include "cli/import_format.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

namespace tamiz::cli {
namespace {

// The state files of python-threatexchange, simple.<TYPE>.te, name the kind of their hashes.
std::string KindOfStateFile(const std::string& name) {
  constexpr std::string_view kBegin = "simple.", kEnd = ".te";
  if (!name.starts_with(kBegin) || !name.ends_with(kEnd) || name.size() <= kBegin.size() + kEnd.size())
    return "";
  std::string kind =
      CLI::detail::to_lower(name.substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size()));
  for (const std::string_view prefix : {"hash_", "video_"}) {
    if (kind.starts_with(prefix)) kind.erase(0, prefix.size());
  }
  for (const std::string_view known : {"md5", "sha1", "sha256", "pdq", "photodna"}) {
    if (kind == known) return kind;
  }
  return "opaque:" + kind;
}

std::string_view Trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Calls `each` with every line that is neither empty nor a comment, until it says what is wrong.
template <typename Each>
std::string ForEachLine(const std::string& path, const Each& each) {
  std::ifstream file(path);
  if (!file) return fmt::format("cannot read {}: {}", path, std::strerror(errno));
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    std::string_view text = Trimmed(line);
    if (number == 1 && text.starts_with("\xef\xbb\xbf")) text = Trimmed(text.substr(3));
    if (text.empty() || text.front() == '#') continue;
    if (const std::string fault = each(std::string(text)); !fault.empty()) {
      return fmt::format("{}:{}: {}", path, number, fault);
    }
  }
  return {};
}

std::string AddHashColumn(const std::string& text, v1::ImportOptions& options) {
  const auto equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return fmt::format("--hash-column {}: expected COLUMN=KIND or COLUMN=KIND/ENCODING", text);
  }
  v1::HashColumn& column = *options.add_hash_columns();
  column.set_column(text.substr(0, equals));
  const std::string kind = text.substr(equals + 1);
  const auto slash = kind.find('/');
  column.set_hash_type(kind.substr(0, slash));
  if (slash != std::string::npos) column.set_encoding(kind.substr(slash + 1));
  return {};
}

}  // namespace

std::string AddCategoryRule(const std::string& line, v1::ImportOptions& options) {
  const auto equals = line.find('=');
  const std::string_view key = Trimmed(std::string_view(line).substr(0, equals));
  if (equals == std::string::npos || key.empty()) {
    return fmt::format("\"{}\" is no category rule; expected KEY=LABEL;LABEL… or KEY=- to keep rows out",
                       line);
  }
  v1::CategoryRule& rule = *options.add_categories();
  rule.set_category(std::string(key));
  std::string_view labels = Trimmed(std::string_view(line).substr(equals + 1));
  rule.set_skip(labels == "-");
  if (rule.skip()) return {};
  while (!labels.empty()) {
    const auto end = std::min(labels.find(';'), labels.size());
    if (const auto label = Trimmed(labels.substr(0, end)); !label.empty())
      rule.add_labels(std::string(label));
    labels.remove_prefix(std::min(end + 1, labels.size()));
  }
  return {};
}

void AddFormatOptions(CLI::App& command, ImportFormat& format) {
  command
      .add_option(
          "--format", format.format,
          "auto (default), csv, tsv, ndjson, vics, caid, icse, photodna, threatexchange, vpdq, or nsrl "
          "(allow lists)")
      ->check(CLI::IsMember({"auto", "csv", "tsv", "ndjson", "vics", "caid", "icse", "photodna",
                             "threatexchange", "vpdq", "nsrl"}));
  command
      .add_option(
          "--category-map", format.categories,
          "what a category means: KEY=LABEL;LABEL…, or KEY=- to keep its rows out, or a file with one "
          "such line each; may be repeated")
      ->allow_extra_args(false);
  command.add_flag("--skip-unmapped", format.skip_unmapped,
                   "keep out and count rows whose category is not mapped (the default, spelled out)");
  command
      .add_flag("--refuse-unmapped", format.refuse_unmapped,
                "change nothing if the file has a category that is neither mapped nor kept out by KEY=-")
      ->excludes("--skip-unmapped");
  command.add_option("--delimiter", format.delimiter, "one character between columns; \\t for a tab");
  command.add_flag("--no-header", format.no_header, "the first row is data; columns are numbers from 1");
  command.add_option("--column-id", format.column_entry_id, "column of the entry's id");
  command.add_option("--column-type", format.column_hash_type, "column of the hash type");
  command.add_option("--column-value", format.column_value, "column of the hash");
  command.add_option("--column-labels", format.column_labels, "column of the labels");
  command.add_option("--column-metadata", format.column_metadata, "column of the metadata");
  command.add_option("--column-quality", format.column_quality, "column of the PDQ quality");
  command.add_option("--column-time-ms", format.column_time_ms,
                     "column of a video frame's time in milliseconds");
  command.add_option("--column-category", format.column_category,
                     "column of the category; see --category-map");
  command
      .add_option(
          "--hash-column", format.hash_columns,
          "COLUMN=KIND or COLUMN=KIND/ENCODING: a column with hashes of one kind; repeated for rows with "
          "several")
      ->allow_extra_args(false);
  command.add_option("--encoding", format.encoding, "of the value: auto (default), hex, base64 or decimal")
      ->check(CLI::IsMember({"auto", "hex", "base64", "decimal"}));
  command.add_option(
      "--default-hash-type", format.default_hash_type,
      "kind of all hashes if no column tells: md5, sha1, sha256, pdq, photodna or opaque:NAME");
  command.add_flag("--derive-ids", format.derive_ids, "rows without an id get one derived from their hash");
  command.add_option("--entry-id", format.entry_id, "vpdq: id of the entry; the file's name if left out");
  command.add_option("--photodna-denylist", format.denylist_file,
                     "file with PhotoDNA values, one a line, that say nothing and are left out");
}

std::string FillFormat(const ImportFormat& format, const std::string& file, v1::ImportOptions& options) {
  const std::filesystem::path path = file == "-" ? "" : file;
  const std::string name = path.filename().string();
  const std::string state_kind = KindOfStateFile(name);
  std::string by_name = "auto";
  if (name.ends_with(".tsv")) by_name = "tsv";
  if (name.ends_with(".ndjson") || name.ends_with(".jsonl")) by_name = "ndjson";
  if (!state_kind.empty()) by_name = "threatexchange";
  options.set_format(format.format.empty() ? by_name : format.format);
  options.set_default_hash_type(format.default_hash_type.empty() && options.format() == "threatexchange"
                                    ? state_kind
                                    : format.default_hash_type);
  options.set_delimiter(format.delimiter == "\\t" ? "\t" : format.delimiter);
  options.set_no_header(format.no_header);
  options.set_value_encoding(format.encoding);
  options.set_derive_entry_ids(format.derive_ids);
  options.set_refuse_unmapped(format.refuse_unmapped);
  options.set_entry_id(format.entry_id.empty() ? path.stem().string() : format.entry_id);
  v1::ColumnMapping& columns = *options.mutable_columns();
  columns.set_entry_id(format.column_entry_id);
  columns.set_hash_type(format.column_hash_type);
  columns.set_value(format.column_value);
  columns.set_labels(format.column_labels);
  columns.set_metadata(format.column_metadata);
  columns.set_quality(format.column_quality);
  columns.set_time_ms(format.column_time_ms);
  columns.set_category(format.column_category);
  for (const std::string& column : format.hash_columns) {
    if (std::string fault = AddHashColumn(column, options); !fault.empty()) return fault;
  }
  for (const std::string& given : format.categories) {
    const auto add = [&options](const std::string& line) { return AddCategoryRule(line, options); };
    const bool is_rule = given.find('=') != std::string::npos && given.find('/') == std::string::npos;
    if (std::string fault = is_rule ? add(given) : ForEachLine(given, add); !fault.empty()) return fault;
  }
  if (format.denylist_file.empty()) return {};
  return ForEachLine(format.denylist_file, [&options](const std::string& line) {
    options.add_photodna_denylist(line);
    return std::string();
  });
}

}  // namespace tamiz::cli
