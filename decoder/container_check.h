// Whether a container file is whole, told by its own structure without decoding anything.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/media/file_format.h"

namespace tamiz::decoder {

// A constant sentence if `content` ends before its structure says it does, empty if it is whole or cannot be
// told.
[[nodiscard]] std::string_view FindCut(media::FileFormat format, std::span<const std::uint8_t> content);

// Which boxes a file in boxes (MP4, HEIC, AVIF) has at its top.
struct TopBoxes {
  bool meta = false;      // stills are listed there
  bool moov = false;      // tracks are listed there
  bool pictures = false;  // `meta` says that it lists pictures, not something else
};
[[nodiscard]] TopBoxes FindTopBoxes(std::span<const std::uint8_t> content);

// Whether a track of pictures in a file in boxes says that it is encrypted (its samples may not say so).
[[nodiscard]] bool HasEncryptedVideo(std::span<const std::uint8_t> content);

// Where what the file is by its format ends: all of `content` if that cannot be told, or the end is missing.
[[nodiscard]] std::size_t FindEnd(media::FileFormat format, std::span<const std::uint8_t> content);

// Contents of the first kMaxForeignBoxes boxes at the top that belong neither to stills nor to tracks: free
// space, and what makers of cameras put there.
inline constexpr std::size_t kMaxForeignBoxes = 64;
[[nodiscard]] std::vector<std::span<const std::uint8_t>> FindForeignBoxes(
    media::FileFormat format, std::span<const std::uint8_t> content);

}  // namespace tamiz::decoder
