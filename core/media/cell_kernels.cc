#include "core/media/cell_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/media/cell_kernels.cc"
#include <hwy/foreach_target.h>  // NOLINT: includes this file once for each processor generation
#include <hwy/highway.h>

#include <array>
#include <bit>
#include <cstring>

// Most of this is loops that compilers turn into vectors: of fixed or counted length, over bytes alone,
// nothing in them that depends on another place.

HWY_BEFORE_NAMESPACE();
namespace tamiz::media {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE std::uint8_t Difference(std::uint8_t a, std::uint8_t b) {
  const std::uint8_t high = a > b ? a : b;
  const std::uint8_t low = a > b ? b : a;
  return static_cast<std::uint8_t>(high - low);
}

// Bit i: pixel i of so many as a vector has is not in the band.
template <class D>
HWY_INLINE std::uint64_t OutsideBits(D d, const std::uint8_t* HWY_RESTRICT pixels, LevelBand band) {
  const auto above = hn::Sub(hn::LoadU(d, pixels), hn::Set(d, band.low));
  const auto is_out = hn::Ne(hn::Min(above, hn::Set(d, band.span)), above);
  std::array<std::uint8_t, 8> bytes{};
  hn::StoreMaskBits(d, is_out, bytes.data());
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes.data(), sizeof bits);
  return bits;
}

std::size_t Outside(const std::uint8_t* HWY_RESTRICT pixels, std::size_t count, LevelBand band) {
  const hn::CappedTag<std::uint8_t, 64> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t outside = 0;
  std::size_t done = 0;
  for (; done + lanes <= count; done += lanes) {
    outside += static_cast<std::size_t>(std::popcount(OutsideBits(d, pixels + done, band)));
  }
  if (done == count) return outside;
  if (done > 0) {
    // The last ones once more, without those that were counted.
    const std::uint64_t bits = OutsideBits(d, pixels + (count - lanes), band) >> (lanes - (count - done));
    return outside + static_cast<std::size_t>(std::popcount(bits));
  }
  for (; done < count; ++done) outside += static_cast<std::size_t>(!band.Holds(pixels[done]));
  return outside;
}

void FromLeft(std::span<const std::uint8_t* const> ends, std::size_t count, LevelBand band,
              std::uint32_t* HWY_RESTRICT runs) {
  const hn::CappedTag<std::uint8_t, 64> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const std::uint8_t* const pixels = ends[i];
    std::size_t run = 0;
    std::uint64_t bits = 0;
    for (; run + lanes <= count && bits == 0; run += lanes) bits = OutsideBits(d, pixels + run, band);
    if (bits != 0) {
      run = run - lanes + static_cast<std::size_t>(std::countr_zero(bits));
    } else {
      while (run < count && band.Holds(pixels[run])) ++run;
    }
    runs[i] = static_cast<std::uint32_t>(run);
  }
}

void FromRight(std::span<const std::uint8_t* const> ends, std::size_t count, LevelBand band,
               std::uint32_t* HWY_RESTRICT runs) {
  const hn::CappedTag<std::uint8_t, 64> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const std::uint8_t* const beyond = ends[i] + 1;
    std::size_t run = 0;
    std::uint64_t bits = 0;
    for (; run + lanes <= count && bits == 0; run += lanes) bits = OutsideBits(d, beyond - run - lanes, band);
    if (bits != 0) {
      run = run - lanes + static_cast<std::size_t>(std::countl_zero(bits << (64 - lanes)));
    } else {
      while (run < count && band.Holds(*(beyond - run - 1))) ++run;
    }
    runs[i] = static_cast<std::uint32_t>(run);
  }
}

void MeansOfFour(const std::uint8_t* HWY_RESTRICT above, const std::uint8_t* HWY_RESTRICT below,
                 std::uint8_t* HWY_RESTRICT cells, std::size_t count) {
  for (std::size_t x = 0; x < count; ++x) {
    // Two pixels in one number, whichever comes first.
    std::uint16_t a = 0;
    std::uint16_t b = 0;
    std::memcpy(&a, above + 2 * x, sizeof a);
    std::memcpy(&b, below + 2 * x, sizeof b);
    const auto sum = static_cast<std::uint16_t>((a & 0xffU) + (a >> 8U) + (b & 0xffU) + (b >> 8U) + 2U);
    cells[x] = static_cast<std::uint8_t>(sum >> 2U);
  }
}

