// vPDQ files: a JSON array of "hash,quality,seconds", the frames of one video.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/lists/entry_reader.h"

namespace tamiz::lists {

// Gives one entry. Memory: the file, at most 16 MiB, which is a day of video.
class VpdqReader final : public EntryReader {
 public:
  // `entry_id` empty: derived from the hashes.
  VpdqReader(std::string entry_id, Output output)
      : entry_id_(std::move(entry_id)), output_(std::move(output)) {}

  [[nodiscard]] Status Feed(std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] Status Finish() override;

 private:
  // Constant after construction.
  const std::string entry_id_;
  const Output output_;

  std::string text_;
};

// Adds the frames in `text`, a JSON array. What is wrong, empty if nothing.
[[nodiscard]] std::string ReadVpdq(std::string_view text, std::vector<EntryHash>& hashes);

// As DerivedId, of all hashes together.
[[nodiscard]] std::string DerivedVideoId(const std::vector<EntryHash>& hashes);

}  // namespace tamiz::lists
