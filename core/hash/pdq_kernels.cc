#include "core/hash/pdq_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/hash/pdq_kernels.cc"
#include <hwy/foreach_target.h>  // NOLINT: includes this file once for each processor generation
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "core/hash/pdq_plan.h"

// How the result stays equal bit by bit to the plain algorithm (pass along rows, pass along columns, both
// again, each a running float sum "add the new, subtract the old, divide") while touching memory once:
//
// * The picture is walked in bands of 32 rows and, within these, in tiles of 32 columns; each tile goes
// through
//   all passes but the last before the next one starts. What a pass must remember (its running sums, and the
//   values it will subtract) is kept between tiles and bands; nothing has the size of the picture.
// * First pass along rows: sums of bytes are exact in any order, so they are prefix sums of differences.
// * First pass along columns: lanes are columns; each lane adds and subtracts in the plain algorithm's order.
// * Second pass along rows: tiles are transposed, so that lanes are rows. Sums run over all columns, but only
//   the 64 columns that survive decimation are divided and kept.
// * Second pass along columns: lanes are those 64 columns; only 64 rows are divided.
// * Beyond the picture's edge passes read zeros: adding or subtracting 0 changes no sum, so edges need no
//   branches. Only the divisor (elements really inside the window) depends on the place.

HWY_BEFORE_NAMESPACE();
namespace tamiz::hash {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes: the tile's layout counts on it.
using DF = hn::CappedTag<float, 16>;
using VF = hn::Vec<DF>;
constexpr std::size_t kLanes = hn::MaxLanes(DF());
constexpr std::size_t kRowGroups = kBand / kLanes;

// dividend / count, correctly rounded, for an integer count in [1, 2^22] and its correctly rounded
// reciprocal; three cheap operations where a fused multiply-add exists. (q = RN(dividend * reciprocal) is at
// most 1.5 ulp from the quotient, so the fused residue dividend - q * count is exact, and the corrected value
// misses the quotient by at most 1.5 * 2^-24 ulp before its one rounding. The quotient itself is never
// halfway between two floats, and never nearer to halfway than 1 / (2 count) ulp, so the rounding is right.)
HWY_INLINE VF DivideByCount(VF dividend, VF count, VF reciprocal) {
#if HWY_NATIVE_FMA
  const VF quotient = hn::Mul(dividend, reciprocal);
  const VF residue = hn::NegMulAdd(quotient, count, dividend);
  return hn::MulAdd(residue, reciprocal, quotient);
#else
  (void)reciprocal;
  return hn::Div(dividend, count);
#endif
}

// Lane i of the result: sum of the lanes 0 to i.
template <class D, class V>
HWY_INLINE V PrefixSum(D d, V v) {
  (void)d;
#if HWY_TARGET != HWY_SCALAR
  constexpr std::size_t kLaneCount = hn::MaxLanes(D());
  v = hn::Add(v, hn::ShiftLeftLanes<1>(d, v));
  if constexpr (kLaneCount >= 4) v = hn::Add(v, hn::ShiftLeftLanes<2>(d, v));
  if constexpr (kLaneCount >= 8) v = hn::Add(v, hn::ShiftLeftLanes<4>(d, v));
#if HWY_MAX_BYTES >= 32
  if constexpr (kLaneCount == 16) v = hn::Add(v, hn::ConcatLowerLower(d, hn::Broadcast<7>(v), hn::Zero(d)));
#endif
#endif
  return v;
}

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void Transpose4(const float* HWY_RESTRICT from, std::size_t, VF& v0, VF& v1, VF& v2, VF& v3) {
  const DF d;
  v0 = hn::Load(d, from);
  v1 = hn::Load(d, from + 1);
  v2 = hn::Load(d, from + 2);
  v3 = hn::Load(d, from + 3);
}
#else
// Four columns of each of kLanes / 4 rows, `stride` apart, one row in each block of 128 bits.
template <class D>
HWY_INLINE hn::Vec<D> LoadBlocks(D d, const float* HWY_RESTRICT from, std::size_t stride) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return hn::LoadU(d, from);
  } else {
    constexpr std::size_t kHalfBlocks = hn::MaxLanes(D()) / 8;
    const hn::Half<D> half;
    return hn::Combine(d, LoadBlocks(half, from + kHalfBlocks * stride, stride),
                       LoadBlocks(half, from, stride));
  }
}

