#include "core/media/ground_cuts.h"

#include <array>
#include <cmath>

#include "core/media/cell_kernels.h"

namespace tamiz::media {
namespace {

// Levels within which brightness is the same.
struct Sense {
  int tolerance;    // from a line's own brightness
  int same_band;    // between neighbouring lines of a band
  int most_drift;   // from one side of a band to the other
  int same_ground;  // between bands of one ground
};
constexpr int kTolerance = 8;
constexpr int kSameEdge = 6;
constexpr Sense kUsual = {kTolerance, 6, 14, 12};
constexpr Sense kAtEdge = {kTolerance, 6, 14, kSameEdge};  // the ground is that of the picture's edge
constexpr Sense kExact = {0, 0, 0, 0};
constexpr int kNoiseShare = 64;  // of a line's cells, one in so many may be off
constexpr int kOddShare = 8;     // one in so many that are nearly of the ground may be a picture's own margin
constexpr int kOddLines = 4;     // likewise, lines
constexpr int kMostSamples = 128;  // of a line, to be sure
constexpr unsigned kSamples = 16;  // of a line, for a first opinion
constexpr int kMostDepth = 6;
constexpr std::size_t kMostCandidates = 64;

// Brightnesses that bands have had so far.
class Grounds {
 public:
  explicit Grounds(int tolerance) : tolerance_(tolerance) {}
  void Add(int level) {
    if (!Holds(level) && count_ < levels_.size()) levels_[count_++] = level;
  }
  [[nodiscard]] bool Holds(int level) const {
    return std::any_of(levels_.begin(), levels_.begin() + static_cast<std::ptrdiff_t>(count_),
                       [&](int known) { return std::abs(known - level) <= tolerance_; });
  }
  [[nodiscard]] bool IsEmpty() const { return count_ == 0; }

 private:
  int tolerance_;
  std::array<int, 8> levels_{};
  std::size_t count_ = 0;
};

// Neighbouring lines between two bands, or between a band and the edge.
struct Block {
  int first = 0, last = 0;
};

class Cutter {
 public:
  explicit Cutter(const LumaView& cells) : cells_(cells) {}

  GroundCuts Cut() {
    const CellBox whole{0, 0, static_cast<int>(cells_.width), static_cast<int>(cells_.height)};
    whole_ = whole;
    // Once with every band, which cuts too much where a picture has bands of its own, and once with those
    // only that look like the bands around.
    for (const bool strict : {true, false}) {
      strict_ = strict;
      sense_ = strict ? kAtEdge : kUsual;
      cut_anything_ = false;
      Cut(whole, Along::kRows, 0, Grounds(sense_.same_ground), false);
      if (strict) cuts_.is_four = cuts_.leaves.size() == 4;
      // The second time would find the same.
      if (strict && !passed_over_) break;
    }
    const bool is_four = cut_anything_ && FindFour();
    cuts_.is_four = is_four && cuts_.is_four;
    // A dark picture on a dark page may be told by a level or two, where the page was drawn and not
    // photographed.
    if (odd_lines_ >= kOddLines) {
      strict_ = is_exact_ = true;
      sense_ = kExact;
      Cut(whole, Along::kRows, 0, Grounds(0), false);
    }
    return std::move(cuts_);
  }

 private:
  // Four pictures with a gap between them, whatever margins they have themselves: of one ground are the lines
  // through the middle, both ways. The narrowest that the ground is anywhere is the gap.
  bool FindFour() {
    const int row = whole_.bottom / 2;
    const int column = whole_.right / 2;
    const int level = LevelOf(Along::kRows, row, 0, whole_.right);
    if (level < 0) return false;
    const auto is_ground = [&](Along along, int line) {
      const int own = LevelOf(along, line, 0, along == Along::kRows ? whole_.right : whole_.bottom);
      return own >= 0 && std::abs(own - level) <= kSameEdge;
    };
    if (!is_ground(Along::kColumns, column)) return false;
    int half = std::min(row, column);  // of the gap
    int outer = half;
    for (const Along along : {Along::kRows, Along::kColumns}) {
      const int lines = along == Along::kRows ? whole_.bottom : whole_.right;
      const auto run = [&](int first, int step, int most) {
        int length = 0;
        while (length < most && is_ground(along, first + step * length)) ++length;
        return length;
      };
      half = std::min({half, run(lines / 2, 1, half), run(lines / 2 - 1, -1, half)});
      outer = std::min({outer, run(0, 1, outer), run(lines - 1, -1, outer)});
    }
    // Around the pictures the gap mostly is as wide as between them; what is wider is a margin of theirs.
    if (outer > 3 * half + 2) outer = 2 * half;
    if (outer > 0 && 4 * half > 3 * outer + 4) half = (outer + 1) / 2;
    for (const int top : {outer, row + half}) {
      for (const int left : {outer, column + half}) {
        Add({left, top, left == outer ? column - half : whole_.right - outer,
             top == outer ? row - half : whole_.bottom - outer},
            strict_ ? 4.5 : 6);
      }
    }
    return true;
  }