// `count` a constant, where it can be: compilers make the most of that.
HWY_INLINE void AddOff(const std::uint8_t* HWY_RESTRICT values, const std::uint8_t* HWY_RESTRICT levels,
                       std::uint8_t tolerance, std::uint8_t* HWY_RESTRICT outside,
                       std::uint8_t* HWY_RESTRICT odd, std::size_t count) {
  for (std::size_t x = 0; x < count; ++x) {
    const std::uint8_t difference = Difference(values[x], levels[x]);
    outside[x] = static_cast<std::uint8_t>(outside[x] + static_cast<std::uint8_t>(difference > tolerance));
    odd[x] = static_cast<std::uint8_t>(odd[x] + static_cast<std::uint8_t>(difference > 0));
  }
}

Off OffInRow(const std::uint8_t* HWY_RESTRICT cells, std::size_t count, std::size_t every, int level,
             int tolerance) {
  // All cells side by side; those between the samples are left out of the sums.
  constexpr std::size_t kAtOnce = kLinesAtOnce;
  constexpr std::size_t kMostRounds = 255;
  const std::size_t chunk = kAtOnce / every * every;
  std::array<std::uint8_t, kAtOnce> levels;
  std::array<std::uint8_t, kAtOnce> outside{};
  std::array<std::uint8_t, kAtOnce> odd{};
  levels.fill(static_cast<std::uint8_t>(level));
  Off off;
  const auto gather = [&]() HWY_ATTR {
    for (std::size_t i = 0; i < chunk; i += every) {
      off.outside += outside[i];
      off.odd += odd[i];
    }
    outside.fill(0);
    odd.fill(0);
  };
  std::size_t rounds = 0;
  std::size_t i = 0;
  for (; i + kAtOnce <= count; i += chunk) {
    AddOff(cells + i, levels.data(), static_cast<std::uint8_t>(tolerance), outside.data(), odd.data(),
           kAtOnce);
    if (++rounds % kMostRounds == 0) gather();
  }
  gather();
  for (; i < count; i += every) {
    const std::uint8_t difference = Difference(cells[i], static_cast<std::uint8_t>(level));
    off.outside += static_cast<int>(difference > tolerance);
    off.odd += static_cast<int>(difference > 0);
  }
  return off;
}

void OffInColumns(const std::uint8_t* first, std::size_t step, std::size_t rows, const std::uint8_t* levels,
                  std::uint8_t tolerance, std::uint8_t* outside, std::uint8_t* odd, std::size_t columns) {
  if (columns == kLinesAtOnce) {
    for (std::size_t n = 0; n < rows; ++n) {
      AddOff(first + n * step, levels, tolerance, outside, odd, kLinesAtOnce);
    }
    return;
  }
  for (std::size_t n = 0; n < rows; ++n) AddOff(first + n * step, levels, tolerance, outside, odd, columns);
}

HWY_INLINE std::int16_t IsBent(std::uint8_t before, std::uint8_t middle, std::uint8_t after,
                               std::int16_t least) {
  const auto bend = static_cast<std::int16_t>(2 * middle - before - after);
  const auto size = static_cast<std::int16_t>(bend < 0 ? -bend : bend);
  return static_cast<std::int16_t>(size >= least ? 1 : 0);
}

void BentInColumns(const std::uint8_t* HWY_RESTRICT first, std::size_t stride, std::size_t rows, int least,
                   std::int16_t* HWY_RESTRICT counts, std::size_t columns) {
  for (std::size_t n = 0; n < rows; ++n) {
    const std::uint8_t* HWY_RESTRICT row = first + n * stride;
    const std::uint8_t* HWY_RESTRICT before = row - 2 * stride;
    const std::uint8_t* HWY_RESTRICT after = row + 2 * stride;
    for (std::size_t x = 0; x < columns; ++x) {
      counts[x] = static_cast<std::int16_t>(
          counts[x] + IsBent(before[x], row[x], after[x], static_cast<std::int16_t>(least)));
    }
  }
}

int BentInRow(const std::uint8_t* HWY_RESTRICT first, std::size_t count, int least) {
  constexpr std::size_t kChunk = 1024;  // sums of as many stay in 16 bits
  int sum = 0;
  for (std::size_t done = 0; done < count; done += kChunk) {
    const std::size_t there = count - done < kChunk ? count - done : kChunk;
    const std::uint8_t* HWY_RESTRICT row = first + done;
    std::int16_t some = 0;
    for (std::size_t i = 0; i < there; ++i) {
      some = static_cast<std::int16_t>(
          some + IsBent(*(row + i - 2), row[i], row[i + 2], static_cast<std::int16_t>(least)));
    }
    sum += some;
  }
  return sum;
}

