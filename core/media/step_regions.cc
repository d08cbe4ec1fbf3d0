#include "core/media/step_regions.h"

#include <array>
#include <cmath>
#include <utility>

#include "core/media/cell_kernels.h"

namespace tamiz::media {
namespace {

CellBox Whole(const StepMap& steps) {
  return {0, 0, static_cast<int>(steps.cells().width), static_cast<int>(steps.cells().height)};
}

void Add(const StepMap& steps, const CellBox& box, double score, std::vector<RegionCandidate>& found) {
  if (!IsWorthALook(box, steps.cells())) return;
  found.push_back({box, score + box.area() / Whole(steps).area()});
}

// ---- Divided.

// The line about `place` (a share of the box) that is most of a step from side to side; -1 if none is.
int LineAbout(const StepMap& steps, const Extent& extent, Along along, double place, double least_excess) {
  const int about = extent.first + static_cast<int>(std::lround(place * extent.lines()));
  const int reach = std::max(2, extent.lines() / 64);
  const StepMap::Stretch stretch(steps, along, extent.from, extent.to);
  int best = -1;
  double most = least_excess;
  for (int line = about - reach; line <= about + reach; ++line) {
    const double excess = stretch.Excess(line);
    if (excess <= most) continue;
    most = excess;
    best = line;
  }
  return best;
}

// Whether few other lines are as much of a step: a grid's lines divide nothing.
bool StandsOut(const StepMap& steps, const Extent& extent, Along along, int line) {
  constexpr double kAlike = 0.75;
  constexpr int kBeside = 4;
  constexpr int kMostAlike = 4;
  const StepMap::Stretch stretch(steps, along, extent.from, extent.to);
  const double least = kAlike * stretch.Excess(line);
  int alike = 0;
  int last = extent.first;
  for (int other = extent.first + kBeside; other + kBeside < extent.last && alike <= kMostAlike; ++other) {
    if (std::abs(other - line) < kBeside || other - last < kBeside) continue;
    if (stretch.Excess(other) < least) continue;
    ++alike;
    last = other;
  }
  return alike <= kMostAlike;
}

// Lines where collages are divided as a rule: in the middle, or at both thirds.
std::vector<int> UsualLines(const StepMap& steps, const CellBox& box, Along along, double least_excess) {
  const Extent extent(box, along);
  if (const int middle = LineAbout(steps, extent, along, 0.5, least_excess); middle >= 0) {
    if (!StandsOut(steps, extent, along, middle)) return {};
    return {middle};
  }
  const int first = LineAbout(steps, extent, along, 1 / 3.0, least_excess);
  const int second = LineAbout(steps, extent, along, 2 / 3.0, least_excess);
  if (first >= 0 && second >= 0) return {first, second};
  return {};
}

// The line along which the brightness steps most clearly from one side of the box to the other; -1 if there
// is none.
int ClearestLine(const StepMap& steps, const CellBox& box, Along along, double& most) {
  const Extent extent(box, along);
  const StepMap::Stretch stretch(steps, along, extent.from, extent.to);
  const int margin = std::max(8, extent.lines() / 8);
  int best = -1;
  for (int line = extent.first + margin; line + margin <= extent.last; ++line) {
    if (stretch.Support(line) < 0.5) continue;
    const double excess = stretch.Excess(line);
    if (excess <= most) continue;
    most = excess;
    best = line;
  }
  return best;
}

// The parts of a box between `lines`.
std::vector<CellBox> Parts(const CellBox& box, Along along, const std::vector<int>& lines) {
  const Extent extent(box, along);
  std::vector<CellBox> parts;
  int first = extent.first;
  for (const int line : lines) {
    parts.push_back(BoxOf(along, first, line, extent.from, extent.to));
    first = line;
  }
  parts.push_back(BoxOf(along, first, extent.last, extent.from, extent.to));
  return parts;
}

// ---- Enclosed.

// A straight stretch of step.
struct Side {
  int line = 0;
  int from = 0, to = 0;
  double weight = 0;
};

// The best stretch of each line, where lines next to each other do not count twice.
std::vector<Side> FindSides(const StepMap& steps, Along along) {
  constexpr std::size_t kMostSides = 16;
  const int lines = steps.lines(along);
  const int length = steps.length(along);
  const int pieces = steps.pieces(along);
  std::vector<Side> sides;
  constexpr int kFirst = BestStretches::kBeside + 1;
  const auto number = static_cast<std::size_t>(std::max(0, lines - 2 * kFirst));
  BestStretches best(number);
  for (int p = 0; p < pieces; ++p) {
    const std::uint16_t* before = steps.Sums(along, p) + kFirst - BestStretches::kBeside;
    const std::uint16_t* after = steps.Sums(along, p + 1) + kFirst - BestStretches::kBeside;
    ExtendStretches(before, after, static_cast<std::int16_t>(p), best);
  }
  for (std::size_t i = 0; i < number; ++i) {
    Side side;
    side.line = kFirst + static_cast<int>(i);
    side.from = best.from[i] * StepMap::kPiece;
    side.to = std::min(length, best.to[i] * StepMap::kPiece);
    side.weight = best.most[i];
    if (side.to - side.from >= length / 14) sides.push_back(side);
  }
  std::stable_sort(sides.begin(), sides.end(),
                   [](const Side& a, const Side& b) { return a.weight > b.weight; });
  std::vector<Side> kept;
  for (const Side& side : sides) {
    const bool known = std::any_of(kept.begin(), kept.end(), [&](const Side& other) {
      return std::abs(side.line - other.line) <= 3 &&
             2 * (std::min(side.to, other.to) - std::max(side.from, other.from)) > side.to - side.from;
    });
    if (known) continue;
    kept.push_back(side);
    if (kept.size() == kMostSides) break;
  }
  kept.push_back({0, 0, length, 0});
  kept.push_back({lines, 0, length, 0});
  std::stable_sort(kept.begin(), kept.end(), [](const Side& a, const Side& b) { return a.line < b.line; });
  return kept;
}

// The brightness of a line from one cell to another; -1 if it has more than one.
int LevelOf(const StepMap& steps, Along along, int line, int from, int to) {
  constexpr int kTolerance = 8;
  constexpr unsigned kSamples = 32;
  const LumaView& cells = steps.cells();
  const std::size_t step = along == Along::kRows ? 1 : cells.stride;
  const std::uint8_t* start =
      cells.data + static_cast<std::size_t>(line) * (along == Along::kRows ? cells.stride : 1);
  const auto sample = [&](unsigned i) {
    return int{
        start[static_cast<std::size_t>(static_cast<unsigned>(from) +
                                       (2 * i + 1) * static_cast<unsigned>(to - from) / (2 * kSamples)) *
              step]};
  };
  const int a = sample(5), b = sample(15), c = sample(27);
  const int level = std::max(std::min(a, b), std::min(std::max(a, b), c));
  int off = 0;
  for (unsigned i = 0; i < kSamples && off <= 1; ++i) off += std::abs(sample(i) - level) > kTolerance ? 1 : 0;
  return off <= 1 ? level : -1;
}

// Whether the frame's edge along a box has one brightness, there and beyond the box's ends: what the box
// would begin with is ground.
bool IsGround(const StepMap& steps, Along along, int line, int from, int to) {
  constexpr int kSame = 2;
  constexpr int kBeyond = 3;  // cells
  const int level = LevelOf(steps, along, line, from, to);
  if (level < 0) return false;
  const LumaView& cells = steps.cells();
  const auto goes_on = [&](int place) {
    if (place < 0 || place >= steps.length(along)) return true;
    const int x = along == Along::kRows ? place : line;
    const int y = along == Along::kRows ? line : place;
    return std::abs(cells.data[static_cast<std::size_t>(y) * cells.stride + static_cast<std::size_t>(x)] -
                    level) <= kSame;
  };
  return goes_on(from - kBeyond) && goes_on(to - 1 + kBeyond);
}
bool BeginsWithGround(const StepMap& steps, const CellBox& box) {
  const CellBox whole = Whole(steps);
  return (box.left == 0 && IsGround(steps, Along::kColumns, 0, box.top, box.bottom)) ||
         (box.top == 0 && IsGround(steps, Along::kRows, 0, box.left, box.right)) ||
         (box.right == whole.right &&
          IsGround(steps, Along::kColumns, whole.right - 1, box.top, box.bottom)) ||
         (box.bottom == whole.bottom && IsGround(steps, Along::kRows, whole.bottom - 1, box.left, box.right));
}

// How clearly a line is a side there; the picture's own edge is one, though not a telling one. Negative: it
// is none.
double Clarity(const StepMap::Stretch& stretch, int line) {
  if (line <= 0 || line >= stretch.lines()) return 0.3;
  if (stretch.Support(line) < 0.25) return -1;
  const double excess = stretch.Excess(line);
  return excess < 0.1 ? -1 : excess;
}

// ---- Blurred.

constexpr int kBent = 7;  // levels, of the difference twice

// Whether each of `number` lines from `first` on has no more detail than a blurred picture.
constexpr int kAtOnce = 32;
void AreDull(const StepMap& steps, Along along, int first, int number, std::array<bool, kAtOnce>& dull) {
  const LumaView& cells = steps.cells();
  const int length = steps.length(along);
  const int most = length / 40;
  std::array<std::int16_t, kAtOnce> counts{};
  const auto inner =
      static_cast<std::size_t>(std::max(0, length - 4));  // cells with two before and two after
  if (along == Along::kColumns) {
    CountBentInColumns(cells.data + 2 * cells.stride + static_cast<std::size_t>(first), cells.stride, inner,
                       kBent, counts.data(), static_cast<std::size_t>(number));
  } else {
    for (int n = 0; n < number; ++n) {
      const std::uint8_t* row = cells.data + static_cast<std::size_t>(first + n) * cells.stride;
      counts[static_cast<std::size_t>(n)] = static_cast<std::int16_t>(CountBentInRow(row + 2, inner, kBent));
    }
  }
  for (std::size_t n = 0; n < static_cast<std::size_t>(number); ++n) dull[n] = counts[n] <= most;
}

bool IsDull(const StepMap& steps, Along along, int line) {
  const LumaView& cells = steps.cells();
  const int length = steps.length(along);
  const std::size_t step = along == Along::kRows ? 1 : cells.stride;
  const std::uint8_t* start =
      cells.data + static_cast<std::size_t>(line) * (along == Along::kRows ? cells.stride : 1);
  const auto at = [&](int i) { return int{start[static_cast<std::size_t>(i) * step]}; };
  const int most = length / 40;
  int detail = 0;
  for (int i = 2; i + 2 < length && detail <= most; ++i) {
    detail += std::abs(2 * at(i) - at(i - 2) - at(i + 2)) >= kBent ? 1 : 0;
  }
  return detail <= most;
}

// How many lines are dull from the first or the last on, the very first taken as such.
int DullLines(const StepMap& steps, Along along, bool from_start) {
  const int lines = steps.lines(along);
  std::array<bool, kAtOnce> dull{};
  int count = 1;
  // Few at first: mostly there are few.
  for (int number = along == Along::kRows ? 4 : kAtOnce; count < lines;
       number = std::min(2 * number, kAtOnce)) {
    const int some = std::min(number, lines - count);
    AreDull(steps, along, from_start ? count : lines - count - some, some, dull);
    for (int n = 0; n < some; ++n, ++count) {
      if (!dull[static_cast<std::size_t>(from_start ? n : some - 1 - n)]) return count;
    }
  }
  return count;
}

// The line between `first` and `last` that is most of a step; -1 if none is.
int BestLine(const StepMap& steps, Along along, int first, int last) {
  const StepMap::Stretch whole(steps, along, 0, steps.length(along));
  int best = -1;
  double most = 0.1;
  const int lines = steps.lines(along);
  for (int line = std::max(2, first); line <= std::min(lines - 2, last); ++line) {
    const double excess = whole.Excess(line);
    if (excess <= most) continue;
    most = excess;
    best = line;
  }
  return best;
}

void FindBetweenBlurred(const StepMap& steps, Along along, std::vector<RegionCandidate>& found) {
  const int lines = steps.lines(along);
  if (!IsDull(steps, along, 1) || !IsDull(steps, along, lines - 2)) return;
  const int before = DullLines(steps, along, true);
  const int after = DullLines(steps, along, false);
  if (before < lines / 32 || after < lines / 32 || before + after > lines * 15 / 16) return;
  // The picture begins where the detail does, or before: its own edge may be dull.
  const int reach = lines / 12;
  int first = BestLine(steps, along, before - reach, before + 3);
  int last = BestLine(steps, along, lines - after - 3, lines - after + reach);
  // Both bands are of one width: what tells of one side tells of the other.
  if (first < 0 && last < 0) return;
  if (first < 0) first = lines - last;
  if (last < 0) last = lines - first;
  if (last <= first) return;
  // Bands that are plain, and no longer where the picture begins, are cut along elsewhere.
  const auto plain_lines = [&](bool from_start) {
    int plain = 0;
    while (plain < lines &&
           LevelOf(steps, along, from_start ? plain : lines - 1 - plain, 0, steps.length(along)) >= 0) {
      ++plain;
    }
    return plain;
  };
  if (std::abs(plain_lines(true) - first) <= 2 && std::abs(plain_lines(false) - (lines - last)) <= 2) return;
  const auto add = [&](int a, int b) { Add(steps, BoxOf(along, a, b, 0, steps.length(along)), 3.5, found); };
  if (std::abs(first - (lines - last)) <= std::max(2, lines / 64)) return add(first, last);
  add(first, lines - first);
  add(lines - last, last);
}

}  // namespace

bool FindFour(const StepMap& steps, std::vector<RegionCandidate>& found) {
  constexpr double kLeast = 0.25;  // excess of a half
  const CellBox whole = Whole(steps);
  std::array<int, 2> middle{};
  for (const Along along : {Along::kRows, Along::kColumns}) {
    const Extent extent(whole, along);
    const int half = extent.length() / 2;
    double most = kLeast;
    bool in_first = false;  // half of the line
    int& best = middle[along == Along::kRows ? 0 : 1];
    const StepMap::Stretch first_half(steps, along, 0, half);
    const StepMap::Stretch second_half(steps, along, half, extent.length());
    for (int line = extent.lines() / 2 - 1; line <= (extent.lines() + 1) / 2 + 1; ++line) {
      const double first = first_half.Excess(line);
      const double second = second_half.Excess(line);
      if (std::max(first, second) <= most) continue;
      most = std::max(first, second);
      in_first = first > second;
      best = line;
    }
    const CellBox part = in_first ? BoxOf(along, extent.first, extent.last, 0, half)
                                  : BoxOf(along, extent.first, extent.last, half, extent.length());
    if (best == 0 || !StandsOut(steps, Extent(part, along), along, best)) return false;
  }
  const auto [row, column] = middle;
  for (const int top : {0, row}) {
    for (const int left : {0, column}) {
      Add(steps, {left, top, left == 0 ? column : whole.right, top == 0 ? row : whole.bottom}, 2.4, found);
    }
  }
  return true;
}

void FindDivided(const StepMap& steps, const CellBox& box, std::vector<RegionCandidate>& found) {
  if (!(box == Whole(steps)) && !IsWorthALook(box, steps.cells())) return;
  constexpr double kUsual = 0.14;   // excess; where collages are divided as a rule
  constexpr double kInPart = 0.18;  // likewise, along one part of the box
  constexpr double kAnywhere = 0.3;
  std::array<std::vector<int>, 2> lines = {UsualLines(steps, box, Along::kRows, kUsual),
                                           UsualLines(steps, box, Along::kColumns, kUsual)};
  // Of a grid each line may show in one part only.
  for (const Along along : {Along::kRows, Along::kColumns}) {
    std::vector<int>& own = lines[along == Along::kRows ? 0 : 1];
    const std::vector<int>& others = lines[along == Along::kRows ? 1 : 0];
    if (!own.empty() || others.empty()) continue;
    for (const CellBox& part : Parts(box, Other(along), others)) {
      if (own.empty()) own = UsualLines(steps, part, along, kInPart);
    }
  }
  if (lines[0].empty() && lines[1].empty()) {
    double most = kAnywhere;
    const int row = ClearestLine(steps, box, Along::kRows, most);
    const int column = ClearestLine(steps, box, Along::kColumns, most);
    if (row < 0 && column < 0) return;
    // The search along columns goes on from what the one along rows found: what it finds is clearer.
    const Along along = column >= 0 ? Along::kColumns : Along::kRows;
    for (const CellBox& part : Parts(box, along, {column >= 0 ? column : row})) Add(steps, part, 1.8, found);
    return;
  }
  const std::vector<CellBox> rows = Parts(box, Along::kRows, lines[0]);
  const std::vector<CellBox> columns = Parts(box, Along::kColumns, lines[1]);
  if (rows.size() > 1 && columns.size() > 1) {
    for (const CellBox& row : rows) {
      for (const CellBox& column : columns) {
        Add(steps, {column.left, row.top, column.right, row.bottom}, 2.6, found);
      }
    }
    return;
  }
  for (const CellBox& part : rows.size() > 1 ? rows : columns) Add(steps, part, 2.2, found);
}

void FindEnclosed(const StepMap& steps, std::vector<RegionCandidate>& found) {
  std::vector<RegionCandidate> enclosed;
  const std::vector<Side> across = FindSides(steps, Along::kRows);
  const std::vector<Side> upright = FindSides(steps, Along::kColumns);
  const CellBox whole = Whole(steps);
  const int slack_x = std::max(2 * StepMap::kPiece, whole.width() / 16);
  const int slack_y = std::max(2 * StepMap::kPiece, whole.height() / 16);
  struct ClearSide {
    int line;
    double clarity;
  };
  std::vector<ClearSide> sides;
  for (std::size_t t = 0; t < across.size(); ++t) {
    for (std::size_t b = t + 1; b < across.size(); ++b) {
      const Side& top = across[t];
      const Side& bottom = across[b];
      if ((bottom.line - top.line) * 9 < whole.height()) continue;
      const int from = std::max(top.from, bottom.from) - slack_x;
      const int to = std::min(top.to, bottom.to) + slack_x;
      // Those that may be left or right between the two.
      const StepMap::Stretch between(steps, Along::kColumns, top.line, bottom.line);
      sides.clear();
      for (const Side& side : upright) {
        if (side.line < from || side.line > to) continue;
        if (side.from - slack_y > top.line || side.to + slack_y < bottom.line) continue;
        const double clarity = Clarity(between, side.line);
        if (clarity >= 0) sides.push_back({side.line, clarity});
      }
      for (std::size_t l = 0; l < sides.size(); ++l) {
        for (std::size_t r = l + 1; r < sides.size(); ++r) {
          const CellBox box{sides[l].line, top.line, sides[r].line, bottom.line};
          // What one line cuts off is not enclosed.
          const int edges = int{box.left == 0} + int{box.top == 0} + int{box.right == whole.right} +
                            int{box.bottom == whole.bottom};
          if (edges > 2 || box.area() > 0.9 * whole.area() || !IsWorthALook(box, steps.cells())) continue;
          const StepMap::Stretch within(steps, Along::kRows, box.left, box.right);
          const std::array<double, 4> clarity = {sides[l].clarity, sides[r].clarity,
                                                 Clarity(within, top.line), Clarity(within, bottom.line)};
          const double least = *std::min_element(clarity.begin(), clarity.end());
          if (least < 0 || BeginsWithGround(steps, box)) continue;
          Add(steps, box, 1 + least + (clarity[0] + clarity[1] + clarity[2] + clarity[3]) / 4, enclosed);
        }
      }
    }
  }
  // Rectangles within each other mostly are the same one and texture: a few of the clearest will do.
  constexpr std::size_t kMost = 4;
  std::stable_sort(enclosed.begin(), enclosed.end(),
                   [](const RegionCandidate& a, const RegionCandidate& b) { return a.score > b.score; });
  if (enclosed.size() > kMost) enclosed.resize(kMost);
  found.insert(found.end(), enclosed.begin(), enclosed.end());
}

void FindBetweenBlurred(const StepMap& steps, std::vector<RegionCandidate>& found) {
  FindBetweenBlurred(steps, Along::kRows, found);
  FindBetweenBlurred(steps, Along::kColumns, found);
}

}  // namespace tamiz::media
