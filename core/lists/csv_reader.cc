#include "core/lists/csv_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

constexpr std::size_t kMaxRowBytes = 2 << 20;  // the largest opaque value in hexadecimal fits
// Input is taken in slices, so that going back costs a slice and not a whole upload.
constexpr std::size_t kSliceBytes = 4096;

}  // namespace

StatusOr<std::unique_ptr<EntryReader>> CsvReader::Make(const Dialect& dialect,
                                                       std::unique_ptr<RowFormat> rows, Output output) {
  if (dialect.delimiter == '"' || dialect.delimiter == '\r' || dialect.delimiter == '\n') {
    return WithField(InvalidArgument("the delimiter must not be a quote or a line end"), "options.delimiter");
  }
  return std::unique_ptr<EntryReader>(new CsvReader(dialect, std::move(rows), std::move(output)));
}

CsvReader::CsvReader(const Dialect& dialect, std::unique_ptr<RowFormat> rows, Output output)
    : delimiter_(dialect.delimiter),
      rows_(std::move(rows)),
      output_(std::move(output)),
      header_done_(!dialect.has_header) {}

Status CsvReader::Feed(std::span<const std::uint8_t> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!text.empty()) {
    const auto slice = text.substr(0, kSliceBytes);
    text.remove_prefix(slice.size());
    TAMIZ_RETURN_IF_ERROR(Process(std::string(slice)));
  }
  return OkStatus();
}

Status CsvReader::Finish() {
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
  output_.on_rejection({row_line_, std::move(reason)});
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
    TAMIZ_RETURN_IF_ERROR(rows_->TakeHeader(fields_));
    header_columns_ = fields_.size();
    header_done_ = true;
    StartRow();
    return std::string();
  }
  if (header_columns_ > 0 && fields_.size() > header_columns_) {
    return RejectRow(
        fmt::format("the row has {} fields and the header {}; is a field with a delimiter not quoted?",
                    fields_.size(), header_columns_));
  }
  ParsedRow row;
  const bool says_nothing = rows_->ReadRow(fields_, row);
  if (!row.fault.empty()) return RejectRow(std::move(row.fault));
  const std::uint64_t line = row_line_;
  StartRow();
  if (!says_nothing) output_.Deliver(line, std::move(row));
  return std::string();
}

}  // namespace tamiz::lists