// kLanes rows of 4 columns -> 4 vectors, one a column.
HWY_INLINE void Transpose4(const float* HWY_RESTRICT from, std::size_t stride, VF& v0, VF& v1, VF& v2,
                           VF& v3) {
  const DF d;
  // Vector i holds the rows i, 4 + i, 8 + i, 12 + i.
  const VF r0 = LoadBlocks(d, from, 4 * stride);
  const VF r1 = LoadBlocks(d, from + stride, 4 * stride);
  const VF r2 = LoadBlocks(d, from + 2 * stride, 4 * stride);
  const VF r3 = LoadBlocks(d, from + 3 * stride, 4 * stride);
  const hn::Repartition<std::uint64_t, DF> d64;
  const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, r0, r1));
  const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, r2, r3));
  const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, r0, r1));
  const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, r2, r3));
  v0 = hn::BitCast(d, hn::InterleaveLower(d64, low01, low23));
  v1 = hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23));
  v2 = hn::BitCast(d, hn::InterleaveLower(d64, high01, high23));
  v3 = hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23));
}
#endif

// First passes, for the 32 x 32 tile whose left column is x: fills `tile`, [row][column]. Lane type of the
// sums of bytes: windows of more than 257 bytes need 32 bits, and then come ready-made.
template <bool wide>
HWY_INLINE void FirstPasses(const Plan& plan, const std::uint8_t* HWY_RESTRICT pixels,
                            std::size_t pixel_stride, const BandRows& rows,
                            const float* HWY_RESTRICT column_table, float* HWY_RESTRICT column_sums,
                            std::uint32_t* HWY_RESTRICT row_sums, std::size_t x, float* HWY_RESTRICT tile) {
  const DF d;
  const hn::Rebind<std::int32_t, DF> d32;
  const hn::Rebind<std::uint16_t, DF> d16;
  const hn::Rebind<std::uint8_t, DF> d8;
  const std::size_t columns = plan.tiles * kBand;
  for (std::size_t c = 0; c < kBand; c += kLanes) {
    const VF count = hn::Load(d, column_table + x + c);
    const VF reciprocal = hn::Load(d, column_table + columns + x + c);
    VF sum = hn::Load(d, column_sums + x + c);
    const std::uint8_t* HWY_RESTRICT oldest = pixels + x + c;
    for (std::size_t r = 0; r < kBand; ++r, oldest += pixel_stride) {
      VF window_sum;
      if constexpr (wide) {
        HWY_ALIGN std::int32_t sums[kLanes];
        std::uint32_t running = row_sums[r];
        for (std::size_t i = 0; i < kLanes; ++i) {
          running += std::uint32_t{oldest[i + plan.row.size]} - oldest[i];
          sums[i] = static_cast<std::int32_t>(running);
        }
        row_sums[r] = running;
        window_sum = hn::ConvertTo(d, hn::Load(d32, sums));
      } else {
        const auto added = hn::PromoteTo(d16, hn::LoadU(d8, oldest + plan.row.size));
        const auto removed = hn::PromoteTo(d16, hn::LoadU(d8, oldest));
        // Modulo 2^16, as the sums themselves always fit.
        const auto change = PrefixSum(d16, hn::Sub(added, removed));
        const auto sums = hn::Add(change, hn::Set(d16, static_cast<std::uint16_t>(row_sums[r])));
        HWY_ALIGN std::uint16_t stored[kLanes];
        hn::Store(sums, d16, stored);
        row_sums[r] = stored[kLanes - 1];
        window_sum = hn::ConvertTo(d, hn::PromoteTo(d32, sums));
      }
      const VF mean = DivideByCount(window_sum, count, reciprocal);
      float* HWY_RESTRICT slot = rows.means[r] + x + c;
      const VF old = hn::Load(d, slot);
      hn::Store(mean, d, slot);
      sum = hn::Sub(hn::Add(sum, mean), old);
      hn::Store(DivideByCount(sum, hn::Set(d, rows.count[r]), hn::Set(d, rows.reciprocal[r])), d,
                tile + r * kBand + c);
    }
    hn::Store(sum, d, column_sums + x + c);
  }
}