// All bits set, or none: a and b differ by at least `least`, which is not 0.
template <class D>
HWY_INLINE hn::Vec<D> IsStep(D d, const std::uint8_t* HWY_RESTRICT a, const std::uint8_t* HWY_RESTRICT b,
                             hn::Vec<D> least) {
  const auto x = hn::LoadU(d, a);
  const auto y = hn::LoadU(d, b);
  const auto difference = hn::Sub(hn::Max(x, y), hn::Min(x, y));
  return hn::VecFromMask(d, hn::Eq(hn::Min(difference, least), least));
}

HWY_INLINE std::uint8_t IsStep(std::uint8_t a, std::uint8_t b, std::uint8_t least) {
  return static_cast<std::uint8_t>(Difference(a, b) >= least);
}

void StepsInColumns(const std::uint8_t* HWY_RESTRICT first, std::size_t stride, std::size_t rows,
                    std::uint8_t least, std::uint8_t* HWY_RESTRICT counts, std::size_t columns) {
  const hn::CappedTag<std::uint8_t, 64> d;
  const std::size_t lanes = hn::Lanes(d);
  if (columns < lanes) {
    for (std::size_t x = 0; x < columns; ++x) {
      counts[x] = 0;
      for (std::size_t n = 0; n < rows; ++n) {
        const std::uint8_t* row = first + n * stride;
        counts[x] = static_cast<std::uint8_t>(counts[x] + IsStep(row[x], row[x + 2], least));
      }
    }
    return;
  }
  const auto limit = hn::Set(d, least);
  for (std::size_t begin = 0; begin < columns; begin += lanes) {
    const std::size_t x = begin + lanes <= columns ? begin : columns - lanes;
    auto sum = hn::Zero(d);
    for (std::size_t n = 0; n < rows; ++n) {
      const std::uint8_t* row = first + n * stride + x;
      sum = hn::Sub(sum, IsStep(d, row, row + 2, limit));
    }
    hn::StoreU(sum, d, counts + x);
  }
}

void StepsByEight(const std::uint8_t* HWY_RESTRICT a, const std::uint8_t* HWY_RESTRICT b, std::uint8_t least,
                  std::uint16_t* HWY_RESTRICT sums, std::size_t stride, std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<std::uint8_t, 64> d;
  const hn::Repartition<std::uint64_t, decltype(d)> d64;
  const std::size_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(d, least);
  std::array<std::uint64_t, 8> eights;
  for (; i + lanes <= count; i += lanes) {
    const auto steps = hn::And(IsStep(d, a + i, b + i, limit), hn::Set(d, std::uint8_t{1}));
    hn::StoreU(hn::SumsOf8(steps), d64, eights.data());
    for (std::size_t n = 0; n < lanes / 8; ++n, sums += stride) *sums = static_cast<std::uint16_t>(eights[n]);
  }
#endif
  for (; i < count; i += 8, sums += stride) {
    unsigned sum = 0;
    for (std::size_t n = i; n < count && n < i + 8; ++n) sum += IsStep(a[n], b[n], least);
    *sums = static_cast<std::uint16_t>(sum);
  }
}

HWY_INLINE std::uint16_t StepOf(std::uint8_t a, std::uint8_t b, std::uint8_t most) {
  const std::uint8_t difference = Difference(a, b);
  return difference < most ? difference : most;
}

constexpr std::size_t kMostPlaces = 256;

void StepsOfRows(const std::uint8_t* first, std::size_t stride, std::span<const std::size_t> places, int most,
                 std::span<std::uint16_t> sums) {
  std::array<std::uint8_t, kMostPlaces> before{};
  std::array<std::uint8_t, kMostPlaces> pixels{};
  const auto limit = static_cast<std::uint8_t>(most);
  for (std::size_t i = 0; i <= sums.size(); ++i) {
    const std::uint8_t* row = first + i * stride;
    for (std::size_t p = 0; p < places.size(); ++p) pixels[p] = row[places[p]];
    if (i > 0) {
      std::uint16_t sum = 0;
      for (std::size_t p = 0; p < places.size(); ++p)
        sum = static_cast<std::uint16_t>(sum + StepOf(before[p], pixels[p], limit));
      sums[i - 1] = sum;
    }
    before = pixels;
  }
}

