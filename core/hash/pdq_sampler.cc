#include "core/hash/pdq_sampler.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
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
  std::array<std::uint32_t, kPdqBlock> first;   // cell
  std::array<std::uint32_t, kPdqBlock> begins;  // of each one's weights in `weights`; many share theirs
  std::size_t count = 0;                        // weights a value; those not needed are 0
  std::vector<float> weights;                   // whole numbers
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
  taps.weights.clear();
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

    const std::size_t low = offset + (mirrored ? size - end : start);
    const bool is_inside = centre >= 2 * behind && centre + 2 * window.ahead < size &&
                           low >= first_own * factor && low + (end - start) <= end_own * factor;
    if (is_inside) {
      std::size_t& known = like[low % factor];
      if (known != kNone) {
        taps.begins[i] = taps.begins[known];
        continue;
      }
      known = i;
    }
    taps.begins[i] = static_cast<std::uint32_t>(taps.weights.size());
    taps.weights.resize(taps.weights.size() + taps.count);
    float* const weights = taps.weights.data() + taps.begins[i];
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
  Taps rows, rows_mirrored, columns, columns_mirrored;
  std::vector<float> line, line_mirrored;
  std::array<std::vector<float>, 2> row_weights;
  PdqBlock block, block_mirrored, block_turned;
  PdqSpectrum spectrum;

  // The cells of a row that `columns` and, if there, `columns_mirrored` take from.
  struct Reach {
    std::size_t from, to;
  };
  static Reach ReachOf(const media::LumaView& copy, std::initializer_list<const Taps*> all) {
    Reach reach{copy.width, 0};
    for (const Taps* taps : all) {
      const auto [first, last] = std::minmax_element(taps->first.begin(), taps->first.end());
      reach.from = std::min<std::size_t>(reach.from, *first);
      reach.to = std::max<std::size_t>(reach.to, *last + taps->count);
    }
    reach.to = std::min<std::size_t>(reach.to, copy.width);
    return reach;
  }

  static void WeighLine(const std::vector<float>& line, const Taps& taps, std::size_t i, PdqBlock& block) {
    constexpr auto kScale = static_cast<float>(1 / (kColumnUnits * kWeightUnits / 256));
    PdqWeighColumns(line.data(), taps.first.data(), taps.begins.data(), taps.weights.data(), taps.count,
                    kScale, block.data() + i * kPdqBlock);
  }

  // Fills `block` by `rows` and `columns`.
  void Sample(const media::LumaView& copy) {
    const auto [from, to] = ReachOf(copy, {&columns});
    // Beyond the picture's cells weights are zero, and so must be what they are multiplied with.
    line.assign(copy.width + columns.count, 0.0F);
    for (std::size_t i = 0; i < kPdqBlock; ++i) {
      const float* weights = rows.weights.data() + rows.begins[i];
      std::size_t count = rows.count;
      while (count > 0 && weights[count - 1] == 0) --count;
      const std::uint8_t* first = copy.data + std::size_t{rows.first[i]} * copy.stride + from;
      PdqWeighRows(first, copy.stride, weights, count, to - from, line.data() + from);
      WeighLine(line, columns, i, block);
    }
  }

  // Fills `block_mirrored` with the picture mirrored left to right, `block_turned` with it mirrored both ways
  // and `block` with it mirrored top to bottom.
  void SampleMirrored(const media::LumaView& copy) {
    const auto [from, to] = ReachOf(copy, {&columns, &columns_mirrored});
    line.assign(copy.width + columns.count, 0.0F);
    line_mirrored = line;
    for (std::size_t i = 0; i < kPdqBlock; ++i) {
      // What is upright and what is mirrored is made of the same rows, but for one or two.
      const std::size_t opposite = kPdqBlock - 1 - i;
      const std::size_t first = std::min(rows.first[i], rows_mirrored.first[opposite]);
      const auto align = [&](const Taps& taps, std::size_t value, std::vector<float>& weights) {
        weights.assign(taps.first[value] - first, 0.0F);
        const auto begin = taps.weights.begin() + taps.begins[value];
        weights.insert(weights.end(), begin, begin + static_cast<std::ptrdiff_t>(taps.count));
        while (!weights.empty() && weights.back() == 0) weights.pop_back();
      };
      align(rows, i, row_weights[0]);
      align(rows_mirrored, opposite, row_weights[1]);
      const std::size_t count = std::max(row_weights[0].size(), row_weights[1].size());
      for (std::vector<float>& weights : row_weights) weights.resize(count);
      PdqWeighRowsTwice(copy.data + first * copy.stride + from, copy.stride,
                        {row_weights[0].data(), row_weights[1].data()}, count, to - from,
                        {line.data() + from, line_mirrored.data() + from});
      WeighLine(line, columns_mirrored, i, block_mirrored);
      WeighLine(line_mirrored, columns, opposite, block);
      WeighLine(line_mirrored, columns_mirrored, opposite, block_turned);
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
  s.Sample(copy.view());
  PdqTransform(s.block, s.spectrum);
  Fill(set, s.spectrum, result);
  result.quality = PdqQuality(s.block);
  result.restored_quality = QualityAtFullContrast(s.block, result.quality);
  return result;
}

PdqOrientations PdqSampler::HashEachTurned(const media::ReducedLuma& copy, const PdqHash& upright) {
  const std::uint32_t width = copy.picture().width;
  const std::uint32_t height = copy.picture().height;
  PdqOrientations result{{upright.hash}, upright.quality, upright.restored_quality};
  if (width < kSmallestSide || height < kSmallestSide) return result;
  // PDQ treats rows and columns alike.
  result.hashes[static_cast<std::size_t>(Transform::kTranspose)] = Transposed(upright.hash);
  Scratch& s = *scratch_;
  FillTaps(width, 0, copy.factor(), false, kColumnUnits, width, kPdqTapGroup, s.columns);
  FillTaps(width, 0, copy.factor(), true, kColumnUnits, width, kPdqTapGroup, s.columns_mirrored);
  const auto fill = [&](const PdqBlock& block, bool top_bottom, bool left_right) {
    PdqTransform(block, s.spectrum);
    for (const PdqMirroring& mirroring : kPdqMirrorings) {
      if (mirroring.top_bottom == top_bottom && mirroring.left_right == left_right)
        FillPair(mirroring, s.spectrum, result);
    }
  };
  FillTaps(height, 0, copy.factor(), false, kWeightUnits, height, 1, s.rows);
  FillTaps(height, 0, copy.factor(), true, kWeightUnits, height, 1, s.rows_mirrored);
  s.SampleMirrored(copy.view());
  fill(s.block_mirrored, false, true);
  fill(s.block, true, false);
  fill(s.block_turned, true, true);
  return result;
}

}  // namespace tamiz::hash