// Second pass along rows, for one band; `state` runs from tile to tile.
struct RowState {
  VF sums[kRowGroups];
  const Stop* stop;
  float* out;  // [decimated column][row of the band]
};

// Four columns from x on. kStops: whether one of them is to be kept.
template <bool kStops>
HWY_INLINE void FourColumns(const Plan& plan, const float* HWY_RESTRICT tile, float* HWY_RESTRICT history,
                            std::size_t x, RowState& state) {
  const DF d;
  const std::size_t mask = plan.history_columns - 1;
  const float* old[4];
  float* now[4];
  for (std::size_t k = 0; k < 4; ++k) {
    old[k] = history + ((x + k - plan.row.size) & mask) * kBand;
    now[k] = history + ((x + k) & mask) * kBand;
  }
  const Stop* stop = state.stop;
  float* out = state.out;
  HWY_UNROLL(8)
  for (std::size_t g = 0; g < kRowGroups; ++g) {
    VF v[4];
    Transpose4(tile + g * kLanes * kBand, kBand, v[0], v[1], v[2], v[3]);
    VF sum = state.sums[g];
    stop = state.stop;
    out = state.out;
    HWY_UNROLL(4)
    for (std::size_t k = 0; k < 4; ++k) {
      sum = hn::Sub(hn::Add(sum, v[k]), hn::Load(d, old[k] + g * kLanes));
      hn::Store(v[k], d, now[k] + g * kLanes);
      if constexpr (kStops) {
        while (stop->position + plan.row.ahead == x + k) {  // in small pictures several times
          hn::Store(DivideByCount(sum, hn::Set(d, stop->count), hn::Set(d, stop->reciprocal)), d,
                    out + g * kLanes);
          ++stop;
          out += kBand;
        }
      }
    }
    state.sums[g] = sum;
  }
  state.stop = stop;
  state.out = out;
}

HWY_INLINE void SecondRowPass(const Plan& plan, const float* HWY_RESTRICT tile, float* HWY_RESTRICT history,
                              std::size_t x, RowState& state) {
  for (std::size_t c = 0; c < kBand; c += 4) {
    if (state.stop->position + plan.row.ahead < x + c + 4) {
      FourColumns<true>(plan, tile + c, history, x + c, state);
    } else {
      FourColumns<false>(plan, tile + c, history, x + c, state);
    }
  }
}

// Second pass along columns, one decimated row after the other.
class SecondColumnPass {
 public:
  SecondColumnPass(const Plan& plan, float* HWY_RESTRICT history, PdqBlock& block)
      : plan_(plan), history_(history), stop_(plan.column_stops.data()), out_(block.data()) {
    std::fill(std::begin(sums_), std::end(sums_), 0.0F);
  }

  // A null row is one of zeros, below the picture.
  HWY_ATTR void Add(const float* row) {
    const DF d;
    float* HWY_RESTRICT slot = history_ + slot_ * kPdqBlock;
    for (std::size_t j = 0; j < kPdqBlock; j += kLanes) {
      const VF added = row != nullptr ? hn::Load(d, row + j) : hn::Zero(d);
      const VF sum = hn::Sub(hn::Add(hn::Load(d, sums_ + j), added), hn::Load(d, slot + j));
      hn::Store(added, d, slot + j);
      hn::Store(sum, d, sums_ + j);
    }
    if (++slot_ == plan_.column.size) slot_ = 0;
    for (; stop_->position + plan_.column.ahead == y_; ++stop_) {
      const VF count = hn::Set(d, stop_->count);
      const VF reciprocal = hn::Set(d, stop_->reciprocal);
      for (std::size_t j = 0; j < kPdqBlock; j += kLanes) {
        hn::StoreU(DivideByCount(hn::Load(d, sums_ + j), count, reciprocal), d, out_ + j);
      }
      out_ += kPdqBlock;
    }
    ++y_;
  }

