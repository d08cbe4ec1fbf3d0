#include "core/hash/pdq_sampler.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/hash/pdq_bits.h"
#include "core/hash/pdq_contrast.h"
#include "core/hash/pdq_kernels.h"
#include "core/hash/pdq_plan.h"

namespace tamiz::hash {
namespace {

constexpr std::uint32_t kSmallestSide = 5;
constexpr double kWeightUnits = 4096;  // rows: sums stay below 2^24, exact in a float
constexpr double kColumnUnits = 2048;  // columns: of row sums in sixteenths of a level

// What each of the 64 values takes from the cells of one line of the copy.
struct Taps {
  std::array<std::uint32_t, kPdqBlock> first;  // cell
  std::size_t count = 0;                       // weights a value; those not needed are 0
  std::vector<float> weights;                  // whole numbers
};

// Weights of PDQ's two box filters and of its decimation, for a line of `size` pixels that begins at pixel
// `offset` of one of `whole_line`, on a copy with `factor` pixels a cell. `mirrored`: of the line read
// backward.
void FillTaps(std::size_t size, std::size_t offset, std::size_t factor, bool mirrored, double units,
              std::size_t whole_line, std::size_t group, Taps& taps) {
  const Window window(size);
  const std::size_t behind = window.size - window.ahead - 1;
  const std::size_t reach = 2 * (behind + window.ahead) + 1;          // pixels that a value can depend on
  const std::size_t most = factor == 1 ? reach : reach / factor + 2;  // cells
  taps.count = (most + group - 1) / group * group;
  taps.weights.assign(kPdqBlock * taps.count, 0.0F);
  std::vector<double> steps(reach + 1);
  std::vector<double> cells(taps.count);
  // Cells that the rectangle shares with what is around it are not its own: their neighbours inside stand in.
  std::size_t first_own = (offset + factor - 1) / factor;
  std::size_t end_own =
      offset + size == whole_line ? (whole_line + factor - 1) / factor : (offset + size) / factor;
  if (end_own <= first_own) {
    first_own = offset / factor;
    end_own = (offset + size - 1) / factor + 1;
  }
  // Away from the ends values differ in where their cells' borders fall only: `factor` ways at most.
  constexpr std::size_t kNone = kPdqBlock;
  std::vector<std::size_t> like(factor, kNone);  // a value whose weights are those of all in the same way
  for (std::size_t i = 0; i < kPdqBlock; ++i) {
    const auto centre =
        static_cast<std::size_t>(((static_cast<double>(i) + 0.5) * static_cast<double>(size)) / kPdqBlock);
    const auto first_of = [&](std::size_t n) { return n < behind ? 0 : n - behind; };
    const auto last_of = [&](std::size_t n) { return std::min(n + window.ahead, size - 1); };
    const auto cell_of = [&](std::size_t pixel) {
      return std::clamp((offset + (mirrored ? size - 1 - pixel : pixel)) / factor, first_own, end_own - 1);
    };
    const std::size_t start = first_of(first_of(centre));
    const std::size_t end = last_of(last_of(centre)) + 1;
    const std::size_t first_cell = std::min(cell_of(start), cell_of(end - 1));
    taps.first[i] = static_cast<std::uint32_t>(first_cell);
    float* const weights = taps.weights.data() + i * taps.count;

    const std::size_t low = offset + (mirrored ? size - end : start);
    const bool is_inside = centre >= 2 * behind && centre + 2 * window.ahead < size &&
                           low >= first_own * factor && low + (end - start) <= end_own * factor;
    if (is_inside) {
      std::size_t& known = like[low % factor];
      if (known != kNone) {
        std::copy_n(taps.weights.data() + known * taps.count, taps.count, weights);
        continue;
      }
      known = i;
    }
    std::fill(steps.begin(), steps.end(), 0.0);
    const double outer = 1.0 / static_cast<double>(last_of(centre) - first_of(centre) + 1);
    for (std::size_t n = first_of(centre); n <= last_of(centre); ++n) {
      const double each = outer / static_cast<double>(last_of(n) - first_of(n) + 1);
      steps[first_of(n) - start] += each;
      steps[last_of(n) + 1 - start] -= each;
    }
    // To cells.
    std::fill(cells.begin(), cells.end(), 0.0);
    double weight = 0;
    for (std::size_t n = start; n < end; ++n) {
      weight += steps[n - start];
      cells[cell_of(n) - first_cell] += weight;
    }
    // To whole numbers that add up: what one is rounded by the next makes good.
    double sum = 0;
    double given = 0;
    for (std::size_t k = 0; k < taps.count; ++k) {
      sum += cells[k] * units;
      const double whole = std::nearbyint(sum) - given;
      weights[k] = static_cast<float>(whole);
      given += whole;
    }
  }
}

}  // namespace

struct PdqSampler::Scratch {
  Taps rows, columns, columns_mirrored;
  std::vector<float> line;
  PdqBlock block, block_mirrored;
  PdqSpectrum spectrum;

