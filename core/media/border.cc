#include "core/media/border.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace tamiz::media {
namespace {

constexpr int kTolerance = 8;            // levels: noise of a compressed flat area
constexpr int kStrong = 20;              // levels: more than the ringing next to an edge, as a rule
constexpr std::size_t kNoiseShare = 64;  // of a line's samples, one in so many may be off
constexpr std::size_t kEdgeShare = 16;   // at least one in so many makes an edge
constexpr std::size_t kEdgeDepth = 9;    // lines; one more than a block of a codec
constexpr std::size_t kSmallestSide = 32;
constexpr std::size_t kSmallestShare = 8;
constexpr std::size_t kWorthShare = 128;
constexpr std::size_t kChunk = 64;      // contiguous pixels of a row that are judged together
constexpr std::size_t kMaxChunks = 16;  // of a row
constexpr std::size_t kMaxRows = 256;   // sampled, to judge columns

// Levels from `low` to `low + span`.
struct Band {
  Band(int level, int tolerance)
      : low(static_cast<std::uint8_t>(std::max(level - tolerance, 0))),
        span(static_cast<std::uint8_t>(std::min(level + tolerance, 255) - low)) {}
  [[nodiscard]] bool Holds(std::uint8_t value) const {
    return static_cast<std::uint8_t>(value - low) <= span;
  }

  std::uint8_t low;
  std::uint8_t span;
};

// Half-open.
struct Rect {
  std::size_t left;
  std::size_t top;
  std::size_t right;
  std::size_t bottom;
  [[nodiscard]] std::size_t width() const { return right - left; }
  [[nodiscard]] std::size_t height() const { return bottom - top; }
  friend bool operator==(const Rect&, const Rect&) = default;
};

// The n-th of `count` places spread over `length`, each `size` long.
std::size_t Spread(std::size_t n, std::size_t count, std::size_t length, std::size_t size) {
  return count == 1 ? 0 : n * (length - size) / (count - 1);
}

std::size_t Outside(const std::uint8_t* pixels, std::size_t count, Band band) {
  std::size_t outside = 0;
  for (; count >= kChunk; pixels += kChunk, count -= kChunk) {
    std::uint8_t some = 0;  // a fixed length, so that compilers vectorise it
    for (std::size_t i = 0; i < kChunk; ++i) {
      some = static_cast<std::uint8_t>(some + static_cast<std::uint8_t>(!band.Holds(pixels[i])));
    }
    outside += some;
  }
  for (std::size_t i = 0; i < count; ++i) outside += static_cast<std::size_t>(!band.Holds(pixels[i]));
  return outside;
}

// Pixels at the start of a row of `count` that are in the band.
std::size_t RunFromLeft(const std::uint8_t* pixels, std::size_t count, Band band) {
  std::size_t run = 0;
  while (run + kChunk <= count && Outside(pixels + run, kChunk, band) == 0) run += kChunk;
  while (run < count && band.Holds(pixels[run])) ++run;
  return run;
}

std::size_t RunFromRight(const std::uint8_t* end, std::size_t count, Band band) {
  std::size_t run = 0;
  while (run + kChunk <= count && Outside(end - run - kChunk, kChunk, band) == 0) run += kChunk;
  while (run < count && band.Holds(*(end - run - 1))) ++run;
  return run;
}

class Histogram {
 public:
  void Add(std::uint8_t value) { ++counts_[value], ++total_; }
  [[nodiscard]] int Median() const {
    std::size_t sum = 0;
    int level = 0;
    while (level < 255 && (sum += counts_[level]) * 2 < total_) ++level;
    return level;
  }
  [[nodiscard]] bool IsFlat() const {
    const Band band(Median(), kTolerance);
    std::size_t outside = 0;
    for (int level = 0; level < 256; ++level) {
      if (!band.Holds(static_cast<std::uint8_t>(level))) outside += counts_[level];
    }
    return outside * kNoiseShare <= total_;
  }

 private:
  std::array<std::size_t, 256> counts_{};
  std::size_t total_ = 0;
};

// Lines at one edge that look alike.
struct Bar {
  std::size_t lines = 0;
  bool has_edge = false;  // the picture visibly begins where the bar ends
  int level = 0;
};

// Bars mostly come in pairs: where the picture fades into one of them, the other tells its width.
void MendPair(Bar& a, Bar& b) {
  const auto mend = [](Bar& faded, const Bar& clear) {
    if (!clear.has_edge || faded.has_edge || std::abs(faded.level - clear.level) > kTolerance) return;
    if (faded.lines + kEdgeDepth < clear.lines) return;
    faded.lines = std::min(faded.lines, clear.lines);
    faded.has_edge = true;
  };
  mend(a, b);
  mend(b, a);
}

// Judges whole rows and columns of a part of the picture by samples.
class Lines {
 public:
  Lines(const LumaView& luma, const Rect& rect) : luma_(luma), rect_(rect) {}