  void Add(const CellBox& box, double score) {
    if (!IsWorthALook(box, cells_) || cuts_.candidates.size() >= kMostCandidates) return;
    // What is exact to a level takes the ringing of codecs for the picture's edge: the usual way is the
    // better one where both find the same.
    constexpr double kSame = 0.95;
    if (is_exact_ &&
        std::any_of(cuts_.candidates.begin(), cuts_.candidates.end(),
                    [&](const RegionCandidate& known) { return Overlap(known.box, box) > kSame; })) {
      return;
    }
    cuts_.candidates.push_back({box, (strict_ ? score : score - 1.5) + box.area() / whole_.area()});
  }

  static constexpr auto kAtOnce = static_cast<int>(kLinesAtOnce);

  // The one brightness of a line; -1 if it has not got one.
  [[nodiscard]] int LevelOf(Along along, int line, int from, int to) {
    const std::size_t step = along == Along::kRows ? 1 : cells_.stride;
    const std::uint8_t* start =
        cells_.data + (along == Along::kRows
                           ? static_cast<std::size_t>(line) * cells_.stride + static_cast<std::size_t>(from)
                           : static_cast<std::size_t>(from) * cells_.stride + static_cast<std::size_t>(line));
    const int length = to - from;
    const auto at = [&](int i) { return int{start[static_cast<std::size_t>(i) * step]}; };
    const auto sample = [&](unsigned i) {
      return int{start[std::size_t{(2 * i + 1) * static_cast<unsigned>(length) / (2 * kSamples)} * step]};
    };
    // Most lines of most pictures are out here.
    const int a = sample(2), b = sample(7), c = sample(12);
    const int level = std::max(std::min(a, b), std::min(std::max(a, b), c));
    int off = 0;
    const int tolerance = sense_.tolerance;
    for (unsigned i = 0; i < kSamples && off <= 1; ++i)
      off += std::abs(sample(i) - level) > tolerance ? 1 : 0;
    if (off > 1) return -1;
    const int every = std::max(1, length / kMostSamples);
    if (along == Along::kRows && every <= kAtOnce / 2) {
      const Off counted = CountOffInRow(start, static_cast<std::size_t>(length),
                                        static_cast<std::size_t>(every), level, tolerance);
      return Judge(level, counted.outside, counted.odd, (length + every - 1) / every);
    }
    int outside = 0;
    int odd = 0;
    int count = 0;
    for (int i = 0; i < length; i += every, ++count) {
      const int difference = std::abs(at(i) - level);
      outside += difference > tolerance ? 1 : 0;
      odd += difference > 0 ? 1 : 0;
    }
    return Judge(level, outside, odd, count);
  }

  // LevelOf for `number` columns from `left` on, side by side.
  void LevelsOfColumns(int left, int number, int from, int to, int* levels) {
    const int length = to - from;
    const auto row = [&](int i) {
      return cells_.data + static_cast<std::size_t>(from + i) * cells_.stride +
             static_cast<std::size_t>(left);
    };
    const auto sample = [&](unsigned i) {
      return row(static_cast<int>((2 * i + 1) * static_cast<unsigned>(length) / (2 * kSamples)));
    };
    const auto tolerance = static_cast<std::uint8_t>(sense_.tolerance);
    const auto count_of = static_cast<std::size_t>(number);
    std::array<std::uint8_t, kAtOnce> level, off, odd;  // bytes alone, so that compilers vectorise it
    {
      const std::uint8_t* a = sample(2);
      const std::uint8_t* b = sample(7);
      const std::uint8_t* c = sample(12);
      for (std::size_t x = 0; x < count_of; ++x) {
        level[x] = std::max(std::min(a[x], b[x]), std::min(std::max(a[x], b[x]), c[x]));
      }
    }
    const auto count = [&](const std::uint8_t* values, std::size_t rows, int every) {
      CountOffInColumns(values, static_cast<std::size_t>(every) * cells_.stride, rows, level.data(),
                        tolerance, off.data(), odd.data(), count_of);
    };
    off.fill(0);
    odd.fill(0);
    for (unsigned i = 0; i < kSamples; ++i) {
      count(sample(i), 1, 1);
      // Most columns of most pictures are out here.
      const auto out = [&] {
        return std::all_of(off.begin(), off.begin() + number, [](std::uint8_t one) { return one > 1; });
      };
      if (i % 4 == 3 && out()) break;
    }
    std::array<bool, kAtOnce> may_be;
    bool any = false;
    for (std::size_t x = 0; x < count_of; ++x) {
      may_be[x] = off[x] <= 1;
      any |= may_be[x];
      levels[x] = -1;
    }
    if (!any) return;
    off.fill(0);
    odd.fill(0);
    static_assert(2 * kMostSamples <= 256);  // fewer samples than that
    const int every = std::max(1, length / kMostSamples);
    const int samples = (length + every - 1) / every;
    count(row(0), static_cast<std::size_t>(samples), every);
    for (std::size_t x = 0; x < count_of; ++x) {
      if (may_be[x]) levels[x] = Judge(level[x], off[x], odd[x], samples);
    }
  }