 private:
  const Plan& plan_;
  float* history_;
  const Stop* stop_;
  float* out_;
  std::size_t y_ = 0;
  std::size_t slot_ = 0;
  HWY_ALIGN float sums_[kPdqBlock];
};

template <bool wide>
void DownsampleAs(const media::LumaView& luma, PdqScratch& scratch, PdqBlock& block) {
  const DF d;
  const Plan plan(luma);
  const std::size_t columns = plan.tiles * kBand;

  // Input rows start `left` bytes into their copy: the window of the first column starts at its first byte.
  const std::size_t left = plan.row.size - plan.row.ahead;
  const std::size_t pixel_stride = columns + plan.row.size + 64;
  std::uint8_t* pixels = scratch.pixels.ReserveZeroed<std::uint8_t>(kBand * pixel_stride);
  // An odd number of cache lines from row to row: rows do not compete for the same few places of the cache.
  const std::size_t mean_stride = columns + (columns / 16 % 2 == 0 ? 16 : 0);
  float* means = scratch.row_means.ReserveZeroed<float>(plan.column.size * mean_stride);
  float* column_sums = scratch.column_sums.ReserveZeroed<float>(columns);
  float* column_table = scratch.column_table.Reserve<float>(2 * columns);
  for (std::size_t x = 0; x < columns; ++x) {
    const float count = x < plan.width ? plan.row.Count(x, plan.width) : 1.0F;
    column_table[x] = count;
    column_table[columns + x] = 1.0F / count;
  }
  float* history = scratch.row_history.Reserve<float>(plan.history_columns * kBand);
  float* decimated_history = scratch.decimated_history.ReserveZeroed<float>(plan.column.size * kPdqBlock);
  HWY_ALIGN float tile[kBand * kBand];
  HWY_ALIGN float kept[kPdqBlock * kBand];       // [decimated column][row of the band]
  HWY_ALIGN float kept_rows[kBand * kPdqBlock];  // the same transposed
  SecondColumnPass second_column_pass(plan, decimated_history, block);

  // Row t of the input completes row t - column.ahead of the first passes.
  const std::size_t end = plan.height + plan.column.ahead;
  BandRows rows;
  std::size_t mean_slot = 0;
  for (std::size_t band = 0; band < end; band += kBand) {
    HWY_ALIGN std::uint32_t row_sums[kBand];
    for (std::size_t r = 0; r < kBand; ++r) {
      const std::size_t t = band + r;
      std::uint8_t* copy = pixels + r * pixel_stride;
      // Each byte of the picture is read once: what a decoder does to it meanwhile changes values only.
      if (t < plan.height) {
        std::memcpy(copy + left, luma.data + t * luma.stride, plan.width);
      } else {
        std::memset(copy + left, 0, plan.width);
      }
      std::uint32_t sum = 0;
      for (std::size_t i = 0; i < plan.row.ahead; ++i) sum += copy[left + i];
      row_sums[r] = sum;
      rows.means[r] = means + mean_slot * mean_stride;
      if (++mean_slot == plan.column.size) mean_slot = 0;
      const bool inside = t >= plan.column.ahead && t - plan.column.ahead < plan.height;
      rows.count[r] = inside ? plan.column.Count(t - plan.column.ahead, plan.height) : 1.0F;
      rows.reciprocal[r] = 1.0F / rows.count[r];
    }

    std::memset(history, 0, plan.history_columns * kBand * sizeof(float));
    RowState state;
    for (VF& sum : state.sums) sum = hn::Zero(d);
    state.stop = plan.row_stops.data();
    state.out = kept;
    for (std::size_t x = 0; x < columns; x += kBand) {
      FirstPasses<wide>(plan, pixels, pixel_stride, rows, column_table, column_sums, row_sums, x, tile);
      if (x + kBand > plan.width) {
        const std::size_t first = plan.width - std::min(plan.width, x);
        for (std::size_t r = 0; r < kBand; ++r)
          std::fill(tile + r * kBand + first, tile + (r + 1) * kBand, 0.0F);
      }
      SecondRowPass(plan, tile, history, x, state);
    }

    for (std::size_t j = 0; j < kPdqBlock; j += kLanes) {
      for (std::size_t r = 0; r < kBand; r += 4) {
        VF v0, v1, v2, v3;
        Transpose4(kept + j * kBand + r, kBand, v0, v1, v2, v3);
        hn::Store(v0, d, kept_rows + (r + 0) * kPdqBlock + j);
        hn::Store(v1, d, kept_rows + (r + 1) * kPdqBlock + j);
        hn::Store(v2, d, kept_rows + (r + 2) * kPdqBlock + j);
        hn::Store(v3, d, kept_rows + (r + 3) * kPdqBlock + j);
      }
    }
    for (std::size_t r = 0; r < kBand; ++r) {
      const std::size_t t = band + r;
      if (t >= plan.column.ahead && t < end) second_column_pass.Add(kept_rows + r * kPdqBlock);
    }
  }
  for (std::size_t i = 0; i < plan.column.ahead; ++i) second_column_pass.Add(nullptr);
}

