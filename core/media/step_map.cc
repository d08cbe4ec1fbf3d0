#include "core/media/step_map.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "core/media/cell_kernels.h"

namespace tamiz::media {
namespace {

constexpr int kBeside = 3;  // lines

// Adds to each line of numbers, `length` long, the one before it.
void SumUp(std::vector<std::uint16_t>& sums, std::size_t length) {
  for (std::size_t i = length; i < sums.size(); ++i)
    sums[i] = static_cast<std::uint16_t>(sums[i] + sums[i - length]);
}

}  // namespace

StepMap::StepMap(const LumaView& cells)
    : cells_(cells), width_(static_cast<int>(cells.width)), height_(static_cast<int>(cells.height)) {
  const auto step = static_cast<std::uint8_t>(StepOf());
  const auto width = static_cast<std::size_t>(width_);
  const auto height = static_cast<std::size_t>(height_);
  const auto row = [&](std::size_t y) { return cells_.data + y * cells_.stride; };

  // A step may fall inside a cell: look across the cells on both sides of a line and the one before it.
  const auto row_pieces = static_cast<std::size_t>(pieces(Along::kRows));
  rows_.assign((row_pieces + 1) * height, 0);
  for (std::size_t y = 1; y + 1 < height; ++y) {
    CountStepsByEight(row(y - 1), row(y + 1), step, rows_.data() + height + y, height, width);
  }
  SumUp(rows_, height);

  const auto column_pieces = static_cast<std::size_t>(pieces(Along::kColumns));
  columns_.assign((column_pieces + 1) * width, 0);
  if (width < 3) return;
  std::vector<std::uint8_t> counts(width - 2);
  for (std::size_t p = 0; p < column_pieces; ++p) {
    const std::size_t first = p * kPiece;
    CountStepsInColumns(row(first), cells_.stride, std::min<std::size_t>(kPiece, height - first), step,
                        counts.data(), width - 2);
    std::copy(counts.begin(), counts.end(),
              columns_.begin() + static_cast<std::ptrdiff_t>((p + 1) * width + 1));
  }
  SumUp(columns_, width);
}

int StepMap::StepOf() const {
  std::array<int, 256> counts{};
  int total = 0;
  for (int y = 1; y + 1 < height_; y += std::max(1, height_ / 32)) {
    const std::uint8_t* row = cells_.data + static_cast<std::size_t>(y) * cells_.stride;
    const std::uint8_t* next = row + cells_.stride;
    for (int x = 0; x + 1 < width_; x += std::max(1, width_ / 32)) {
      ++counts[static_cast<std::size_t>(std::abs(row[x] - row[x + 1]))];
      ++counts[static_cast<std::size_t>(std::abs(row[x] - next[x]))];
      total += 2;
    }
  }
  int sum = 0;
  int median = 0;
  while (median < 255 && (sum += counts[static_cast<std::size_t>(median)]) * 2 < total) ++median;
  return std::clamp(3 * median, 4, 24);
}

StepMap::Stretch::Stretch(const StepMap& steps, Along along, int from, int to) : lines_(steps.lines(along)) {
  if (to <= from) return;
  const auto end = [&](int upto) {
    const int piece = upto / kPiece;
    const int rest = upto % kPiece;
    const int size = std::min(kPiece, steps.length(along) - piece * kPiece);
    const std::uint16_t* const before = steps.Sums(along, piece);
    if (rest == 0) return End{before, before, 0};
    return End{before, steps.Sums(along, piece + 1), static_cast<double>(rest) / size};
  };
  first_ = end(from);
  last_ = end(to);
  share_ = 1.0 / (to - from);
}

double StepMap::Stretch::Support(int line) const {
  if (line < 1 || line >= lines_ || share_ == 0) return 0;
  return (last_.Count(line) - first_.Count(line)) * share_;
}

double StepMap::Stretch::Excess(int line) const {
  const double before = Support(line - kBeside);
  const double after = Support(line + kBeside);
  // One side may be full of steps; both being is what texture looks like.
  const double beside = 0.3 * std::min(before, after) + 0.7 * std::max(before, after);
  return Support(line) - beside;
}

}  // namespace tamiz::media