  // At the top or at the bottom; `limit` lines mean that it did not end.
  [[nodiscard]] Bar BarOfRows(bool from_top, std::size_t limit) const {
    const auto row = [&](std::size_t n) {
      const std::size_t y = from_top ? rect_.top + n : rect_.bottom - 1 - n;
      return luma_.data + y * luma_.stride + rect_.left;
    };
    const std::size_t width = rect_.width();
    const std::size_t chunks = width <= kMaxChunks * kChunk ? 1 : kMaxChunks;
    const std::size_t size = chunks == 1 ? width : kChunk;
    const std::size_t samples = chunks * size;
    Histogram histogram;
    for (std::size_t i = 0; i < chunks; ++i) {
      const std::uint8_t* pixels = row(0) + Spread(i, chunks, width, size);
      for (std::size_t x = 0; x < size; ++x) histogram.Add(pixels[x]);
    }
    if (!histogram.IsFlat()) return {};
    const int level = histogram.Median();
    const auto outside = [&](std::size_t n, Band band) {
      std::size_t sum = 0;
      for (std::size_t i = 0; i < chunks; ++i)
        sum += Outside(row(n) + Spread(i, chunks, width, size), size, band);
      return sum;
    };
    const Band weak(level, kTolerance);
    std::size_t rows = 1;
    while (rows < limit && outside(rows, weak) * kNoiseShare <= samples) ++rows;
    if (rows == limit) return {limit, false, level};
    const Band strong(level, kStrong);
    for (std::size_t n = rows; n < std::min(rows + kEdgeDepth, limit); ++n) {
      if (outside(n, strong) * kEdgeShare >= samples) return {n, true, level};
    }
    return {rows, false, level};
  }

  // At the left or at the right.
  [[nodiscard]] Bar BarOfColumns(bool from_left, std::size_t limit) const {
    const std::size_t rows = std::min(rect_.height(), kMaxRows);
    const auto pixel = [&](std::size_t row, std::size_t n) {
      const std::size_t y = rect_.top + Spread(row, rows, rect_.height(), 1);
      return luma_.data + y * luma_.stride + (from_left ? rect_.left + n : rect_.right - 1 - n);
    };
    Histogram histogram;
    for (std::size_t i = 0; i < rows; ++i) histogram.Add(*pixel(i, 0));
    if (!histogram.IsFlat()) return {};
    const int level = histogram.Median();
    const Band weak(level, kTolerance);
    std::array<std::size_t, kMaxRows> runs;
    for (std::size_t i = 0; i < rows; ++i) {
      runs[i] =
          from_left ? RunFromLeft(pixel(i, 0), limit, weak) : RunFromRight(pixel(i, 0) + 1, limit, weak);
    }
    const std::size_t odd = rows / kNoiseShare;
    std::nth_element(runs.begin(), runs.begin() + odd, runs.begin() + rows);
    const std::size_t columns = runs[odd];
    if (columns == limit) return {limit, false, level};
    const Band strong(level, kStrong);
    for (std::size_t n = columns; n < std::min(columns + kEdgeDepth, limit); ++n) {
      std::size_t outside = 0;
      for (std::size_t i = 0; i < rows; ++i) outside += static_cast<std::size_t>(!strong.Holds(*pixel(i, n)));
      if (outside * kEdgeShare >= rows) return {n, true, level};
    }
    return {columns, false, level};
  }

 private:
  LumaView luma_;
  Rect rect_;
};

}  // namespace

std::optional<LumaView> StripBorder(const LumaView& luma) {
  const std::size_t least_width = std::max(kSmallestSide, luma.width / kSmallestShare);
  const std::size_t least_height = std::max(kSmallestSide, luma.height / kSmallestShare);
  if (luma.width <= least_width || luma.height <= least_height) return std::nullopt;
  Rect rect{0, 0, luma.width, luma.height};
  // Each round may uncover a further border: bars of another colour at the other edges, a frame in a frame.
  constexpr int kRounds = 4;
  for (int round = 0; round < kRounds; ++round) {
    const Rect before = rect;
    // Bars that leave too little are none: a flat picture, or a speck on a ground.
    const std::size_t row_limit = rect.height() - least_height + 1;
    Bar top = Lines(luma, rect).BarOfRows(true, row_limit);
    Bar bottom = Lines(luma, rect).BarOfRows(false, row_limit);
    MendPair(top, bottom);
    if (top.has_edge) rect.top += top.lines;
    if (bottom.has_edge) rect.bottom -= bottom.lines;
    if (rect.top + least_height > rect.bottom) return std::nullopt;

    const std::size_t column_limit = rect.width() - least_width + 1;
    Bar left = Lines(luma, rect).BarOfColumns(true, column_limit);
    Bar right = Lines(luma, rect).BarOfColumns(false, column_limit);
    MendPair(left, right);
    if (left.has_edge) rect.left += left.lines;
    if (right.has_edge) rect.right -= right.lines;
    if (rect.left + least_width > rect.right) return std::nullopt;
    if (rect == before) break;
  }
  const bool worth = (luma.width - rect.width()) * kWorthShare >= luma.width ||
                     (luma.height - rect.height()) * kWorthShare >= luma.height;
  if (!worth || (rect.width() == luma.width && rect.height() == luma.height)) return std::nullopt;
  return LumaView{luma.data + rect.top * luma.stride + rect.left, static_cast<std::uint32_t>(rect.width()),
                  static_cast<std::uint32_t>(rect.height()), luma.stride};
}

}  // namespace tamiz::media
