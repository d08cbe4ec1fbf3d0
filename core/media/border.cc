#include "core/media/border.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "core/media/cell_kernels.h"

namespace tamiz::media {
namespace {

constexpr int kTolerance = 8;            // levels: noise of a compressed flat area
constexpr int kStrong = 20;              // levels: more than the ringing next to an edge, as a rule
constexpr int kFineTolerance = 2;        // levels: a bar that was drawn, compressed lightly
constexpr int kFineStrong = 3;           // levels: a dark sky's difference to such a bar
constexpr int kSameLevel = 6;            // levels between bars of one border
constexpr std::size_t kClearShare = 2;   // one in so many of a line's samples makes an edge that is certain
constexpr std::size_t kNoiseShare = 64;  // of a line's samples, one in so many may be off
constexpr std::size_t kEdgeShare = 16;   // at least one in so many makes an edge
constexpr std::size_t kEdgeDepth = 9;    // lines; one more than a block of a codec
constexpr std::size_t kSmallestSide = 32;
constexpr std::size_t kSmallestShare = 8;
constexpr std::size_t kWorthShare = 128;
constexpr std::size_t kChunk = 64;      // contiguous pixels of a row that are judged together
constexpr std::size_t kMaxChunks = 16;  // of a row
constexpr std::size_t kMaxRows = 256;   // sampled, to judge columns

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

// The lower median.
int MedianOf(std::span<const std::uint8_t> pixels) {
  // Mostly more than half are of one level.
  const std::uint8_t likely = pixels[pixels.size() / 2];
  if (CountOutside(pixels.data(), pixels.size(), {likely, 0}) * 2 < pixels.size()) return likely;
  std::array<std::size_t, 256> counts{};
  for (const std::uint8_t pixel : pixels) ++counts[pixel];
  std::size_t sum = 0;
  int level = 0;
  while (level < 255 && (sum += counts[static_cast<std::size_t>(level)]) * 2 < pixels.size()) ++level;
  return level;
}

// The one brightness of a line; nothing if it has more than one.
std::optional<int> LevelOf(std::span<const std::uint8_t> pixels) {
  const int level = MedianOf(pixels);
  const std::size_t outside = CountOutside(pixels.data(), pixels.size(), {level, kTolerance});
  if (outside * kNoiseShare > pixels.size()) return std::nullopt;
  return level;
}

// Lines at one edge that look alike.
struct Bar {
  std::size_t lines = 0;
  bool has_edge = false;  // the picture visibly begins where the bar ends
  bool is_clear = false;  // along a good part of its length: it is no tip of something inside the picture
  int level = 0;
};

// How bars are told from the picture.
struct Sense {
  int tolerance = kTolerance;
  int strong = kStrong;
  std::optional<int> level = std::nullopt;  // bars of other levels are part of the picture
};

// Bars mostly come in pairs: where the picture fades into one of them, the other tells its width.
void MendPair(Bar& a, Bar& b, int tolerance) {
  const auto mend = [tolerance](Bar& faded, const Bar& clear) {
    if (!clear.has_edge || faded.has_edge || std::abs(faded.level - clear.level) > tolerance) return;
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
  Lines(const LumaView& luma, const Rect& rect, const Sense& sense)
      : luma_(luma), rect_(rect), sense_(sense) {}

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
    std::array<std::uint8_t, kMaxChunks * kChunk> pixels;
    for (std::size_t i = 0; i < chunks; ++i) {
      std::copy_n(row(0) + Spread(i, chunks, width, size), size, pixels.data() + i * size);
    }
    const std::optional<int> level_of = LevelOf({pixels.data(), samples});
    if (!level_of || !IsWanted(*level_of)) return {};
    const int level = *level_of;
    const auto outside = [&](std::size_t n, LevelBand band) {
      std::size_t sum = 0;
      for (std::size_t i = 0; i < chunks; ++i)
        sum += CountOutside(row(n) + Spread(i, chunks, width, size), size, band);
      return sum;
    };
    const LevelBand weak(level, sense_.tolerance);
    std::size_t rows = 1;
    while (rows < limit && outside(rows, weak) * kNoiseShare <= samples) ++rows;
    return WithEdge(rows, limit, level, samples,
                    [&](std::size_t n, LevelBand band) { return outside(n, band); });
  }

  // At the left or at the right.
  [[nodiscard]] Bar BarOfColumns(bool from_left, std::size_t limit) const {
    const std::size_t rows = std::min(rect_.height(), kMaxRows);
    std::array<const std::uint8_t*, kMaxRows> outermost;  // the pixel of each row that is judged
    {
      // Spread over the height, without a division for each.
      const std::size_t parts = std::max<std::size_t>(rows - 1, 1);
      const std::size_t whole = (rect_.height() - 1) / parts;
      const std::size_t rest = (rect_.height() - 1) % parts;
      const std::uint8_t* first =
          luma_.data + rect_.top * luma_.stride + (from_left ? rect_.left : rect_.right - 1);
      for (std::size_t i = 0, row = 0, over = 0; i < rows; ++i) {
        outermost[i] = first + row * luma_.stride;
        over += rest;
        row += whole + (over >= parts ? 1 : 0);
        over -= over >= parts ? parts : 0;
      }
    }
    const auto pixel = [&](std::size_t row, std::size_t n) {
      return from_left ? outermost[row] + n : outermost[row] - n;
    };
    std::array<std::uint8_t, kMaxRows> pixels;
    for (std::size_t i = 0; i < rows; ++i) pixels[i] = *outermost[i];
    const std::optional<int> level_of = LevelOf({pixels.data(), rows});
    if (!level_of || !IsWanted(*level_of)) return {};
    const int level = *level_of;
    const LevelBand weak(level, sense_.tolerance);
    std::array<std::uint32_t, kMaxRows> runs;
    if (from_left) {
      RunsFromLeft({outermost.data(), rows}, limit, weak, runs.data());
    } else {
      RunsFromRight({outermost.data(), rows}, limit, weak, runs.data());
    }
    // The shortest but for some odd rows.
    constexpr std::size_t kMostKept = kMaxRows / kNoiseShare + 1;
    std::array<std::uint32_t, kMostKept> shortest;  // ascending
    shortest.fill(static_cast<std::uint32_t>(limit));
    const std::size_t last = rows / kNoiseShare;
    for (std::size_t i = 0; i < rows; ++i) {
      if (runs[i] >= shortest[last]) continue;
      std::size_t n = last;
      for (; n > 0 && shortest[n - 1] > runs[i]; --n) shortest[n] = shortest[n - 1];
      shortest[n] = runs[i];
    }
    const std::size_t columns = shortest[last];
    return WithEdge(columns, limit, level, rows, [&](std::size_t n, LevelBand band) {
      std::size_t outside = 0;
      for (std::size_t i = 0; i < rows; ++i) outside += static_cast<std::size_t>(!band.Holds(*pixel(i, n)));
      return outside;
    });
  }

 private:
  [[nodiscard]] bool IsWanted(int level) const {
    return !sense_.level || std::abs(level - *sense_.level) <= std::min(sense_.tolerance, kSameLevel);
  }
  // The bar of `lines` lines, or some more up to its edge. outside(n, band): samples of line n that are not
  // in the band.
  template <typename OutsideOf>
  [[nodiscard]] Bar WithEdge(std::size_t lines, std::size_t limit, int level, std::size_t samples,
                             const OutsideOf& outside) const {
    if (lines == limit) return {limit, false, false, level};
    const LevelBand strong(level, sense_.strong);
    Bar bar{lines, false, false, level};
    for (std::size_t n = lines; n < std::min(lines + kEdgeDepth, limit) && !bar.is_clear; ++n) {
      const std::size_t there = outside(n, strong);
      if (there * kEdgeShare >= samples && !bar.has_edge) {
        bar.lines = n;
        bar.has_edge = true;
      }
      bar.is_clear = there * kClearShare >= samples;
    }
    return bar;
  }

  LumaView luma_;
  Rect rect_;
  Sense sense_;
};

// What was stripped.
struct Stripped {
  Rect rect;
  int level = -1;         // of the outermost bar; -1: there is none
  bool is_clear = true;   // each side that was stripped has a certain edge
  bool is_mixed = false;  // some bar has another level
};

// Nothing if too little would stay.
std::optional<Stripped> Strip(const LumaView& luma, const Sense& sense) {
  const std::size_t least_width = std::max(kSmallestSide, luma.width / kSmallestShare);
  const std::size_t least_height = std::max(kSmallestSide, luma.height / kSmallestShare);
  if (luma.width <= least_width || luma.height <= least_height) return std::nullopt;
  Stripped result{{0, 0, luma.width, luma.height}};
  Rect& rect = result.rect;
  const auto note = [&](const Bar& bar) {
    if (!bar.has_edge || bar.lines == 0) return std::size_t{0};
    if (result.level < 0) result.level = bar.level;
    result.is_mixed |= std::abs(bar.level - result.level) > kSameLevel;
    result.is_clear &= bar.is_clear;
    return bar.lines;
  };
  // Each round may uncover a further border: bars of another colour at the other edges, a frame in a frame.
  constexpr int kRounds = 4;
  for (int round = 0; round < kRounds; ++round) {
    const Rect before = rect;
    // Bars that leave too little are none: a flat picture, or a speck on a ground.
    const std::size_t row_limit = rect.height() - least_height + 1;
    Bar top = Lines(luma, rect, sense).BarOfRows(true, row_limit);
    Bar bottom = Lines(luma, rect, sense).BarOfRows(false, row_limit);
    MendPair(top, bottom, sense.tolerance);
    rect.top += note(top);
    rect.bottom -= note(bottom);
    if (rect.top + least_height > rect.bottom) return std::nullopt;

    const std::size_t column_limit = rect.width() - least_width + 1;
    Bar left = Lines(luma, rect, sense).BarOfColumns(true, column_limit);
    Bar right = Lines(luma, rect, sense).BarOfColumns(false, column_limit);
    MendPair(left, right, sense.tolerance);
    rect.left += note(left);
    rect.right -= note(right);
    if (rect.left + least_width > rect.right) return std::nullopt;
    if (rect == before) break;
  }
  return result;
}

// What stands between bars at opposite sides that are alike, with an edge or without.
struct Between {
  Rect rect;
  int level;  // of the bars
};

std::optional<Between> BetweenPairs(const LumaView& luma) {
  constexpr std::size_t kLeastShare = 32;
  const Rect whole{0, 0, luma.width, luma.height};
  Rect rect = whole;
  const Lines lines(luma, whole, {});
  const auto narrow = [](const Bar& a, const Bar& b, std::size_t& low, std::size_t& high) {
    const std::size_t size = high;
    if (std::min(a.lines, b.lines) * kLeastShare < size || std::abs(a.level - b.level) > kSameLevel)
      return false;
    low = std::min(a.lines, size / 2);
    high = size - std::min(b.lines, size / 2);
    return true;
  };
  const Bar top = lines.BarOfRows(true, luma.height / 2 + 1);
  const Bar left = lines.BarOfColumns(true, luma.width / 2 + 1);
  const bool rows = narrow(top, lines.BarOfRows(false, luma.height / 2 + 1), rect.top, rect.bottom);
  const bool columns = narrow(left, lines.BarOfColumns(false, luma.width / 2 + 1), rect.left, rect.right);
  if (!rows && !columns) return std::nullopt;
  return Between{rect, rows ? top.level : left.level};
}

bool IsWorthIt(const LumaView& luma, const Rect& rect) {
  return (luma.width - rect.width()) * kWorthShare >= luma.width ||
         (luma.height - rect.height()) * kWorthShare >= luma.height;
}

LumaView ViewOf(const LumaView& luma, const Rect& rect) {
  return {luma.data + rect.top * luma.stride + rect.left, static_cast<std::uint32_t>(rect.width()),
          static_cast<std::uint32_t>(rect.height()), luma.stride};
}

// Whether a hash tells two rectangles apart.
bool IsNear(const Rect& a, const Rect& b) {
  const auto near = [](std::size_t x, std::size_t y, std::size_t size) {
    return (x > y ? x - y : y - x) * kWorthShare <= size;
  };
  return near(a.left, b.left, b.width()) && near(a.right, b.right, b.width()) &&
         near(a.top, b.top, b.height()) && near(a.bottom, b.bottom, b.height());
}

// Pictures of the usual shapes in the middle of the frame, as wide or as high as it, that hold `content`:
// where a picture's own edge is as its bars are, nothing else tells where it ends. The commonest first.
std::vector<Rect> UsualShapes(const LumaView& luma, const Rect& content) {
  constexpr std::array<std::array<std::size_t, 2>, 8> kShapes = {
      {{1, 1}, {16, 9}, {4, 3}, {3, 2}, {3, 4}, {5, 4}, {2, 3}, {9, 16}}};
  std::vector<Rect> rects;
  for (const auto& [across, down] : kShapes) {
    std::size_t width = luma.width;
    std::size_t height = luma.height;
    if (luma.width * down < luma.height * across) {
      height = luma.width * down / across;
    } else {
      width = luma.height * across / down;
    }
    const Rect rect{(luma.width - width) / 2, (luma.height - height) / 2, (luma.width + width) / 2,
                    (luma.height + height) / 2};
    // A few pixels of what was found may be ringing.
    const auto holds = [](std::size_t from, std::size_t to) { return from <= to + kEdgeDepth; };
    if (holds(rect.left, content.left) && holds(content.right, rect.right) && holds(rect.top, content.top) &&
        holds(content.bottom, rect.bottom)) {
      rects.push_back(rect);
    }
  }
  return rects;
}

}  // namespace

std::optional<LumaView> StripBorder(const LumaView& luma) {
  const std::optional<Stripped> stripped = Strip(luma, {});
  if (!stripped || !IsWorthIt(luma, stripped->rect)) return std::nullopt;
  return ViewOf(luma, stripped->rect);
}

StrippedWays StripBorderInWays(const LumaView& luma) {
  std::vector<Rect> rects;
  const auto add = [&](const Rect& rect) {
    if (rects.size() == kMostWays || !IsWorthIt(luma, rect)) return;
    if (std::any_of(rects.begin(), rects.end(), [&](const Rect& known) { return IsNear(rect, known); })) {
      return;
    }
    rects.push_back(rect);
  };
  const std::optional<Stripped> usual = Strip(luma, {});
  if (usual) add(usual->rect);
  const bool is_stripped = usual && usual->level >= 0;
  // The picture may have a margin of its own, of another brightness than what was put around it ...
  if (is_stripped && usual->is_mixed) {
    if (const auto outer = Strip(luma, {.level = usual->level})) add(outer->rect);
  }
  if (!is_stripped || !usual->is_clear) {
    if (const std::optional<Between> between = BetweenPairs(luma)) {
      // ... or nearly the same one ...
      if (const auto fine = Strip(luma, {kFineTolerance, kFineStrong, between->level})) add(fine->rect);
      // ... or the very same one.
      for (const Rect& rect : UsualShapes(luma, between->rect)) add(rect);
    }
  }
  StrippedWays ways;
  for (const Rect& rect : rects) ways.insides.push_back(ViewOf(luma, rect));
  ways.is_certain = is_stripped && usual->is_clear && !rects.empty() && rects[0] == usual->rect;
  return ways;
}

}  // namespace tamiz::media