void StepsOfColumns(const std::uint8_t* first, std::span<const std::size_t> places, int most,
                    std::span<std::uint16_t> sums) {
  const auto limit = static_cast<std::uint8_t>(most);
  constexpr std::size_t kAtOnce = 16;
  for (std::size_t begin = 0; begin < sums.size(); begin += kAtOnce) {
    const std::size_t columns = sums.size() - begin < kAtOnce ? sums.size() - begin : kAtOnce;
    std::array<std::uint16_t, kAtOnce> some{};
    for (const std::size_t place : places) {
      const std::uint8_t* HWY_RESTRICT row = first + place + begin;
      for (std::size_t x = 0; x < columns; ++x)
        some[x] = static_cast<std::uint16_t>(some[x] + StepOf(row[x], row[x + 1], limit));
    }
    for (std::size_t x = 0; x < columns; ++x) sums[begin + x] = some[x];
  }
}

// Small numbers and masks, so that it becomes vectors.
void Extend(const std::uint16_t* HWY_RESTRICT before, const std::uint16_t* HWY_RESTRICT after,
            std::int16_t piece, std::int16_t* HWY_RESTRICT score, std::int16_t* HWY_RESTRICT start,
            std::int16_t* HWY_RESTRICT most, std::int16_t* HWY_RESTRICT from, std::int16_t* HWY_RESTRICT to,
            std::size_t lines) {
  constexpr std::size_t kBeside = BestStretches::kBeside;
  constexpr std::int16_t kUsual = 12;  // eightieths
  const auto next = static_cast<std::int16_t>(piece + 1);
  for (std::size_t i = 0; i < lines; ++i) {
    const auto own = static_cast<std::int16_t>(after[i + kBeside] - before[i + kBeside]);
    const auto b = static_cast<std::int16_t>(after[i] - before[i]);
    const auto a = static_cast<std::int16_t>(after[i + 2 * kBeside] - before[i + 2 * kBeside]);
    const std::int16_t least = a < b ? a : b;
    const std::int16_t larger = a < b ? b : a;
    const auto gain = static_cast<std::int16_t>(10 * own - 3 * least - 7 * larger - kUsual);
    // All bits or none.
    const auto goes_on = static_cast<std::int16_t>(score[i] > 0 ? -1 : 0);
    const auto now = static_cast<std::int16_t>((score[i] & goes_on) + gain);
    const auto since = static_cast<std::int16_t>((start[i] & goes_on) | (piece & ~goes_on));
    const auto better = static_cast<std::int16_t>(now > most[i] ? -1 : 0);
    score[i] = now;
    start[i] = since;
    most[i] = static_cast<std::int16_t>((now & better) | (most[i] & ~better));
    from[i] = static_cast<std::int16_t>((since & better) | (from[i] & ~better));
    to[i] = static_cast<std::int16_t>((next & better) | (to[i] & ~better));
  }
}

