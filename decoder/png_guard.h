// A walk over the chunks of a PNG file that leaves out what no picture needs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tamiz::decoder {

struct PngOutline {
  // The file with the chunks that make the pictures and nothing else: compressed text and colour profiles,
  // which a decoder would inflate whatever their size, are gone. A chunk that is cut short is closed.
  // Followed by kPaddingBytes of zeros that are not counted in `bytes`.
  std::vector<std::uint8_t> data;
  std::size_t bytes = 0;
  bool has_header = false;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  int orientation = 0;   // of the eXIf chunk, 0 if none was stated
  bool damaged = false;  // a checksum or the compressed data is wrong, or the end is missing
  // Animation (APNG): frames found, their total time, and whether the still picture is none of them.
  std::uint32_t animation_frames = 0;
  std::chrono::microseconds animation_time{0};
  bool still_is_extra = false;
};

inline constexpr std::size_t kPaddingBytes = 64;

// Throws nothing but std::bad_alloc.
[[nodiscard]] PngOutline OutlinePng(std::span<const std::uint8_t> content);

}  // namespace tamiz::decoder