  // Fills `block`, and `block_mirrored` with the picture mirrored left to right if `both`.
  void Sample(const media::LumaView& copy, bool both) {
    const auto edges = [](const Taps& taps) {
      const auto [first, last] = std::minmax_element(taps.first.begin(), taps.first.end());
      return std::pair<std::size_t, std::size_t>(*first, *last + taps.count);
    };
    const auto [left, right] = edges(columns);  // the mirrored ones take from the same cells, give or take
    const std::size_t wanted =
        std::min<std::size_t>(both ? std::max(right, edges(columns_mirrored).second) : right, copy.width);
    const std::size_t from = both ? std::min(left, edges(columns_mirrored).first) : left;
    // Beyond the picture's cells weights are zero, and so must be what they are multiplied with.
    line.assign(copy.width + std::max(columns.count, columns_mirrored.count), 0.0F);
    for (std::size_t i = 0; i < kPdqBlock; ++i) {
      const float* weights = rows.weights.data() + i * rows.count;
      std::size_t count = rows.count;
      while (count > 0 && weights[count - 1] == 0) --count;
      const std::uint8_t* first = copy.data + std::size_t{rows.first[i]} * copy.stride + from;
      PdqWeighRows(first, copy.stride, weights, count, wanted - from, line.data() + from);
      constexpr auto kScale = static_cast<float>(1 / (kColumnUnits * kWeightUnits / 256));
      PdqWeighColumns(line.data(), columns.first.data(), columns.weights.data(), columns.count, kScale,
                      block.data() + i * kPdqBlock);
      if (both) {
        PdqWeighColumns(line.data(), columns_mirrored.first.data(), columns_mirrored.weights.data(),
                        columns_mirrored.count, kScale, block_mirrored.data() + i * kPdqBlock);
      }
    }
  }
};

PdqSampler::PdqSampler() : scratch_(std::make_unique<Scratch>()) {}
PdqSampler::~PdqSampler() = default;

PdqOrientations PdqSampler::Hash(const media::ReducedLuma& copy, const media::PixelRect& rect,
                                 OrientationSet set) {
  PdqOrientations result;
  if (rect.width < kSmallestSide || rect.height < kSmallestSide) return result;
  Scratch& s = *scratch_;
  FillTaps(rect.height, rect.top, copy.factor(), false, kWeightUnits, copy.picture().height, 1, s.rows);
  FillTaps(rect.width, rect.left, copy.factor(), false, kColumnUnits, copy.picture().width, kPdqTapGroup,
           s.columns);
  s.Sample(copy.view(), false);
  PdqTransform(s.block, s.spectrum);
  Fill(set, s.spectrum, result);
  result.quality = PdqQuality(s.block);
  result.restored_quality = QualityAtFullContrast(s.block, result.quality);
  return result;
}

PdqOrientations PdqSampler::HashEachTurned(const media::ReducedLuma& copy, const media::PixelRect& rect) {
  PdqOrientations result;
  if (rect.width < kSmallestSide || rect.height < kSmallestSide) return result;
  Scratch& s = *scratch_;
  FillTaps(rect.width, rect.left, copy.factor(), false, kColumnUnits, copy.picture().width, kPdqTapGroup,
           s.columns);
  FillTaps(rect.width, rect.left, copy.factor(), true, kColumnUnits, copy.picture().width, kPdqTapGroup,
           s.columns_mirrored);
  for (const bool top_bottom : {false, true}) {
    FillTaps(rect.height, rect.top, copy.factor(), top_bottom, kWeightUnits, copy.picture().height, 1,
             s.rows);
    s.Sample(copy.view(), true);
    for (const PdqMirroring& mirroring : kPdqMirrorings) {
      if (mirroring.top_bottom != top_bottom) continue;
      const PdqBlock& block = mirroring.left_right ? s.block_mirrored : s.block;
      PdqTransform(block, s.spectrum);
      FillPair(mirroring, s.spectrum, result);
      if (mirroring.straight == Transform::kIdentity) {
        result.quality = PdqQuality(block);
        result.restored_quality = QualityAtFullContrast(block, result.quality);
      }
    }
  }
  return result;
}

}  // namespace tamiz::hash
