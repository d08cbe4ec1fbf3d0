// CSV and TSV: RFC 4180 quoting, any line end. What the columns mean is a RowFormat's business.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/lists/entry_reader.h"
#include "core/lists/row_format.h"

namespace tamiz::lists {

// A stray quote would swallow the rows after it, up to the next one. So when a row is rejected that spans
// several lines, only its first line is, and reading goes on with its second.
class CsvReader final : public EntryReader {
 public:
  struct Dialect {
    char delimiter = ',';
    bool has_header = true;
  };
  // INVALID_ARGUMENT for an impossible delimiter.
  [[nodiscard]] static StatusOr<std::unique_ptr<EntryReader>> Make(const Dialect& dialect,
                                                                   std::unique_ptr<RowFormat> rows,
                                                                   Output output);

  [[nodiscard]] Status Feed(std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] Status Finish() override;

 private:
  enum class State {
    kFieldStart,
    kPlain,
    kQuoted,
    kQuoteInQuoted,  // a quote: of an escaped pair, or the end of the field
    kSkipToLineEnd,  // the rest of a rejected line
  };

  CsvReader(const Dialect& dialect, std::unique_ptr<RowFormat> rows, Output output);

  Status Process(std::string input);
  // Takes one byte. What is wrong with the row, empty if nothing so far.
  std::string Take(char c);
  void EndField();
  void StartRow();
  // These give the bytes that must be read again.
  std::string RejectRow(std::string reason);
  StatusOr<std::string> DeliverRow();

  // Constant after construction.
  const char delimiter_;
  const std::unique_ptr<RowFormat> rows_;
  const Output output_;

  std::size_t header_columns_ = 0;  // 0 where there is no header
  bool header_done_ = false;

  State state_ = State::kFieldStart;
  bool row_complete_ = false;
  bool after_cr_ = false;   // a line feed now belongs to the line end before it
  std::uint64_t line_ = 1;  // of the next byte
  std::uint64_t row_line_ = 1;
  std::string raw_;  // the row's bytes; empty between rows and while skipping
  std::string field_;
  std::vector<std::string> fields_;
};

}  // namespace tamiz::lists
