// CSV and TSV: RFC 4180 quoting, any line end, byte order mark, configurable columns.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/lists/entry_reader.h"

namespace tamiz::lists {

// A stray quote would swallow the rows after it, up to the next one. So when a row is rejected that spans
// several lines, only its first line is, and reading goes on with its second.
class CsvReader final : public EntryReader {
 public:
  [[nodiscard]] static StatusOr<std::unique_ptr<EntryReader>> Make(const ReadOptions& options,
                                                                   OnEntry on_entry,
                                                                   OnRejection on_rejection);

  [[nodiscard]] Status Feed(std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] Status Finish() override;

 private:
  // Positions in `columns_`.
  enum Field { kEntryId, kHashType, kValue, kLabels, kMetadata, kQuality, kTimeMs, kFields };
  static constexpr std::size_t kAbsent = ~std::size_t{0};
  enum class State {
    kFieldStart,
    kPlain,
    kQuoted,
    kQuoteInQuoted,  // a quote: of an escaped pair, or the end of the field
    kSkipToLineEnd,  // the rest of a rejected line
  };

  CsvReader(const ReadOptions& options, OnEntry on_entry, OnRejection on_rejection);
  static std::array<const std::string*, kFields> Names(const ColumnMapping& columns);
  Status SetColumnNumbers();
  Status SetColumnsFromHeader();

  Status Process(std::string input);
  // Takes one byte. What is wrong with the row, empty if nothing so far.
  std::string Take(char c);
  void EndField();
  void StartRow();
  // These give the bytes that must be read again.
  std::string RejectRow(std::string reason);
  StatusOr<std::string> DeliverRow();

  // Constant after construction.
  const ReadOptions options_;
  const char delimiter_;
  const OnEntry on_entry_;
  const OnRejection on_rejection_;

  std::array<std::size_t, kFields> columns_;
  std::size_t header_columns_ = 0;  // 0 where there is no header
  bool header_done_ = false;
  std::string start_;  // first bytes, until it is known whether they are a byte order mark
  bool start_checked_ = false;

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
