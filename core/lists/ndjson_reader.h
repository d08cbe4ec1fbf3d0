// NDJSON: one JSON object a line.
#pragma once

#include <string>
#include <string_view>

#include "core/lists/entry_reader.h"
#include "core/lists/line_splitter.h"

namespace tamiz::lists {

// {"entry_id":…,"hash_type":…,"value":…,"labels":"A1;B2" or [..],"metadata":{…},"quality":…,"time_ms":…}, or
// with several hashes {"entry_id":…,"hashes":[{"hash_type":…,"value":…,"quality":…,"time_ms":…}],…}. Also
// "disabled": true. Field names are those of the mapping; "hashes" and "disabled" are fixed; others are
// ignored.
class NdjsonReader final : public EntryReader {
 public:
  NdjsonReader(const ReadOptions& options, Output output);

  [[nodiscard]] Status Feed(std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] Status Finish() override;

 private:
  void TakeLine(std::uint64_t number, std::string_view line, bool is_overlong) const;
  // What is wrong with the line, empty if nothing.
  std::string ReadLine(std::string_view line, Entry& entry) const;

  // Constant after construction.
  const ReadOptions options_;
  const Output output_;

  LineSplitter lines_;
};

}  // namespace tamiz::lists
