// The first bytes of a file: its byte order mark, and what format it is.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/lists/entry_reader.h"

namespace tamiz::lists {

// Skips a UTF-8 byte order mark, refuses UTF-16, and finds out the format if it is not known. The rest goes
// through untouched.
class FileStartReader final : public EntryReader {
 public:
  // For a known format.
  explicit FileStartReader(std::unique_ptr<EntryReader> reader) : reader_(std::move(reader)) {}
  // For an unknown one, which is found out from the first bytes.
  FileStartReader(const ReadOptions& options, Output output)
      : options_(options), output_(std::move(output)), start_bytes_(kDetectBytes) {}

  [[nodiscard]] Status Feed(std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] Status Finish() override;

 private:
  static constexpr std::size_t kDetectBytes = 4096;

  Status Begin();

  // Constant after construction.
  const ReadOptions options_;
  const Output output_;
  const std::size_t start_bytes_ = 3;  // wanted before anything is passed on

  std::unique_ptr<EntryReader> reader_;  // null until the format is known
  std::string start_;
  bool has_begun_ = false;
};

// The format of a file that begins with `start`, as far as that is certain; else "csv", or "tsv" for a first
// line with tabs and no commas. `start` has no byte order mark.
[[nodiscard]] std::string_view DetectFormat(std::string_view start);

// A reader for one format, without the above.
[[nodiscard]] StatusOr<std::unique_ptr<EntryReader>> MakeReaderOf(std::string_view format,
                                                                  const ReadOptions& options,
                                                                  EntryReader::Output output);

}  // namespace tamiz::lists