void ColumnRuns(const std::uint8_t* first, std::ptrdiff_t step, std::size_t rows, LevelBand band, int* runs) {
  constexpr std::size_t kAtOnce = kLinesAtOnce;
  std::array<std::uint8_t, kAtOnce> goes_on;
  std::array<std::uint8_t, kAtOnce> few{};
  goes_on.fill(1);
  for (std::size_t x = 0; x < kAtOnce; ++x) runs[x] = 0;
  const auto gather = [&]() HWY_ATTR {
    for (std::size_t x = 0; x < kAtOnce; ++x) runs[x] += few[x];
    few.fill(0);
  };
  const std::uint8_t low = band.low;
  const std::uint8_t span = band.span;
  std::uint8_t any = 1;
  for (std::size_t n = 0; n < rows && any != 0; ++n) {
    const std::uint8_t* row = first + static_cast<std::ptrdiff_t>(n) * step;
    any = 0;
    for (std::size_t x = 0; x < kAtOnce; ++x) {
      const auto above = static_cast<std::uint8_t>(row[x] - low);
      goes_on[x] = static_cast<std::uint8_t>(goes_on[x] & static_cast<std::uint8_t>(above <= span));
    }
    for (std::size_t x = 0; x < kAtOnce; ++x) few[x] = static_cast<std::uint8_t>(few[x] + goes_on[x]);
    for (std::size_t x = 0; x < kAtOnce; ++x) any = static_cast<std::uint8_t>(any | goes_on[x]);
    if (n % 128 == 127) gather();
  }
  gather();
}

}  // namespace HWY_NAMESPACE
}  // namespace tamiz::media
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tamiz::media {

HWY_EXPORT(Outside);
HWY_EXPORT(FromLeft);
HWY_EXPORT(FromRight);
HWY_EXPORT(MeansOfFour);
HWY_EXPORT(OffInRow);
HWY_EXPORT(OffInColumns);
HWY_EXPORT(BentInColumns);
HWY_EXPORT(BentInRow);
HWY_EXPORT(StepsInColumns);
HWY_EXPORT(StepsByEight);
HWY_EXPORT(StepsOfRows);
HWY_EXPORT(StepsOfColumns);
HWY_EXPORT(Extend);
HWY_EXPORT(ColumnRuns);

std::size_t CountOutside(const std::uint8_t* pixels, std::size_t count, LevelBand band) {
  return HWY_DYNAMIC_DISPATCH(Outside)(pixels, count, band);
}
void RunsFromLeft(std::span<const std::uint8_t* const> ends, std::size_t count, LevelBand band,
                  std::uint32_t* runs) {
  HWY_DYNAMIC_DISPATCH(FromLeft)(ends, count, band, runs);
}
void RunsFromRight(std::span<const std::uint8_t* const> ends, std::size_t count, LevelBand band,
                   std::uint32_t* runs) {
  HWY_DYNAMIC_DISPATCH(FromRight)(ends, count, band, runs);
}
void AverageByTwo(const std::uint8_t* above, const std::uint8_t* below, std::uint8_t* cells,
                  std::size_t count) {
  HWY_DYNAMIC_DISPATCH(MeansOfFour)(above, below, cells, count);
}
Off CountOffInRow(const std::uint8_t* cells, std::size_t count, std::size_t every, int level, int tolerance) {
  return HWY_DYNAMIC_DISPATCH(OffInRow)(cells, count, every, level, tolerance);
}
void CountOffInColumns(const std::uint8_t* first, std::size_t step, std::size_t rows,
                       const std::uint8_t* levels, std::uint8_t tolerance, std::uint8_t* outside,
                       std::uint8_t* odd, std::size_t columns) {
  HWY_DYNAMIC_DISPATCH(OffInColumns)(first, step, rows, levels, tolerance, outside, odd, columns);
}
void CountBentInColumns(const std::uint8_t* first, std::size_t stride, std::size_t rows, int least,
                        std::int16_t* counts, std::size_t columns) {
  HWY_DYNAMIC_DISPATCH(BentInColumns)(first, stride, rows, least, counts, columns);
}
int CountBentInRow(const std::uint8_t* first, std::size_t count, int least) {
  return HWY_DYNAMIC_DISPATCH(BentInRow)(first, count, least);
}
void CountStepsInColumns(const std::uint8_t* first, std::size_t stride, std::size_t rows, std::uint8_t least,
                         std::uint8_t* counts, std::size_t columns) {
  HWY_DYNAMIC_DISPATCH(StepsInColumns)(first, stride, rows, least, counts, columns);
}
void CountStepsByEight(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t least, std::uint16_t* sums,
                       std::size_t stride, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(StepsByEight)(a, b, least, sums, stride, count);
}
void SumStepsOfRows(const std::uint8_t* first, std::size_t stride, std::span<const std::size_t> places,
                    int most, std::span<std::uint16_t> sums) {
  HWY_DYNAMIC_DISPATCH(StepsOfRows)(first, stride, places, most, sums);
}
void SumStepsOfColumns(const std::uint8_t* first, std::span<const std::size_t> places, int most,
                       std::span<std::uint16_t> sums) {
  HWY_DYNAMIC_DISPATCH(StepsOfColumns)(first, places, most, sums);
}
void ExtendStretches(const std::uint16_t* before, const std::uint16_t* after, std::int16_t piece,
                     BestStretches& best) {
  HWY_DYNAMIC_DISPATCH(Extend)
  (before, after, piece, best.score.data(), best.start.data(), best.most.data(), best.from.data(),
   best.to.data(), best.score.size());
}
void RunsInColumns(const std::uint8_t* first, std::ptrdiff_t step, std::size_t rows, LevelBand band,
                   int* runs) {
  HWY_DYNAMIC_DISPATCH(ColumnRuns)(first, step, rows, band, runs);
}

}  // namespace tamiz::media
#endif