void Downsample(const media::LumaView& luma, PdqScratch& scratch, PdqBlock& block) {
  if (Window(luma.width).size <= 257) {
    DownsampleAs<false>(luma, scratch, block);
  } else {
    DownsampleAs<true>(luma, scratch, block);
  }
}

// Sum over neighbours of the difference in percent of the full range, truncated toward zero.
int Quality(const PdqBlock& block) {
  const DF d;
  const hn::Rebind<std::int32_t, DF> d32;
  const VF hundred = hn::Set(d, 100.0F);
  const VF range = hn::Set(d, 255.0F);
  const VF reciprocal = hn::Set(d, 1.0F / 255.0F);
  auto sum = hn::Zero(d32);
  const auto difference = [&](VF u, VF v) HWY_ATTR {
    return hn::Abs(hn::ConvertTo(d32, DivideByCount(hn::Mul(hn::Sub(u, v), hundred), range, reciprocal)));
  };
  // The element after a row's last one belongs to the next row: rows are copied with their last one doubled.
  HWY_ALIGN float row[kPdqBlock + 1];
  for (std::size_t i = 0; i < kPdqBlock; ++i) {
    const float* from = block.data() + i * kPdqBlock;
    std::copy_n(from, kPdqBlock, row);
    row[kPdqBlock] = row[kPdqBlock - 1];
    for (std::size_t j = 0; j < kPdqBlock; j += kLanes) {
      const VF value = hn::Load(d, row + j);
      sum = hn::Add(sum, difference(value, hn::LoadU(d, row + j + 1)));
      if (i + 1 < kPdqBlock) sum = hn::Add(sum, difference(value, hn::LoadU(d, from + kPdqBlock + j)));
    }
  }
  const std::int32_t total = hn::GetLane(hn::SumOfLanes(d32, sum));
  return std::min(100, total / 90);
}

struct DctMatrix {
  HWY_ALIGN float straight[kPdqSpectrum * kPdqBlock];
  HWY_ALIGN float transposed[kPdqBlock * kPdqSpectrum];
};

const DctMatrix& Dct() {
  static const DctMatrix matrix = [] {
    DctMatrix m;
    const double scale = static_cast<float>(std::sqrt(2.0 / kPdqBlock));
    for (int i = 0; i < kPdqSpectrum; ++i) {
      for (int j = 0; j < kPdqBlock; ++j) {
        const double angle = (std::numbers::pi / 2 / kPdqBlock) * (i + 1) * (2 * j + 1);
        const auto value = static_cast<float>(scale * std::cos(angle));
        m.straight[i * kPdqBlock + j] = value;
        m.transposed[j * kPdqSpectrum + i] = value;
      }
    }
    return m;
  }();
  return matrix;
}

