#include "core/lists/csv_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/hex.h"
#include "core/lists/row_entry.h"
#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

constexpr std::size_t kMaxRowBytes = 1 << 20;
// Input is taken in slices, so that going back costs a slice and not a whole upload.
constexpr std::size_t kSliceBytes = 4096;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// A column's name for a message. Without a header the "names" are the first row's values: never show those.
std::string ShownName(std::string_view name) {
  const bool is_name = name.size() <= 40 && !name.empty() && IsUtf8(name) && !HasControlCharacter(name);
  const bool is_hash = name.size() >= 16 && FromHex(name).has_value();
  return is_name && !is_hash ? fmt::format("'{}'", name) : "(not a name)";
}

std::optional<std::size_t> ParseColumnNumber(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1 || number > 1000)
    return std::nullopt;
  return number - 1;
}

}  // namespace

StatusOr<std::unique_ptr<EntryReader>> CsvReader::Make(const ReadOptions& options, OnEntry on_entry,
                                                       OnRejection on_rejection) {
  if (options.delimiter == '"' || options.delimiter == '\r' || options.delimiter == '\n') {
    return WithField(InvalidArgument("the delimiter must not be a quote or a line end"), "options.delimiter");
  }
  std::unique_ptr<CsvReader> reader(new CsvReader(options, std::move(on_entry), std::move(on_rejection)));
  if (!options.has_header) TAMIZ_RETURN_IF_ERROR(reader->SetColumnNumbers());
  return std::unique_ptr<EntryReader>(std::move(reader));
}

CsvReader::CsvReader(const ReadOptions& options, OnEntry on_entry, OnRejection on_rejection)
    : options_(options),
      delimiter_(options.delimiter != 0 ? options.delimiter : (options.format == "tsv" ? '\t' : ',')),
      on_entry_(std::move(on_entry)),
      on_rejection_(std::move(on_rejection)),
      header_done_(!options.has_header) {
  columns_.fill(kAbsent);
}

std::array<const std::string*, CsvReader::kFields> CsvReader::Names(const ColumnMapping& columns) {
  return {&columns.entry_id, &columns.hash_type, &columns.value,  &columns.labels,
          &columns.metadata, &columns.quality,   &columns.time_ms};
}

// Without a header, columns are numbers; names left at their defaults stand for the default order.
Status CsvReader::SetColumnNumbers() {
  const ColumnMapping defaults;
  const auto names = Names(options_.columns);
  const auto default_names = Names(defaults);
  const bool all_default = std::equal(names.begin(), names.end(), default_names.begin(),
                                      [](const std::string* a, const std::string* b) { return *a == *b; });
  for (std::size_t field = 0; field < kFields; ++field) {
    if (all_default) {
      columns_[field] = field <= kMetadata ? field : kAbsent;
    } else if (const auto number = ParseColumnNumber(*names[field])) {
      columns_[field] = *number;
    } else if (!names[field]->empty() && *names[field] != *default_names[field]) {
      return WithField(
          InvalidArgument(fmt::format("columns.{} is not a column number; without a header columns are "
                                      "numbered from 1",
                                      *default_names[field])),
          fmt::format("options.columns.{}", *default_names[field]));
    }
  }
  if (columns_[kEntryId] == kAbsent || columns_[kValue] == kAbsent ||
      (columns_[kHashType] == kAbsent && !options_.default_hash_type)) {
    return WithField(
        InvalidArgument("without a header the numbers of the columns entry_id, value and hash_type (or a "
                        "default hash type) are needed"),
        "options.columns");
  }
  return OkStatus();
}

Status CsvReader::SetColumnsFromHeader() {
  std::vector<std::string> found;
  for (const std::string& name : fields_) found.push_back(LowerAscii(Trim(name)));
  const auto names = Names(options_.columns);
  for (std::size_t field = 0; field < kFields; ++field) {
    if (names[field]->empty()) continue;
    const auto at = std::find(found.begin(), found.end(), LowerAscii(Trim(*names[field])));
    if (at == found.end()) continue;
    if (std::find(at + 1, found.end(), *at) != found.end()) {
      return InvalidArgument(fmt::format("the header names the column '{}' twice", *names[field]));
    }
    columns_[field] = static_cast<std::size_t>(at - found.begin());
  }
  std::vector<std::string> missing;
  for (const Field field : {kEntryId, kHashType, kValue}) {
    if (columns_[field] != kAbsent || (field == kHashType && options_.default_hash_type)) continue;
    missing.push_back(fmt::format("'{}'", *names[field]));
  }
  if (!missing.empty()) {
    std::vector<std::string> shown;
    for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), 20); ++i)
      shown.push_back(ShownName(found[i]));
    return InvalidArgument(fmt::format(
        "the header has no column {}; it has {} columns: {}. Name the columns in the import's options, or "
        "say that the file has no header",
        fmt::join(missing, ", "), found.size(), fmt::join(shown, ", ")));
  }
  header_columns_ = fields_.size();
  header_done_ = true;
  return OkStatus();
}

Status CsvReader::Feed(std::span<const std::uint8_t> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!start_checked_) {
    const auto wanted = std::min(text.size(), kByteOrderMark.size() - start_.size());
    start_.append(text.substr(0, wanted));
    text.remove_prefix(wanted);
    if (start_.starts_with("\xff\xfe") || start_.starts_with("\xfe\xff")) {
      return InvalidArgument("the file is UTF-16; convert it to UTF-8");
    }
    if (start_.size() < kByteOrderMark.size()) return OkStatus();
    start_checked_ = true;
    if (start_ != kByteOrderMark) TAMIZ_RETURN_IF_ERROR(Process(start_));
  }
  while (!text.empty()) {
    const auto slice = text.substr(0, kSliceBytes);
    text.remove_prefix(slice.size());
    TAMIZ_RETURN_IF_ERROR(Process(std::string(slice)));
  }
  return OkStatus();
}

