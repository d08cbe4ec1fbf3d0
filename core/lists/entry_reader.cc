#include "core/lists/entry_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "core/lists/column_rows.h"
#include "core/lists/csv_reader.h"
#include "core/lists/file_start_reader.h"
#include "core/lists/icse_rows.h"
#include "core/lists/ndjson_reader.h"
#include "core/lists/nsrl_rows.h"
#include "core/lists/photodna_rows.h"
#include "core/lists/threatexchange_reader.h"
#include "core/lists/vics_reader.h"
#include "core/lists/vpdq_reader.h"

namespace tamiz::lists {
namespace {

using ReaderPtr = std::unique_ptr<EntryReader>;

Status FormatError(const std::string& what) { return WithField(InvalidArgument(what), "options.format"); }

// A file's categories cannot be read without their meaning.
Status NeedsCategories(const ReadOptions& options) {
  if (!options.categories.empty() || options.for_allow_list) return OkStatus();
  return WithField(
      InvalidArgument(
          "the file's categories need a mapping to labels: what a number means differs by country "
          "(options.categories; with the command line --category 1=LABEL)"),
      "options.categories");
}

StatusOr<ReaderPtr> MakeColumns(const ReadOptions& options, char delimiter, EntryReader::Output output) {
  if (!options.columns.category.empty()) TAMIZ_RETURN_IF_ERROR(NeedsCategories(options));
  TAMIZ_ASSIGN_OR_RETURN(Categories categories, Categories::Make(options.categories, options.for_allow_list));
  TAMIZ_ASSIGN_OR_RETURN(std::unique_ptr<RowFormat> rows, ColumnRows::Make(options, std::move(categories)));
  return CsvReader::Make({options.delimiter != 0 ? options.delimiter : delimiter, options.has_header},
                         std::move(rows), std::move(output));
}

StatusOr<ReaderPtr> MakeIcse(const ReadOptions& options, EntryReader::Output output) {
  std::vector<CategoryRule> rules = options.categories;
  if (rules.empty() && !options.for_allow_list) rules = IcseRows::DefaultRules();
  TAMIZ_ASSIGN_OR_RETURN(Categories categories, Categories::Make(rules, options.for_allow_list));
  return CsvReader::Make({options.delimiter != 0 ? options.delimiter : ';', true},
                         std::make_unique<IcseRows>(std::move(categories), options.junk), std::move(output));
}

StatusOr<ReaderPtr> MakeNsrl(const ReadOptions& options, EntryReader::Output output) {
  if (!options.for_allow_list) {
    return FormatError(
        "NSRL files list known-good software: they belong on an allow list (kind ALLOW), never on a list of "
        "material to find");
  }
  return CsvReader::Make({options.delimiter != 0 ? options.delimiter : ',', true},
                         std::make_unique<NsrlRows>(), std::move(output));
}

StatusOr<ReaderPtr> MakeVics(const ReadOptions& options, EntryReader::Output output) {
  TAMIZ_RETURN_IF_ERROR(NeedsCategories(options));
  TAMIZ_ASSIGN_OR_RETURN(Categories categories, Categories::Make(options.categories, options.for_allow_list));
  return ReaderPtr(std::make_unique<VicsReader>(std::move(categories), options.junk, std::move(output)));
}

}  // namespace

void ApplyCategory(const Categories& categories, std::string_view category, ParsedRow& row) {
  row.category = PlainCategory(category);
  Categories::Judgement judgement = categories.Judge(category);
  if (!judgement.taken) {
    row.skip = std::move(judgement.why);
    row.skip_unmapped = judgement.unmapped;
  } else if (judgement.labels != nullptr) {
    row.entry.labels.insert(row.entry.labels.end(), judgement.labels->begin(), judgement.labels->end());
  }
}

void EntryReader::Output::Deliver(std::uint64_t line, ParsedRow&& row) const {
  if (!row.fault.empty()) return on_rejection({line, std::move(row.fault)});
  if (row.category && notes.on_category) notes.on_category(*row.category, !row.skip.empty());
  if (!row.skip.empty()) {
    if (notes.on_skip) notes.on_skip(row.skip, row.skip_unmapped);
    return;
  }
  if (notes.on_dropped_hash) {
    for (const std::string& reason : row.dropped) notes.on_dropped_hash(reason);
  }
  on_entry(line, std::move(row.entry));
}

StatusOr<ReaderPtr> MakeReaderOf(std::string_view format, const ReadOptions& options,
                                 EntryReader::Output output) {
  if (format == "csv") return MakeColumns(options, ',', std::move(output));
  if (format == "tsv") return MakeColumns(options, '\t', std::move(output));
  if (format == "ndjson") return ReaderPtr(std::make_unique<NdjsonReader>(options, std::move(output)));
  if (format == "vics" || format == "caid") return MakeVics(options, std::move(output));
  if (format == "icse") return MakeIcse(options, std::move(output));
  if (format == "nsrl") return MakeNsrl(options, std::move(output));
  if (format == "photodna") {
    return CsvReader::Make({options.delimiter != 0 ? options.delimiter : ',', false},
                           std::make_unique<PhotoDnaRows>(options.junk), std::move(output));
  }
  if (format == "threatexchange") {
    return ReaderPtr(std::make_unique<ThreatExchangeReader>(options, std::move(output)));
  }
  if (format == "vpdq") return ReaderPtr(std::make_unique<VpdqReader>(options.entry_id, std::move(output)));
  return FormatError(fmt::format("unknown format; accepted are auto, {}", fmt::join(kFileFormats, ", ")));
}

StatusOr<ReaderPtr> MakeEntryReader(const ReadOptions& options, EntryReader::OnEntry on_entry,
                                    EntryReader::OnRejection on_rejection, EntryReader::Notes notes) {
  if (options.default_hash_type && options.default_hash_type->type == HashType::kOpaque &&
      options.default_hash_type->opaque_type.empty()) {
    return WithField(
        InvalidArgument("the default hash type must be md5, sha1, sha256, pdq, photodna or opaque:NAME"),
        "options.default_hash_type");
  }
  EntryReader::Output output{std::move(on_entry), std::move(on_rejection), std::move(notes)};
  if (options.format == "auto")
    return ReaderPtr(std::make_unique<FileStartReader>(options, std::move(output)));
  TAMIZ_ASSIGN_OR_RETURN(ReaderPtr reader, MakeReaderOf(options.format, options, std::move(output)));
  return ReaderPtr(std::make_unique<FileStartReader>(std::move(reader)));
}

}  // namespace tamiz::lists
