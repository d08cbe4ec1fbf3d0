#include "core/media/regions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>

#include "core/media/cell_box.h"
#include "core/media/cell_kernels.h"
#include "core/media/ground_cuts.h"
#include "core/media/step_map.h"
#include "core/media/step_regions.h"

namespace tamiz::media {
namespace {

constexpr std::uint32_t kSmallestPicture = 96;  // pixels a side; nothing is looked for in less
constexpr std::uint32_t kSmallestSide = 48;     // pixels, of a region
constexpr std::uint32_t kStepCells = 320;  // of the copy on which steps are looked for, along its longer side
constexpr double kSameOverlap = 0.95;      // of rectangles that are one

// The line of pixels within `reach` of `line` across which most changes, from pixel `from` to `to` of it; the
// picture's own edges stay.
int PlaceSide(const LumaView& luma, Along along, int line, int reach, int from, int to) {
  const auto lines = static_cast<int>(along == Along::kRows ? luma.height : luma.width);
  if (line <= 0 || line >= lines) return std::clamp(line, 0, lines);
  constexpr int kSamples = 96;
  const int samples = std::clamp(to - from, 1, kSamples);
  const bool in_rows = along == Along::kRows;
  std::array<std::size_t, kSamples> places;
  for (int s = 0; s < samples; ++s) {
    const int place = from + (2 * s + 1) * (to - from) / (2 * samples);
    places[static_cast<std::size_t>(s)] = static_cast<std::size_t>(place) * (in_rows ? 1 : luma.stride);
  }
  const int first = std::max(line - reach, 1);
  const int last = std::min(line + reach, lines - 1);
  // Larger steps say no more: a few bright spots must not outweigh the rest.
  constexpr int kMostStep = 40;
  std::vector<std::uint16_t> changes(static_cast<std::size_t>(last - first + 1));
  const std::uint8_t* start = luma.data + static_cast<std::size_t>(first - 1) * (in_rows ? luma.stride : 1);
  const std::span<const std::size_t> sampled{places.data(), static_cast<std::size_t>(samples)};
  if (in_rows) {
    SumStepsOfRows(start, luma.stride, sampled, kMostStep, changes);
  } else {
    SumStepsOfColumns(start, sampled, kMostStep, changes);
  }
  int best = line;
  int most = -1;
  for (int candidate = first; candidate <= last; ++candidate) {
    const int sum = changes[static_cast<std::size_t>(candidate - first)];
    // Of equal ones the nearest, and of those the first.
    if (sum > most || (sum == most && std::abs(candidate - line) < std::abs(best - line))) {
      most = sum;
      best = candidate;
    }
  }
  return best;
}

// A box at `scale` pixels a cell, its sides where they are in the picture itself.
PixelRect Place(const LumaView& luma, const CellBox& box, int scale) {
  const auto width = static_cast<int>(luma.width);
  const auto height = static_cast<int>(luma.height);
  const CellBox rough{std::min(box.left * scale, width), std::min(box.top * scale, height),
                      std::min(box.right * scale, width), std::min(box.bottom * scale, height)};
  const int reach = std::max(scale + scale / 2 + 1, 4);
  const int left = PlaceSide(luma, Along::kColumns, rough.left, reach, rough.top, rough.bottom);
  const int right = PlaceSide(luma, Along::kColumns, rough.right, reach, rough.top, rough.bottom);
  const int top = PlaceSide(luma, Along::kRows, rough.top, reach, rough.left, rough.right);
  const int bottom = PlaceSide(luma, Along::kRows, rough.bottom, reach, rough.left, rough.right);
  if (right <= left || bottom <= top) return {};
  return {static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(top),
          static_cast<std::uint32_t>(right - left), static_cast<std::uint32_t>(bottom - top)};
}

// Whether a line of pixels has one brightness, there and beyond its ends: ground.
bool IsGround(const LumaView& luma, Along along, int line, int from, int to) {
  constexpr int kSamples = 32;
  constexpr int kTolerance = 8;
  const std::uint8_t* start =
      luma.data + static_cast<std::size_t>(line) * (along == Along::kRows ? luma.stride : 1);
  const std::size_t step = along == Along::kRows ? 1 : luma.stride;
  const auto sample = [&](int i) {
    return int{start[static_cast<std::size_t>(from + (2 * i + 1) * (to - from) / (2 * kSamples)) * step]};
  };
  const int a = sample(5), b = sample(15), c = sample(27);
  const int level = std::max(std::min(a, b), std::min(std::max(a, b), c));
  constexpr int kSame = 3;
  constexpr int kBeyond = 8;  // pixels
  const auto length = static_cast<int>(along == Along::kRows ? luma.width : luma.height);
  for (const int beyond : {from - kBeyond, to - 1 + kBeyond}) {
    if (beyond < 0 || beyond >= length) continue;
    if (std::abs(start[static_cast<std::size_t>(beyond) * step] - level) > kSame) return false;
  }
  int off = 0;
  for (int i = 0; i < kSamples; ++i) off += std::abs(sample(i) - level) > kTolerance ? 1 : 0;
  return off <= 1;
}

// Whether a rectangle is another one, a strip of ground beside it, and whatever comes then.
bool IsBesideAStrip(const LumaView& luma, const PixelRect& rect, const PixelRect& inner) {
  const auto box = [](const PixelRect& r) {
    return CellBox{static_cast<int>(r.left), static_cast<int>(r.top), static_cast<int>(r.left + r.width),
                   static_cast<int>(r.top + r.height)};
  };
  const CellBox outside = box(rect);
  const CellBox inside = box(inner);
  const int slack_x = inside.width() / 50 + 2;
  const int slack_y = inside.height() / 50 + 2;
  const bool left = std::abs(outside.left - inside.left) <= slack_x;
  const bool right = std::abs(outside.right - inside.right) <= slack_x;
  const bool top = std::abs(outside.top - inside.top) <= slack_y;
  const bool bottom = std::abs(outside.bottom - inside.bottom) <= slack_y;
  if (int{left} + int{right} + int{top} + int{bottom} != 3) return false;
  // A few lines beyond the side that they do not share.
  constexpr int kBeyond = 5;
  if (!top || !bottom) {
    const int line = top ? inside.bottom + kBeyond : inside.top - 1 - kBeyond;
    return line > outside.top && line + 1 < outside.bottom &&
           IsGround(luma, Along::kRows, line, inside.left, inside.right);
  }
  const int line = left ? inside.right + kBeyond : inside.left - 1 - kBeyond;
  return line > outside.left && line + 1 < outside.right &&
         IsGround(luma, Along::kColumns, line, inside.top, inside.bottom);
}

CellBox Scaled(const CellBox& box, int by) {
  return {(box.left + by / 2) / by, (box.top + by / 2) / by, (box.right + by / 2) / by,
          (box.bottom + by / 2) / by};
}

struct Candidate {
  CellBox box;  // in pixels, roughly
  double score;
  CellBox cells;
  int scale;
  bool is_stepped;
};

}  // namespace

std::vector<PixelRect> FindRegions(const ReducedLuma& copy, const RegionLimits& limits) {
  const LumaView& picture = copy.picture();
  if (limits.max_regions == 0 || picture.width < kSmallestPicture || picture.height < kSmallestPicture)
    return {};
  // What is that narrow has too few cells across.
  constexpr std::uint32_t kFewestCells = 32;
  if (copy.view().width < kFewestCells || copy.view().height < kFewestCells) return {};
  const ReducedLuma small(copy.view(), kStepCells);
  if (small.view().width < kFewestCells || small.view().height < kFewestCells) return {};

  const auto cell = static_cast<int>(copy.factor());
  const int shrunk = static_cast<int>(small.factor());
  GroundCuts cuts = CutAtGrounds(copy.view());
  const StepMap steps(small.view());
  std::vector<RegionCandidate> stepped;
  for (const CellBox& leaf : cuts.leaves) FindDivided(steps, Scaled(leaf, shrunk), stepped);
  const bool is_divided = FindFour(steps, stepped);
  FindBetweenBlurred(steps, stepped);
  if (!is_divided) FindEnclosed(steps, stepped);

  std::vector<Candidate> candidates;
  const auto add = [&](const std::vector<RegionCandidate>& found, int scale, bool is_stepped) {
    for (const RegionCandidate& one : found) {
      const CellBox& b = one.box;
      candidates.push_back({{b.left * scale, b.top * scale, b.right * scale, b.bottom * scale},
                            one.score,
                            b,
                            scale,
                            is_stepped});
    }
  };
  add(cuts.candidates, cell, false);
  add(stepped, cell * shrunk, true);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });

  std::vector<CellBox> chosen;
  std::vector<PixelRect> regions, cut_out;
  double area = 0;
  const double all = double(picture.width) * picture.height;
  for (const Candidate& candidate : candidates) {
    const double share = candidate.box.area() / all;
    if (area + share > limits.max_area) continue;
    const bool known = std::any_of(chosen.begin(), chosen.end(), [&](const CellBox& other) {
      return Overlap(candidate.box, other) > kSameOverlap;
    });
    if (known) continue;
    const PixelRect rect = Place(picture, candidate.cells, candidate.scale);
    if (rect.width < kSmallestSide || rect.height < kSmallestSide) continue;
    // What was cut out ends where the ground begins, whatever steps there are beyond.
    const bool goes_on =
        candidate.is_stepped && std::any_of(cut_out.begin(), cut_out.end(), [&](const PixelRect& inner) {
          return IsBesideAStrip(picture, rect, inner);
        });
    if (goes_on) continue;
    area += share;
    chosen.push_back(candidate.box);
    regions.push_back(rect);
    if (!candidate.is_stepped) cut_out.push_back(rect);
    if (regions.size() == (cuts.is_four ? std::min(4U, limits.max_regions) : limits.max_regions)) break;
  }
  return regions;
}

}  // namespace tamiz::media
