#include "core/media/reduced_luma.h"

#include <algorithm>
#include <cstddef>

#include "core/media/cell_kernels.h"

namespace tamiz::media {
namespace {

constexpr std::size_t kChunk = 64;

// A fixed length, so that compilers vectorise it.
void AddRow(const std::uint8_t* row, std::uint16_t* sums, std::size_t count) {
  for (; count >= kChunk; row += kChunk, sums += kChunk, count -= kChunk) {
    for (std::size_t i = 0; i < kChunk; ++i) sums[i] = static_cast<std::uint16_t>(sums[i] + row[i]);
  }
  for (std::size_t i = 0; i < count; ++i) sums[i] = static_cast<std::uint16_t>(sums[i] + row[i]);
}

// Cells of one row from the sums of `rows` rows of pixels.
void AverageAny(const std::vector<std::uint16_t>& sums, std::uint32_t rows, std::uint32_t factor,
                std::size_t first, std::uint8_t* cells, std::size_t width) {
  for (std::size_t x = first; x < width; ++x) {
    const std::size_t from = x * factor;
    const std::size_t to = std::min<std::size_t>(from + factor, sums.size());
    std::uint32_t sum = 0;
    for (std::size_t i = from; i < to; ++i) sum += sums[i];
    const auto count = static_cast<std::uint32_t>(to - from) * rows;
    cells[x] = static_cast<std::uint8_t>((sum + count / 2) / count);
  }
}

// The same where all is known beforehand, so that compilers vectorise it.
template <std::uint16_t factor>
void Average(const std::vector<std::uint16_t>& sums, std::uint8_t* cells, std::size_t width) {
  constexpr std::uint16_t kCount = factor * factor;
  const std::size_t whole = sums.size() / factor;
  for (std::size_t x = 0; x < whole; ++x) {
    std::uint16_t sum = kCount / 2;
    for (std::size_t i = 0; i < factor; ++i) sum = static_cast<std::uint16_t>(sum + sums[x * factor + i]);
    cells[x] = static_cast<std::uint8_t>(sum / kCount);
  }
  AverageAny(sums, factor, factor, whole, cells, width);
}

}  // namespace

ReducedLuma::ReducedLuma(const LumaView& luma, std::uint32_t most_cells) : picture_(luma), view_(luma) {
  const std::uint32_t longer = std::max(luma.width, luma.height);
  factor_ = std::max(1U, (longer + most_cells - 1) / most_cells);
  if (factor_ == 1) return;
  const std::uint32_t width = (luma.width + factor_ - 1) / factor_;
  const std::uint32_t height = (luma.height + factor_ - 1) / factor_;
  cells_.resize(std::size_t{width} * height);
  view_ = {cells_.data(), width, height, width};
  // Of a cell of many pixels a few rows, evenly spread, say enough.
  constexpr std::uint32_t kMostRows = 4;
  std::vector<std::uint16_t> sums(luma.width);
  for (std::uint32_t y = 0; y < height; ++y) {
    if (factor_ == 2 && y * 2 + 1 < luma.height) {
      const std::uint8_t* above = luma.data + std::size_t{y} * 2 * luma.stride;
      std::uint8_t* cell = cells_.data() + std::size_t{y} * width;
      AverageByTwo(above, above + luma.stride, cell, luma.width / 2);
      if (luma.width % 2 != 0) {
        const std::size_t last = luma.width - 1;
        cell[width - 1] = static_cast<std::uint8_t>((above[last] + above[luma.stride + last] + 1) / 2);
      }
      continue;
    }
    std::fill(sums.begin(), sums.end(), std::uint16_t{0});
    const std::uint32_t top = y * factor_;
    const std::uint32_t there = std::min(factor_, luma.height - top);
    const std::uint32_t rows = std::min(there, kMostRows);
    for (std::uint32_t n = 0; n < rows; ++n) {
      const std::uint32_t row = top + (2 * n + 1) * there / (2 * rows);
      AddRow(luma.data + std::size_t{row} * luma.stride, sums.data(), sums.size());
    }
    std::uint8_t* cell = cells_.data() + std::size_t{y} * width;
    if (factor_ == 3 && rows == 3) {
      Average<3>(sums, cell, width);
    } else if (factor_ == 4 && rows == 4) {
      Average<4>(sums, cell, width);
    } else {
      AverageAny(sums, rows, factor_, 0, cell, width);
    }
  }
}

ReducedLuma::ReducedLuma(const LumaView& cells, Factor factor)
    : picture_{nullptr, cells.width * factor.value, cells.height * factor.value,
               std::size_t{cells.width} * factor.value},
      view_(cells),
      factor_(factor.value) {}

PixelRect ReducedLuma::Pixels(const PixelRect& cells) const {
  const std::uint32_t left = cells.left * factor_, top = cells.top * factor_;
  return {left, top, std::min(cells.width * factor_, picture_.width - left),
          std::min(cells.height * factor_, picture_.height - top)};
}

}  // namespace tamiz::media