void TransformBlock(const PdqBlock& block, PdqSpectrum& spectrum) {
  const DF d;
  const DctMatrix& dct = Dct();
  // Rows of `half`: vertical frequencies; columns: those of the block. Sums run over k upward, from 0.
  HWY_ALIGN float half[kPdqSpectrum * kPdqBlock];
  for (std::size_t j = 0; j < kPdqBlock; j += kLanes) {
    for (std::size_t i = 0; i < kPdqSpectrum; i += 8) {
      VF sums[8];
      HWY_UNROLL(8)
      for (VF& sum : sums) sum = hn::Zero(d);
      for (std::size_t k = 0; k < kPdqBlock; ++k) {
        const VF value = hn::LoadU(d, block.data() + k * kPdqBlock + j);
        HWY_UNROLL(8)
        for (std::size_t n = 0; n < 8; ++n) {
          sums[n] = hn::Add(sums[n], hn::Mul(hn::Set(d, dct.straight[(i + n) * kPdqBlock + k]), value));
        }
      }
      HWY_UNROLL(8)
      for (std::size_t n = 0; n < 8; ++n) hn::Store(sums[n], d, half + (i + n) * kPdqBlock + j);
    }
  }
  for (std::size_t j = 0; j < kPdqSpectrum; j += kLanes) {
    for (std::size_t i = 0; i < kPdqSpectrum; i += 8) {
      VF sums[8];
      HWY_UNROLL(8)
      for (VF& sum : sums) sum = hn::Zero(d);
      for (std::size_t k = 0; k < kPdqBlock; ++k) {
        const VF factor = hn::Load(d, dct.transposed + k * kPdqSpectrum + j);
        HWY_UNROLL(8)
        for (std::size_t n = 0; n < 8; ++n) {
          sums[n] = hn::Add(sums[n], hn::Mul(hn::Set(d, half[(i + n) * kPdqBlock + k]), factor));
        }
      }
      HWY_UNROLL(8)
      for (std::size_t n = 0; n < 8; ++n)
        hn::StoreU(sums[n], d, spectrum.data() + (i + n) * kPdqSpectrum + j);
    }
  }
}

// The 128th smallest value, by bisection over the floats' order as integers: no branch depends on the data.
float LowerMedian(const PdqSpectrum& spectrum) {
  const hn::CappedTag<std::int32_t, 16> d;
  constexpr std::size_t kLaneCount = hn::MaxLanes(hn::CappedTag<std::int32_t, 16>());
  HWY_ALIGN std::int32_t keys[kPdqSpectrum * kPdqSpectrum];
  for (std::size_t i = 0; i < spectrum.size(); ++i) {
    const auto bits = std::bit_cast<std::int32_t>(spectrum[i]);
    keys[i] = bits ^ ((bits >> 31) & 0x7fffffff);
  }
  std::int64_t low = INT32_MIN;
  std::int64_t high = INT32_MAX;
  while (low < high) {
    const std::int64_t middle = (low + high) >> 1;
    const auto bound = hn::Set(d, static_cast<std::int32_t>(middle));
    auto above = hn::Zero(d);  // minus the number of keys greater than `middle`
    for (std::size_t i = 0; i < spectrum.size(); i += kLaneCount) {
      above = hn::Add(above, hn::VecFromMask(d, hn::Gt(hn::Load(d, keys + i), bound)));
    }
    const std::int32_t greater = -hn::GetLane(hn::SumOfLanes(d, above));
    if (greater > static_cast<std::int32_t>(spectrum.size() / 2)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const auto key = static_cast<std::int32_t>(low);
  return std::bit_cast<float>(key ^ ((key >> 31) & 0x7fffffff));
}

void Threshold(const PdqSpectrum& spectrum, std::array<std::uint16_t, kPdqSpectrum>& words) {
  const float median = LowerMedian(spectrum);
  for (int i = 0; i < kPdqSpectrum; ++i) {
    unsigned word = 0;
    for (int j = 0; j < kPdqSpectrum; ++j) {
      word |= static_cast<unsigned>(spectrum[i * kPdqSpectrum + j] > median) << j;
    }
    words[i] = static_cast<std::uint16_t>(word);
  }
}

// kVectors vectors of columns side by side, summed kWays ways.
template <std::size_t kVectors, std::size_t kWays>
HWY_INLINE void WeighVectors(const std::uint8_t* HWY_RESTRICT first, std::size_t stride,
                             const std::array<const float*, kWays>& weights, std::size_t rows,
                             const std::array<float*, kWays>& sums, std::size_t x) {
  const DF d;
  const hn::Rebind<std::int32_t, DF> d32;
  const hn::Rebind<std::uint8_t, DF> d8;
  VF sum[kWays][kVectors];
  for (auto& one : sum) {
    HWY_UNROLL(4)
    for (VF& vector : one) vector = hn::Zero(d);
  }
  for (std::size_t r = 0; r < rows; ++r) {
    const std::uint8_t* HWY_RESTRICT row = first + r * stride + x;
    VF weight[kWays];
    for (std::size_t w = 0; w < kWays; ++w) weight[w] = hn::Set(d, weights[w][r]);
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < kVectors; ++v) {
      const VF value = hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, row + v * kLanes)));
      for (std::size_t w = 0; w < kWays; ++w)
        sum[w][v] = hn::MulAdd(value, weight[w], sum[w][v]);  // exact either way
    }
  }
  for (std::size_t w = 0; w < kWays; ++w) {
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(hn::Round(hn::Mul(sum[w][v], hn::Set(d, 1.0F / 256))), d, sums[w] + x + v * kLanes);
    }
  }
}

