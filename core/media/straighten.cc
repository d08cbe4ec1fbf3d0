#include "core/media/straighten.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <numbers>

namespace tamiz::media {
namespace {

constexpr int kSmallestFrame = 96;   // cells a side
constexpr int kCorner = 6;           // cells a side that are looked at in each corner
constexpr int kTolerance = 10;       // levels
constexpr int kOutside = 16;         // levels from the ground that are none of it
constexpr double kLeastAngle = 0.6;  // degrees
constexpr double kMostAngle = 20;
constexpr double kAgree = 0.8;       // degrees between sides of one picture
constexpr double kMostPixels = 512;  // of the result, along the longer side
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

// How far the ground reaches from one edge of the frame into each line; -1 where there is nothing but ground,
// or none.
std::vector<int> OutlineFrom(const LumaView& cells, Edge edge, int ground) {
  const auto lines = static_cast<int>(IsUpright(edge) ? cells.height : cells.width);
  const auto length = static_cast<int>(IsUpright(edge) ? cells.width : cells.height);
  std::vector<int> outline(static_cast<std::size_t>(lines), -1);
  for (int line = 0; line < lines; ++line) {
    const auto is_picture = [&](int n) {
      const int place = edge == Edge::kLeft || edge == Edge::kTop ? n : length - 1 - n;
      const int x = IsUpright(edge) ? place : line;
      const int y = IsUpright(edge) ? line : place;
      const int value = cells.data[static_cast<std::size_t>(y) * cells.stride + static_cast<std::size_t>(x)];
      return std::abs(value - ground) > kOutside;
    };
    int n = 0;
    while (n < length && !is_picture(n)) ++n;
    if (n > 0 && n < length) {
      outline[static_cast<std::size_t>(line)] = edge == Edge::kLeft || edge == Edge::kTop ? n : length - n;
    }
  }
  return outline;
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
    for (int other = 0; other < lines; other += 2) {
      if (at(other) >= 0 && std::abs(a + slope * (other - line) - at(other)) <= 2) count += 2;
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

}  // namespace

std::optional<Straightened> Straighten(const ReducedLuma& copy) {
  const LumaView& cells = copy.view();
  if (cells.width < kSmallestFrame || cells.height < kSmallestFrame) return std::nullopt;
  const std::optional<int> ground = GroundOf(cells);
  if (!ground) return std::nullopt;

  std::array<std::vector<int>, 4> outlines;
  std::array<Side, 4> sides;
  for (std::size_t i = 0; i < kEdges.size(); ++i) {
    outlines[i] = OutlineFrom(cells, kEdges[i], *ground);
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
  const double shrink = std::max(1.0, std::max(width, height) / kMostPixels);
  upright.width = static_cast<std::uint32_t>(std::lround(width / shrink));
  upright.height = static_cast<std::uint32_t>(std::lround(height / shrink));
  upright.turned_degrees = angle;
  upright.pixels.resize(std::size_t{upright.width} * upright.height);
  const double step_x = width / upright.width;
  const double step_y = height / upright.height;
  const auto right = static_cast<std::int32_t>(cells.width) - 1;
  const auto bottom = static_cast<std::int32_t>(cells.height) - 1;
  double least_x = right, most_x = 0, least_y = bottom, most_y = 0;
  // In 65536ths of a cell.
  constexpr double kUnit = 65536;
  const auto fixed = [](double value) { return static_cast<std::int32_t>(std::lround(value * kUnit)); };
  const std::int32_t along_x = fixed(c * step_x);
  const std::int32_t along_y = fixed(s * step_x);
  for (std::uint32_t v = 0; v < upright.height; ++v) {
    std::uint8_t* out = upright.pixels.data() + std::size_t{v} * upright.width;
    const double y_turned = bounds[2] + (v + 0.5) * step_y;
    const double x_start = bounds[0] + 0.5 * step_x;
    std::int32_t x = fixed(c * x_start - s * y_turned - 0.5);
    std::int32_t y = fixed(s * x_start + c * y_turned - 0.5);
    for (std::uint32_t u = 0; u < upright.width; ++u, x += along_x, y += along_y) {
      const std::int32_t x0 = x >> 16;
      const std::int32_t y0 = y >> 16;
      if (x0 < 0 || y0 < 0 || x0 >= right || y0 >= bottom) {
        out[u] = static_cast<std::uint8_t>(*ground);
        continue;
      }
      const std::uint8_t* cell =
          cells.data + static_cast<std::size_t>(y0) * cells.stride + static_cast<std::size_t>(x0);
      const std::int32_t fx = (x & 0xffff) >> 8;
      const std::int32_t fy = (y & 0xffff) >> 8;
      const std::int32_t above = cell[0] * 256 + fx * (cell[1] - cell[0]);
      const std::int32_t below =
          cell[cells.stride] * 256 + fx * (cell[cells.stride + 1] - cell[cells.stride]);
      out[u] = static_cast<std::uint8_t>((above * 256 + fy * (below - above) + 32768) >> 16);
    }
    for (const double x_turned : {bounds[0], bounds[1]}) {
      const double end_x = c * x_turned - s * y_turned;
      const double end_y = s * x_turned + c * y_turned;
      least_x = std::min(least_x, end_x), most_x = std::max(most_x, end_x);
      least_y = std::min(least_y, end_y), most_y = std::max(most_y, end_y);
    }
  }
  const auto cell_of = [](double place, std::uint32_t size) {
    return static_cast<std::uint32_t>(std::clamp(place, 0.0, static_cast<double>(size)));
  };
  const std::uint32_t left = std::min(cell_of(least_x, cells.width), cells.width - 1);
  const std::uint32_t top = std::min(cell_of(least_y, cells.height), cells.height - 1);
  upright.bounds = copy.Pixels({left, top, std::max(1U, cell_of(most_x, cells.width) - left),
                                std::max(1U, cell_of(most_y, cells.height) - top)});
  return upright;
}

}  // namespace tamiz::media
