#include "core/media/reduced_luma.h"

#include <algorithm>
#include <cstddef>

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

// Cells of one row from the sums of `rows` rows of pixels. A factor that is known makes short loops.
template <std::uint32_t known_factor>
void Average(const std::vector<std::uint16_t>& sums, std::uint32_t rows, std::uint8_t* cells,
             std::size_t width, std::uint32_t factor = known_factor) {
  if constexpr (known_factor != 0) factor = known_factor;
  const std::size_t whole = sums.size() / factor;
  const std::uint32_t count = factor * rows;
  // Rounded division by a number up to 4 * factor, exact for what fits here.
  const std::uint32_t reciprocal = (1U << 20U) / count + 1;
  for (std::size_t x = 0; x < whole; ++x) {
    std::uint32_t sum = count / 2;
    for (std::size_t i = 0; i < factor; ++i) sum += sums[x * factor + i];
    cells[x] = known_factor != 0 ? static_cast<std::uint8_t>(sum * reciprocal >> 20U)
                                 : static_cast<std::uint8_t>(sum / count);
  }
  if (whole == width) return;
  std::uint32_t sum = 0;
  for (std::size_t i = whole * factor; i < sums.size(); ++i) sum += sums[i];
  cells[whole] = static_cast<std::uint8_t>(
      sum / ((static_cast<std::uint32_t>(sums.size()) - static_cast<std::uint32_t>(whole) * factor) * rows));
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
    std::fill(sums.begin(), sums.end(), std::uint16_t{0});
    const std::uint32_t top = y * factor_;
    const std::uint32_t there = std::min(factor_, luma.height - top);
    const std::uint32_t rows = std::min(there, kMostRows);
    for (std::uint32_t n = 0; n < rows; ++n) {
      const std::uint32_t row = top + (2 * n + 1) * there / (2 * rows);
      AddRow(luma.data + std::size_t{row} * luma.stride, sums.data(), sums.size());
    }
    std::uint8_t* cell = cells_.data() + std::size_t{y} * width;
    switch (factor_) {
      case 2:
        Average<2>(sums, rows, cell, width);
        break;
      case 3:
        Average<3>(sums, rows, cell, width);
        break;
      case 4:
        Average<4>(sums, rows, cell, width);
        break;
      default:
        Average<0>(sums, rows, cell, width, factor_);
    }
  }
}

PixelRect ReducedLuma::Pixels(const PixelRect& cells) const {
  const std::uint32_t left = cells.left * factor_, top = cells.top * factor_;
  return {left, top, std::min(cells.width * factor_, picture_.width - left),
          std::min(cells.height * factor_, picture_.height - top)};
}

}  // namespace tamiz::media