template <std::size_t kWays>
HWY_INLINE void WeighRowsBy(const std::uint8_t* first, std::size_t stride,
                            const std::array<const float*, kWays>& weights, std::size_t rows,
                            std::size_t columns, const std::array<float*, kWays>& sums) {
  constexpr std::size_t kVectors = 4;
  std::size_t x = 0;
  for (; x + kVectors * kLanes <= columns; x += kVectors * kLanes) {
    WeighVectors<kVectors>(first, stride, weights, rows, sums, x);
  }
  for (; x + kLanes <= columns; x += kLanes) WeighVectors<1>(first, stride, weights, rows, sums, x);
  for (; x < columns; ++x) {
    for (std::size_t w = 0; w < kWays; ++w) {
      float sum = 0;
      for (std::size_t r = 0; r < rows; ++r) sum += weights[w][r] * static_cast<float>(first[r * stride + x]);
      sums[w][x] = std::nearbyint(sum / 256);
    }
  }
}

void WeighRows(const std::uint8_t* first, std::size_t stride, const float* weights, std::size_t rows,
               std::size_t columns, float* sums) {
  WeighRowsBy<1>(first, stride, {weights}, rows, columns, {sums});
}

void WeighRowsTwice(const std::uint8_t* first, std::size_t stride, const std::array<const float*, 2>& weights,
                    std::size_t rows, std::size_t columns, const std::array<float*, 2>& sums) {
  WeighRowsBy<2>(first, stride, weights, rows, columns, sums);
}

#if HWY_TARGET != HWY_SCALAR
// In each block of four lanes the sums of a's, b's, c's and e's four.
template <class D>
HWY_INLINE hn::Vec<D> SumEachOfFour(D d, hn::Vec<D> a, hn::Vec<D> b, hn::Vec<D> c, hn::Vec<D> e) {
  const hn::Repartition<double, D> d64;
  const auto ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const auto ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  const auto wide_ab = hn::BitCast(d64, ab);
  const auto wide_ce = hn::BitCast(d64, ce);
  return hn::Add(hn::BitCast(d, hn::InterleaveLower(d64, wide_ab, wide_ce)),
                 hn::BitCast(d, hn::InterleaveUpper(d64, wide_ab, wide_ce)));
}

// The blocks of four lanes added up.
template <class D>
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> SumOfBlocks([[maybe_unused]] D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return SumOfBlocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}
#endif

