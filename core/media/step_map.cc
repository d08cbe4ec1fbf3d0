#include "core/media/step_map.h"

#include <array>
#include <cstring>

namespace tamiz::media {
namespace {

constexpr int kBeside = 3;  // lines

// 1 where a and b differ by at least `step`.
void Compare(const std::uint8_t* __restrict a, const std::uint8_t* __restrict b, std::uint8_t step,
             std::uint8_t* __restrict out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t high = a[i] > b[i] ? a[i] : b[i];
    const std::uint8_t low = a[i] > b[i] ? b[i] : a[i];
    const auto difference = static_cast<std::uint8_t>(high - low);
    out[i] = static_cast<std::uint8_t>(difference >= step);
  }
}

// Of eight bytes that are 0 or 1.
int SumOfEight(const std::uint8_t* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return static_cast<int>((word * 0x0101010101010101U) >> 56U);
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
  std::vector<std::uint8_t> steps(row_pieces * kPiece, 0);
  for (std::size_t y = 1; y + 1 < height; ++y) {
    Compare(row(y - 1), row(y + 1), step, steps.data(), width);
    std::uint16_t* sums = rows_.data() + height + y;
    int sum = 0;
    for (std::size_t p = 0; p < row_pieces; ++p, sums += height) {
      sum += SumOfEight(steps.data() + p * kPiece);
      *sums = static_cast<std::uint16_t>(sum);
    }
  }

  const auto column_pieces = static_cast<std::size_t>(pieces(Along::kColumns));
  columns_.assign((column_pieces + 1) * width, 0);
  if (width < 3) return;
  std::vector<std::uint8_t> counts(width - 2);
  steps.resize(std::max(steps.size(), width));
  for (std::size_t p = 0; p < column_pieces; ++p) {
    std::fill(counts.begin(), counts.end(), std::uint8_t{0});
    for (std::size_t y = p * kPiece; y < std::min(height, (p + 1) * kPiece); ++y) {
      Compare(row(y), row(y) + 2, step, steps.data(), width - 2);
      for (std::size_t x = 0; x < width - 2; ++x) counts[x] = static_cast<std::uint8_t>(counts[x] + steps[x]);
    }
    const std::uint16_t* before = columns_.data() + p * width + 1;
    std::uint16_t* after = columns_.data() + (p + 1) * width + 1;
    for (std::size_t x = 0; x < width - 2; ++x) after[x] = static_cast<std::uint16_t>(before[x] + counts[x]);
  }
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

double StepMap::Count(Along along, int line, int upto) const {
  const int piece = upto / kPiece;
  const int rest = upto % kPiece;
  const int before = Sums(along, piece)[line];
  if (rest == 0) return before;
  const int size = std::min(kPiece, length(along) - piece * kPiece);
  return before + double(Sums(along, piece + 1)[line] - before) * rest / size;
}

double StepMap::Support(Along along, int line, int from, int to) const {
  if (line < 1 || line >= lines(along) || to <= from) return 0;
  return (Count(along, line, to) - Count(along, line, from)) / (to - from);
}

double StepMap::Excess(Along along, int line, int from, int to) const {
  const double before = Support(along, line - kBeside, from, to);
  const double after = Support(along, line + kBeside, from, to);
  // One side may be full of steps; both being is what texture looks like.
  const double beside = 0.3 * std::min(before, after) + 0.7 * std::max(before, after);
  return Support(along, line, from, to) - beside;
}

}  // namespace tamiz::media