Status CsvReader::Finish() {
  if (!start_checked_) {
    start_checked_ = true;
    TAMIZ_RETURN_IF_ERROR(Process(start_));
  }
  // The last line may lack its end, and a quote may still be open.
  while (!raw_.empty()) {
    std::string again;
    if (state_ == State::kQuoted) {
      again = RejectRow("a quote is opened and never closed");
    } else {
      EndField();
      row_complete_ = true;
      TAMIZ_ASSIGN_OR_RETURN(again, DeliverRow());
    }
    TAMIZ_RETURN_IF_ERROR(Process(std::move(again)));
  }
  if (!header_done_) return InvalidArgument("the file is empty: not even a header is there");
  return OkStatus();
}

Status CsvReader::Process(std::string input) {
  std::size_t next = 0;
  while (next < input.size()) {
    const char c = input[next++];
    if (std::exchange(after_cr_, false) && c == '\n') continue;
    if (raw_.empty()) row_line_ = line_;
    std::string again;
    if (std::string fault = Take(c); !fault.empty()) {
      again = RejectRow(std::move(fault));
    } else if (row_complete_) {
      TAMIZ_ASSIGN_OR_RETURN(again, DeliverRow());
    }
    if (!again.empty()) {
      again.append(input, next);
      input = std::move(again);
      next = 0;
    }
  }
  return OkStatus();
}

std::string CsvReader::Take(char c) {
  const bool is_line_end = c == '\n' || c == '\r';
  // A CR LF pair is one line end.
  if (c == '\r' || (c == '\n' && (raw_.empty() || raw_.back() != '\r'))) ++line_;
  if (state_ == State::kSkipToLineEnd) {
    after_cr_ = c == '\r';
    row_complete_ = is_line_end;
    return {};
  }
  raw_.push_back(c);
  if (raw_.size() > kMaxRowBytes) {
    return fmt::format("the row is longer than {} KiB{}", kMaxRowBytes / 1024,
                       state_ == State::kQuoted ? "; is a quote missing?" : "");
  }
  if (is_line_end && state_ != State::kQuoted) {
    after_cr_ = c == '\r';
    EndField();
    row_complete_ = true;
    return {};
  }
  switch (state_) {
    case State::kFieldStart:
    case State::kPlain:
      if (c == delimiter_) {
        EndField();
      } else if (c == '"' && state_ == State::kFieldStart) {
        // Blanks before the quote are dropped: `a, "b"` reads as people mean it.
        field_.clear();
        state_ = State::kQuoted;
      } else {
        // A quote within an unquoted field stands for itself.
        if (c != ' ') state_ = State::kPlain;
        field_.push_back(c);
      }
      return {};
    case State::kQuoted:
      if (c == '"') {
        state_ = State::kQuoteInQuoted;
      } else {
        field_.push_back(c);
      }
      return {};
    case State::kQuoteInQuoted:
      if (c == '"') {
        field_.push_back(c);
        state_ = State::kQuoted;
      } else if (c == delimiter_) {
        EndField();
      } else if (c != ' ' && c != '\t') {
        return "a quoted field goes on after its closing quote; a quote within a field is written twice";
      }
      return {};
    case State::kSkipToLineEnd:
      break;
  }
  return {};
}

void CsvReader::EndField() {
  fields_.push_back(std::move(field_));
  field_.clear();
  state_ = State::kFieldStart;
}

void CsvReader::StartRow() {
  state_ = State::kFieldStart;
  row_complete_ = false;
  raw_.clear();
  field_.clear();
  fields_.clear();
}

std::string CsvReader::RejectRow(std::string reason) {
  on_rejection_({row_line_, std::move(reason)});
  const bool is_complete = row_complete_;
  std::size_t end = raw_.find_first_of("\r\n");
  std::string again;
  if (end != std::string::npos) {
    if (raw_[end] == '\r' && end + 1 < raw_.size() && raw_[end + 1] == '\n') ++end;
    again = raw_.substr(end + 1);
    line_ = row_line_ + 1;
    if (!again.empty()) after_cr_ = false;
  }
  StartRow();
  if (end == std::string::npos && !is_complete) state_ = State::kSkipToLineEnd;
  return again;
}

StatusOr<std::string> CsvReader::DeliverRow() {
  // Nothing is left of a row that was skipped; blank lines and lines of delimiters alone say nothing.
  if (std::all_of(fields_.begin(), fields_.end(), [](const std::string& f) { return Trim(f).empty(); })) {
    StartRow();
    return std::string();
  }
  if (!header_done_) {
    TAMIZ_RETURN_IF_ERROR(SetColumnsFromHeader());
    StartRow();
    return std::string();
  }
  if (header_columns_ > 0 && fields_.size() > header_columns_) {
    return RejectRow(
        fmt::format("the row has {} fields and the header {}; is a field with a delimiter not quoted?",
                    fields_.size(), header_columns_));
  }
  const auto field = [&](Field f) {
    return columns_[f] < fields_.size() ? std::string_view(fields_[columns_[f]]) : std::string_view();
  };
  Entry entry;
  std::string fault = ReadRow({field(kEntryId), field(kHashType), field(kValue), field(kLabels),
                               field(kMetadata), field(kQuality), field(kTimeMs)},
                              options_.default_hash_type, entry);
  if (!fault.empty()) return RejectRow(std::move(fault));
  const std::uint64_t line = row_line_;
  StartRow();
  on_entry_(line, std::move(entry));
  return std::string();
}

}  // namespace tamiz::lists