  // Of so many samples these are not of a line's level, or not exactly.
  int Judge(int level, int outside, int odd, int samples) {
    if (outside * kNoiseShare > samples) return -1;
    if ((odd - outside) * kOddShare >= samples) ++odd_lines_;
    return level;
  }

  // The runs of lines between bands. `grounds` are those known, those of this cut are added.
  [[nodiscard]] std::vector<Block> Blocks(const CellBox& box, Along along, Grounds& grounds,
                                          bool any_ground) {
    const Extent extent(box, along);
    const auto lines = static_cast<std::size_t>(extent.lines());
    std::vector<int> levels(lines);
    if (along == Along::kRows) {
      for (std::size_t i = 0; i < lines; ++i) {
        levels[i] = LevelOf(along, extent.first + static_cast<int>(i), extent.from, extent.to);
      }
    } else {
      for (int x = extent.first; x < extent.last; x += kAtOnce) {
        LevelsOfColumns(x, std::min(kAtOnce, extent.last - x), extent.from, extent.to,
                        levels.data() + (x - extent.first));
      }
    }
    // What is put around a picture reaches the edge; what has another brightness is the picture's own.
    if (strict_ && any_ground) {
      for (const int level : {levels.front(), levels.back()}) {
        if (level >= 0) grounds.Add(level);
      }
      any_ground = grounds.IsEmpty();
    }
    std::vector<bool> is_band(lines);
    Grounds seen = grounds;
    for (std::size_t i = 0, end = 0; i < lines; i = end) {
      end = i + 1;
      if (levels[i] < 0) continue;
      while (end < lines && levels[end] >= 0 && std::abs(levels[end] - levels[end - 1]) <= sense_.same_band) {
        odd_lines_ += levels[end] != levels[i] ? 1 : 0;
        ++end;
      }
      const bool at_edge = i == 0 || end == lines;
      const bool is_ground = any_ground || grounds.Holds(levels[i]);
      if ((end - i < 2 && !at_edge) || std::abs(levels[end - 1] - levels[i]) > sense_.most_drift) continue;
      if (!is_ground) {
        passed_over_ = true;
        continue;
      }
      for (std::size_t n = i; n < end; ++n) is_band[n] = true;
      seen.Add(levels[i]);
    }
    grounds = seen;
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < lines; ++i) {
      if (is_band[i]) continue;
      const int line = extent.first + static_cast<int>(i);
      if (i == 0 || is_band[i - 1]) blocks.push_back({line, line});
      blocks.back().last = line + 1;
    }
    return blocks;
  }

  // Cuts along `along` first, then the other way, as long as there is something to cut.
  void Cut(CellBox box, Along along, int depth, Grounds grounds, bool is_part) {
    for (int idle = 0; idle < 2; along = Other(along)) {
      const bool any_ground = !strict_ || !is_part;
      const std::vector<Block> blocks = Blocks(box, along, grounds, any_ground);
      const Extent extent(box, along);
      std::vector<CellBox> parts;
      for (const Block& block : blocks) {
        const CellBox part = BoxOf(along, block.first, block.last, extent.from, extent.to);
        if (part.width() * 9 >= whole_.width() && part.height() * 9 >= whole_.height()) parts.push_back(part);
      }
      if (parts.empty()) return;
      if (parts.size() > 1) {
        cut_anything_ = true;
        // What is cut may also be one picture with bands in it.
        if (is_part) Add(box, 1);
        if (depth == kMostDepth) return;
        for (const CellBox& part : parts) Cut(part, Other(along), depth + 1, grounds, true);
        return;
      }
      if (parts[0] == box) {
        ++idle;
        continue;
      }
      idle = 0;
      cut_anything_ = true;
      is_part = true;
      // What stands in the middle mostly is cut alike on both sides; a side that is not may fade into the
      // ground.
      const int before = Extent(parts[0], along).first - extent.first;
      const int after = extent.last - Extent(parts[0], along).last;
      if (along == Along::kColumns && std::abs(before - after) > std::max(2, extent.lines() / 64)) {
        const int both = std::min(before, after);
        Add(BoxOf(along, extent.first + both, extent.last - both, extent.from, extent.to), 2.5);
      }
      box = parts[0];
    }
    if (box != whole_) Add(box, 4);
    if (is_exact_) return;
    const bool known = std::find(cuts_.leaves.begin(), cuts_.leaves.end(), box) != cuts_.leaves.end();
    if (!known && cuts_.leaves.size() < 12) cuts_.leaves.push_back(box);
  }

  const LumaView cells_;
  CellBox whole_;
  Sense sense_ = kUsual;
  bool strict_ = true;
  bool is_exact_ = false;
  int odd_lines_ = 0;  // that are of the ground's brightness, but for a level or two
  bool cut_anything_ = false;
  bool passed_over_ = false;  // bands that are not of the ground's brightness
  GroundCuts cuts_;
};

}  // namespace

GroundCuts CutAtGrounds(const LumaView& cells) { return Cutter(cells).Cut(); }

}  // namespace tamiz::media