// `taps` a multiple of D's lanes.
template <class D>
HWY_INLINE void WeighColumnsBy(D d, const float* HWY_RESTRICT line, const std::uint32_t* HWY_RESTRICT first,
                               const std::uint32_t* HWY_RESTRICT begins, const float* HWY_RESTRICT weights,
                               std::size_t taps, float scale, float* HWY_RESTRICT row) {
  const auto sum_of = [&](std::size_t j) HWY_ATTR {
    const float* HWY_RESTRICT values = line + first[j];
    const float* HWY_RESTRICT factors = weights + begins[j];
    auto sum = hn::Mul(hn::LoadU(d, values), hn::LoadU(d, factors));
    for (std::size_t k = hn::MaxLanes(D()); k < taps; k += hn::MaxLanes(D())) {
      sum = hn::MulAdd(hn::LoadU(d, values + k), hn::LoadU(d, factors + k), sum);
    }
    return sum;
  };
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t j = 0; j < kPdqBlock; ++j) row[j] = hn::GetLane(sum_of(j)) * scale;
#else
  const hn::FixedTag<float, 4> d4;
  const auto unit = hn::Set(d4, scale);
  for (std::size_t j = 0; j < kPdqBlock; j += 4) {
    const auto sums = SumEachOfFour(d, sum_of(j), sum_of(j + 1), sum_of(j + 2), sum_of(j + 3));
    hn::StoreU(hn::Mul(SumOfBlocks(d, sums), unit), d4, row + j);
  }
#endif
}

void WeighColumns(const float* line, const std::uint32_t* first, const std::uint32_t* begins,
                  const float* weights, std::size_t taps, float scale, float* row) {
  static_assert(kPdqTapGroup == 8);
  if (taps % kLanes == 0) return WeighColumnsBy(DF(), line, first, begins, weights, taps, scale, row);
  WeighColumnsBy(hn::CappedTag<float, kPdqTapGroup>(), line, first, begins, weights, taps, scale, row);
}

}  // namespace HWY_NAMESPACE
}  // namespace tamiz::hash
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tamiz::hash {

HWY_EXPORT(Downsample);
HWY_EXPORT(Quality);
HWY_EXPORT(TransformBlock);
HWY_EXPORT(Threshold);
HWY_EXPORT(WeighRows);
HWY_EXPORT(WeighRowsTwice);
HWY_EXPORT(WeighColumns);

std::size_t PdqScratch::bytes() const {
  return pixels.capacity() + row_means.capacity() + column_sums.capacity() + column_table.capacity() +
         row_history.capacity() + decimated_history.capacity();
}

void PdqScratch::Release() {
  for (AlignedBuffer* buffer :
       {&pixels, &row_means, &column_sums, &column_table, &row_history, &decimated_history}) {
    buffer->Release();
  }
}

void PdqDownsample(const media::LumaView& luma, PdqScratch& scratch, PdqBlock& block) {
  HWY_DYNAMIC_DISPATCH(Downsample)(luma, scratch, block);
}
int PdqQuality(const PdqBlock& block) { return HWY_DYNAMIC_DISPATCH(Quality)(block); }
void PdqTransform(const PdqBlock& block, PdqSpectrum& spectrum) {
  HWY_DYNAMIC_DISPATCH(TransformBlock)(block, spectrum);
}
void PdqThreshold(const PdqSpectrum& spectrum, std::array<std::uint16_t, kPdqSpectrum>& words) {
  HWY_DYNAMIC_DISPATCH(Threshold)(spectrum, words);
}
void PdqWeighRows(const std::uint8_t* first, std::size_t stride, const float* weights, std::size_t rows,
                  std::size_t columns, float* sums) {
  HWY_DYNAMIC_DISPATCH(WeighRows)(first, stride, weights, rows, columns, sums);
}
void PdqWeighRowsTwice(const std::uint8_t* first, std::size_t stride,
                       const std::array<const float*, 2>& weights, std::size_t rows, std::size_t columns,
                       const std::array<float*, 2>& sums) {
  HWY_DYNAMIC_DISPATCH(WeighRowsTwice)(first, stride, weights, rows, columns, sums);
}
void PdqWeighColumns(const float* line, const std::uint32_t* first, const std::uint32_t* begins,
                     const float* weights, std::size_t taps, float scale, float* row) {
  HWY_DYNAMIC_DISPATCH(WeighColumns)(line, first, begins, weights, taps, scale, row);
}

}  // namespace tamiz::hash
#endif
