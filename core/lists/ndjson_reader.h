// NDJSON: one JSON object a line.
#pragma once

#include <string>
#include <string_view>

#include "core/lists/entry_reader.h"

namespace tamiz::lists {

// {"entry_id":…,"hash_type":…,"value":…,"labels":"A1;B2" or [..],"metadata":{…},"quality":…,"time_ms":…}, or
// with several hashes {"entry_id":…,"hashes":[{"hash_type":…,"value":…,"quality":…,"time_ms":…}],…}. Also
// "disabled": true. Field names are those of the mapping; "hashes" and "disabled" are fixed; others are
// ignored.
class NdjsonReader final : public EntryReader {
 public:
  NdjsonReader(const ReadOptions& options, OnEntry on_entry, OnRejection on_rejection);

  [[nodiscard]] Status Feed(std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] Status Finish() override;

 private:
  void TakeLine();
  // What is wrong with the line, empty if nothing.
  std::string ReadLine(std::string_view line, Entry& entry) const;

  // Constant after construction.
  const ReadOptions options_;
  const OnEntry on_entry_;
  const OnRejection on_rejection_;

  std::string line_;
  bool is_overlong_ = false;
  std::uint64_t number_ = 1;  // of `line_`
};

}  // namespace tamiz::lists
