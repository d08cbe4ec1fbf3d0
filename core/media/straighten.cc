#include "core/media/straighten.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <numbers>

#include "core/media/cell_kernels.h"

namespace tamiz::media {
namespace {

constexpr int kSmallestFrame = 96;            // cells a side
constexpr std::uint32_t kOutlineCells = 512;  // along the longer side, of the copy that the outline is of
constexpr int kCorner = 6;                    // cells a side that are looked at in each corner
constexpr int kTolerance = 10;                // levels
constexpr int kOutside = 16;                  // levels from the ground that are none of it
constexpr double kLeastAngle = 0.6;           // degrees
constexpr double kMostAngle = 20;
constexpr double kAgree = 0.8;      // degrees between sides of one picture
constexpr double kMostCells = 352;  // of the result, along the longer side
constexpr double kSmallestSide = 48;

double Degrees(double slope) { return std::atan(slope) * 180 / std::numbers::pi; }

// What at least three corners have in common.
std::optional<int> GroundOf(const LumaView& cells) {
  std::array<int, 4> levels{};
  for (std::uint32_t i = 0; i < 4; ++i) {
    const std::uint32_t left = i % 2 == 0 ? 0 : cells.width - kCorner;
    const std::uint32_t top = i / 2 == 0 ? 0 : cells.height - kCorner;
    int least = 255;
    int most = 0;
    int sum = 0;
    for (std::uint32_t y = top; y < top + kCorner; ++y) {
      for (std::uint32_t x = left; x < left + kCorner; ++x) {
        const int value = cells.data[y * cells.stride + x];
        least = std::min(least, value);
        most = std::max(most, value);
        sum += value;
      }
    }
    levels[i] = most - least <= 2 * kTolerance ? sum / (kCorner * kCorner) : -1;
  }
  for (const int level : levels) {
    const auto alike = std::ranges::count_if(
        levels, [&](int other) { return other >= 0 && std::abs(other - level) <= kTolerance; });
    if (level >= 0 && alike >= 3) return level;
  }
  return std::nullopt;
}

enum class Edge : std::uint8_t { kLeft, kRight, kTop, kBottom };
constexpr std::array<Edge, 4> kEdges = {Edge::kLeft, Edge::kRight, Edge::kTop, Edge::kBottom};
bool IsUpright(Edge edge) { return edge == Edge::kLeft || edge == Edge::kRight; }

// Cells of the ground at the start of each column, or at its end, many at once. At least kLinesAtOnce
// columns.
std::vector<int> GroundInColumns(const LumaView& cells, bool from_start, LevelBand band) {
  std::vector<int> all(cells.width);
  const auto stride = static_cast<std::ptrdiff_t>(cells.stride);
  const std::uint8_t* first =
      from_start ? cells.data : cells.data + std::size_t{cells.height - 1} * cells.stride;
  for (std::size_t begin = 0; begin < cells.width; begin += kLinesAtOnce) {
    const std::size_t left = std::min(begin, cells.width - kLinesAtOnce);
    RunsInColumns(first + left, from_start ? stride : -stride, cells.height, band, all.data() + left);
  }
  return all;
}

// How far the ground reaches from one edge of the frame into each line; -1 where there is nothing but ground,
// or none.
std::vector<int> OutlineFrom(const LumaView& cells, Edge edge, int ground) {
  const LevelBand band(ground, kOutside);
  const bool from_start = edge == Edge::kLeft || edge == Edge::kTop;
  const auto length = static_cast<int>(IsUpright(edge) ? cells.width : cells.height);
  std::vector<int> outline;
  if (IsUpright(edge)) {
    std::vector<const std::uint8_t*> ends(cells.height);
    for (std::size_t y = 0; y < cells.height; ++y) {
      ends[y] = cells.data + y * cells.stride + (from_start ? 0 : cells.width - 1);
    }
    std::vector<std::uint32_t> runs(cells.height);
    (from_start ? RunsFromLeft : RunsFromRight)(ends, cells.width, band, runs.data());
    outline.assign(runs.begin(), runs.end());
  } else {
    outline = GroundInColumns(cells, from_start, band);
  }
  for (int& n : outline) n = n == 0 || n == length ? -1 : from_start ? n : length - n;
  return outline;
}

// Lines of an outline that stand upright together: within a cell or two, and most of what it has. So many
// that an angle worth turning back would not leave them. `most`: the largest place that there can be.
int UprightLines(const std::vector<int>& outline, int most) {
  std::vector<int> counts(static_cast<std::size_t>(most) + 1);  // by place
  int places = 0;
  for (const int place : outline) {
    if (place < 0) continue;
    ++counts[static_cast<std::size_t>(place)];
    ++places;
  }
  if (places == 0) return 0;
  // Counted about the middle one, which is of the side if any is.
  std::size_t middle = 0;
  for (int before = counts[0]; before <= places / 2; before += counts[middle]) ++middle;
  const std::size_t slack = outline.size() >= 384 ? 1 : 0;
  int alike = 0;
  for (std::size_t place = middle - std::min(middle, slack);
       place <= std::min(middle + slack, counts.size() - 1); ++place) {
    alike += counts[place];
  }
  return alike * 4 >= places * 3 ? alike : 0;
}

// A straight part of an outline: place = offset + slope * line.
struct Side {
  double slope = 0, offset = 0;
  int cells = 0;  // that lie on it
};

// The angle that a side of slope `slope` tells of, clockwise.
double AngleOf(Edge edge, double slope) { return IsUpright(edge) ? -Degrees(slope) : Degrees(slope); }

// The longest straight part of an outline that leans by less than kMostAngle.
Side FindSide(const std::vector<int>& outline) {
  const auto lines = static_cast<int>(outline.size());
  const int reach = lines / 8;
  const double steepest = std::tan(kMostAngle * std::numbers::pi / 180);
  const auto at = [&](int line) { return outline[static_cast<std::size_t>(line)]; };
  Side best;
  // Every pair of places that far apart is a guess; the one that most of the outline lies on counts.
  const int every = std::max(1, lines / 48);
  for (int line = 0; line + reach < lines; line += every) {
    const int a = at(line);
    const int b = at(line + reach);
    if (a < 0 || b < 0) continue;
    const double slope = double(b - a) / reach;
    if (std::abs(slope) > steepest) continue;
    int count = 0;
    // In 256ths of a cell.
    const auto step = static_cast<int>(std::lround(slope * 512));
    int place = (a * 256) - static_cast<int>(std::lround(slope * line * 256));
    for (int other = 0; other < lines; other += 2, place += step) {
      const int there = at(other);
      count += there >= 0 && std::abs(place - there * 256) <= 512 ? 2 : 0;
    }
    if (count > best.cells) best = {slope, a - slope * line, count};
  }
  // By least squares over what lies on it, twice: a guess from two places is as rough as these.
  for (int round = 0; round < 2 && best.cells > 0; ++round) {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (int line = 0; line < lines; ++line) {
      if (at(line) < 0 || std::abs(best.offset + best.slope * line - at(line)) > 2 - 0.5 * round) continue;
      n += 1, x += line, y += at(line), xx += double(line) * line, xy += double(line) * at(line);
    }
    const double spread = n * xx - x * x;
    if (n < 8 || spread <= 0) return {};
    best.slope = (n * xy - x * y) / spread;
    best.offset = (y - best.slope * x) / n;
    best.cells = static_cast<int>(n);
  }
  return best;
}

// Between the four cells about a place, in 65536ths of a cell.
inline std::uint8_t CellAt(const std::uint8_t* cells, std::size_t stride, std::int32_t x, std::int32_t y) {
  const std::uint8_t* above =
      cells + static_cast<std::size_t>(y >> 16) * stride + static_cast<std::size_t>(x >> 16);
  const std::uint8_t* below = above + stride;
  const std::int32_t fx = (x & 0xffff) >> 8;
  const std::int32_t fy = (y & 0xffff) >> 8;
  const std::int32_t first = above[0] * 256 + fx * (above[1] - above[0]);
  const std::int32_t second = below[0] * 256 + fx * (below[1] - below[0]);
  return static_cast<std::uint8_t>((first * 256 + fy * (second - first) + 32768) >> 16);
}

}  // namespace

std::optional<Straightened> Straighten(const ReducedLuma& copy) {
  if (copy.view().width < kSmallestFrame || copy.view().height < kSmallestFrame) return std::nullopt;
  const std::optional<int> ground = GroundOf(copy.view());
  if (!ground) return std::nullopt;
  const ReducedLuma small(copy.view(), kOutlineCells);
  const LumaView& cells = small.view();
  if (cells.width < kLinesAtOnce || cells.height < kLinesAtOnce) return std::nullopt;

  std::array<std::vector<int>, 4> outlines;
  std::array<Side, 4> sides;
  int upright_sides = 0;
  for (std::size_t i = 0; i < kEdges.size(); ++i) {
    outlines[i] = OutlineFrom(cells, kEdges[i], *ground);
    // One long side or two shorter ones that stand upright: it is not turned.
    const int upright = UprightLines(outlines[i], static_cast<int>(std::max(cells.width, cells.height)));
    const auto lines = static_cast<int>(outlines[i].size());
    upright_sides += upright * 5 >= lines * 3 ? 2 : upright * 5 >= lines * 2 ? 1 : 0;
    if (upright_sides >= 2) return std::nullopt;
    sides[i] = FindSide(outlines[i]);
    // Too short to tell.
    if (sides[i].cells * 8 < static_cast<int>(outlines[i].size())) sides[i] = {};
  }
  // The angle that most of them agree on.
  double angle = 0;
  int most = 0;
  std::array<bool, 4> agrees{};
  for (std::size_t centre = 0; centre < sides.size(); ++centre) {
    if (sides[centre].cells == 0) continue;
    const double about = AngleOf(kEdges[centre], sides[centre].slope);
    double sum = 0;
    int weight = 0;
    int count = 0;
    std::array<bool, 4> in{};
    for (std::size_t i = 0; i < sides.size(); ++i) {
      const double own = AngleOf(kEdges[i], sides[i].slope);
      if (sides[i].cells == 0 || std::abs(own - about) > kAgree) continue;
      in[i] = true;
      sum += own * sides[i].cells;
      weight += sides[i].cells;
      ++count;
    }
    if (count < 2 || weight <= most) continue;
    most = weight;
    angle = sum / weight;
    agrees = in;
  }
  if (most == 0 || std::abs(angle) < kLeastAngle || std::abs(angle) > kMostAngle) return std::nullopt;

  // Turned back, each side is upright: its place is the picture's edge. Where no side was found the outline's
  // furthest point is.
  const double radians = angle * std::numbers::pi / 180;
  const double c = std::cos(radians);
  const double s = std::sin(radians);
  std::array<double, 4> bounds{};
  for (std::size_t i = 0; i < kEdges.size(); ++i) {
    const Edge edge = kEdges[i];
    const bool low = edge == Edge::kLeft || edge == Edge::kTop;
    const auto turned = [&](double line, double place) {
      const double x = IsUpright(edge) ? place : line;
      const double y = IsUpright(edge) ? line : place;
      return IsUpright(edge) ? c * x + s * y : -s * x + c * y;
    };
    if (agrees[i]) {
      const double middle = static_cast<double>(outlines[i].size()) / 2;
      bounds[i] = turned(middle + 0.5, sides[i].offset + sides[i].slope * middle);
      continue;
    }
    bool any = false;
    for (std::size_t line = 0; line < outlines[i].size(); ++line) {
      if (outlines[i][line] < 0) continue;
      const double value = turned(static_cast<double>(line) + 0.5, outlines[i][line]);
      bounds[i] = !any ? value : low ? std::min(bounds[i], value) : std::max(bounds[i], value);
      any = true;
    }
    if (!any) return std::nullopt;
  }
  const double width = bounds[1] - bounds[0];
  const double height = bounds[3] - bounds[2];
  if (!(width >= kSmallestSide) || !(height >= kSmallestSide) || width > 2.0 * cells.width ||
      height > 2.0 * cells.height) {
    return std::nullopt;
  }

  Straightened upright;
  // From a copy whose cells are as large as those of the result: each of them a mean of what it stands for.
  const double full = std::max(width, height) * small.factor();
  const auto shrink = static_cast<std::uint32_t>(std::ceil(full / kMostCells));
  const std::uint32_t longer = std::max(copy.view().width, copy.view().height);
  const ReducedLuma source(copy.view(), (longer + shrink - 1) / shrink);
  const LumaView& fine = source.view();
  const double scale = double(small.factor()) / source.factor();
  upright.width = static_cast<std::uint32_t>(std::lround(width * scale));
  upright.height = static_cast<std::uint32_t>(std::lround(height * scale));
  upright.factor = source.factor() * copy.factor();
  upright.turned_degrees = angle;
  int long_sides = 0;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const auto places = std::ranges::count_if(outlines[i], [](int place) { return place >= 0; });
    long_sides += agrees[i] && sides[i].cells * 5 >= static_cast<int>(places) * 3 ? 1 : 0;
  }
  upright.is_certain = long_sides >= 3;
  upright.cells.resize(std::size_t{upright.width} * upright.height);
  const double step_x = width * scale / upright.width;
  const double step_y = height * scale / upright.height;
  const auto right = static_cast<std::int32_t>(fine.width) - 1;
  const auto bottom = static_cast<std::int32_t>(fine.height) - 1;
  double least_x = right, most_x = 0, least_y = bottom, most_y = 0;
  // In 65536ths of a cell.
  constexpr double kUnit = 65536;
  const auto fixed = [](double value) { return static_cast<std::int32_t>(std::lround(value * kUnit)); };
  const std::int32_t along_x = fixed(c * step_x);
  const std::int32_t along_y = fixed(s * step_x);
  for (std::uint32_t v = 0; v < upright.height; ++v) {
    std::uint8_t* out = upright.cells.data() + std::size_t{v} * upright.width;
    const double y_turned = bounds[2] * scale + (v + 0.5) * step_y;
    const double x_start = bounds[0] * scale + 0.5 * step_x;
    std::int32_t x = fixed(c * x_start - s * y_turned - 0.5);
    std::int32_t y = fixed(s * x_start + c * y_turned - 0.5);
    const auto is_inside = [&](std::int32_t at_x, std::int32_t at_y) {
      const std::int32_t x0 = at_x >> 16, y0 = at_y >> 16;
      return x0 >= 0 && y0 >= 0 && x0 < right && y0 < bottom;
    };
    // A line whose ends are inside is inside. Locals, which no cell that is written can be.
    const std::uint8_t* const data = fine.data;
    const std::size_t stride = fine.stride;
    const auto number = static_cast<std::int32_t>(upright.width);
    if (is_inside(x, y) && is_inside(x + (number - 1) * along_x, y + (number - 1) * along_y)) {
      const std::int32_t x_from = x, y_from = y;
      for (std::int32_t u = 0; u < number; ++u) {
        out[u] = CellAt(data, stride, x_from + u * along_x, y_from + u * along_y);
      }
    } else {
      for (std::int32_t u = 0; u < number; ++u, x += along_x, y += along_y) {
        out[u] = is_inside(x, y) ? CellAt(data, stride, x, y) : static_cast<std::uint8_t>(*ground);
      }
    }
    for (const double x_turned : {bounds[0] * scale, bounds[1] * scale}) {
      const double end_x = c * x_turned - s * y_turned;
      const double end_y = s * x_turned + c * y_turned;
      least_x = std::min(least_x, end_x), most_x = std::max(most_x, end_x);
      least_y = std::min(least_y, end_y), most_y = std::max(most_y, end_y);
    }
  }
  const auto cell_of = [](double place, std::uint32_t size) {
    return static_cast<std::uint32_t>(std::clamp(place, 0.0, static_cast<double>(size)));
  };
  const std::uint32_t left = std::min(cell_of(least_x, fine.width), fine.width - 1);
  const std::uint32_t top = std::min(cell_of(least_y, fine.height), fine.height - 1);
  upright.bounds = copy.Pixels(source.Pixels({left, top, std::max(1U, cell_of(most_x, fine.width) - left),
                                              std::max(1U, cell_of(most_y, fine.height) - top)}));
  return upright;
}

}  // namespace tamiz::media
