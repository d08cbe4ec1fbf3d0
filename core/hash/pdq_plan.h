// Sizes and places of PDQ's box filters and of its decimation. Part of pdq_kernels.cc, apart because that
// file is compiled once for each processor generation.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/hash/pdq_kernels.h"

namespace tamiz::hash {

inline constexpr std::size_t kBand = 32;  // rows and columns of a tile

// Reference: window of (n + 127) / 128 elements, of which `ahead` lie after the element itself.
struct Window {
  explicit Window(std::size_t n) : size((n + 127) / 128), ahead((size + 2) / 2 - 1) {}

  // Elements inside, of the window around element i of n.
  [[nodiscard]] float Count(std::size_t i, std::size_t n) const {
    const std::size_t behind = size - ahead - 1;
    const std::size_t first = i < behind ? 0 : i - behind;
    return static_cast<float>(std::min(i + ahead, n - 1) - first + 1);
  }

  std::size_t size;
  std::size_t ahead;
};

struct Stop {
  std::size_t position;
  float count;
  float reciprocal;
};
using Stops = std::array<Stop, kPdqBlock + 1>;
// Position of the end mark; adding a window to it does not wrap.
inline constexpr std::size_t kNever = SIZE_MAX / 2;

// The elements of a line of n that survive decimation (several times in a short line); ends with one that
// never comes.
inline Stops DecimationStops(std::size_t n, const Window& window) {
  Stops stops;
  for (int i = 0; i < kPdqBlock; ++i) {
    const auto position = static_cast<std::size_t>(((i + 0.5) * static_cast<double>(n)) / kPdqBlock);
    const float count = window.Count(position, n);
    stops[i] = {position, count, 1.0F / count};
  }
  stops[kPdqBlock] = {kNever, 1.0F, 1.0F};
  return stops;
}

// What the passes of one picture share.
struct Plan {
  explicit Plan(const media::LumaView& luma)
      : width(luma.width),
        height(luma.height),
        row(width),
        column(height),
        tiles((width + row.ahead + kBand - 1) / kBand),
        history_columns(std::bit_ceil(row.size + kBand)) {}

  std::size_t width;
  std::size_t height;
  Window row;     // along rows
  Window column;  // along columns
  std::size_t tiles;
  std::size_t history_columns;
  Stops row_stops = DecimationStops(width, row);
  Stops column_stops = DecimationStops(height, column);
};

// Where the rows of a band keep what the first pass along columns needs.
struct BandRows {
  std::array<float*, kBand> means;  // where this row's means of the row window go, over those to subtract
  std::array<float, kBand> count;
  std::array<float, kBand> reciprocal;
};

}  // namespace tamiz::hash
