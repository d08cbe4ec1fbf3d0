// Frames that the honest sandboxee sends and its tests expect.
#pragma once

#include <cstdint>

namespace tamiz::sandboxee {

inline constexpr std::uint32_t kPatternWidth = 161;  // no multiple of the row alignment
inline constexpr std::uint32_t kPatternHeight = 90;
inline constexpr std::uint32_t kPatternFrames = 5;  // more than there are slots

[[nodiscard]] constexpr std::uint8_t PatternByte(std::uint32_t index, std::uint32_t x, std::uint32_t y) {
  return static_cast<std::uint8_t>(index * 31 + x * 3 + y * 7);
}

}  // namespace tamiz::sandboxee
