// The inner loops of all that looks for borders, pictures within pictures and turned pictures: compiled for
// each generation of processors, chosen at run time, with the same answers on all of them. Part of
// core/media; pure, thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tamiz::media {

// Brightnesses within `tolerance` of `level`, both in levels from 0 to 255.
struct LevelBand {
  LevelBand(int level, int tolerance)
      : low(static_cast<std::uint8_t>(std::max(level - tolerance, 0))),
        span(static_cast<std::uint8_t>(std::min(level + tolerance, 255) - low)) {}
  [[nodiscard]] bool Holds(std::uint8_t value) const {
    return static_cast<std::uint8_t>(value - low) <= span;
  }

  std::uint8_t low;
  std::uint8_t span;
};

// Of `count` pixels in a row, those that are not in the band.
[[nodiscard]] std::size_t CountOutside(const std::uint8_t* pixels, std::size_t count, LevelBand band);

// Of each row, from its first pixel to the right or from its last to the left: how many of `count` are in the
// band before the first that is not; `count` if all are. runs[i] of ends[i].
void RunsFromLeft(std::span<const std::uint8_t* const> ends, std::size_t count, LevelBand band,
                  std::uint32_t* runs);
void RunsFromRight(std::span<const std::uint8_t* const> ends, std::size_t count, LevelBand band,
                   std::uint32_t* runs);

// cells[i] = the rounded mean of two pixels above and two below; `count` of them.
void AverageByTwo(const std::uint8_t* above, const std::uint8_t* below, std::uint8_t* cells,
                  std::size_t count);

// How many samples are off a level by more than a tolerance, and how many by anything at all.
struct Off {
  int outside = 0;
  int odd = 0;
};
// Of every `every`-th of `count` cells in a row from the first on; `every` at most 32.
[[nodiscard]] Off CountOffInRow(const std::uint8_t* cells, std::size_t count, std::size_t every, int level,
                                int tolerance);

// Lines that are judged side by side.
inline constexpr std::size_t kLinesAtOnce = 64;
// For each of `columns` columns, at most kLinesAtOnce, `rows` rows `step` bytes apart: adds to outside[x] and
// odd[x], each with its own level. Sums must stay below 256.
void CountOffInColumns(const std::uint8_t* first, std::size_t step, std::size_t rows,
                       const std::uint8_t* levels, std::uint8_t tolerance, std::uint8_t* outside,
                       std::uint8_t* odd, std::size_t columns);

// For each of `columns` columns: how many of its cells bend by `least` levels or more, that is are so far off
// the middle of the cells two before and two after them (the difference twice). `rows` cells from `first` on
// have both.
void CountBentInColumns(const std::uint8_t* first, std::size_t stride, std::size_t rows, int least,
                        std::int16_t* counts, std::size_t columns);
// The same of one row: `count` cells from `first` on have two before and two after.
[[nodiscard]] int CountBentInRow(const std::uint8_t* first, std::size_t count, int least);

// counts[x] = in how many of `rows` rows the cells x and x + 2 differ by at least `least` levels (1 or more);
// at most 255 rows.
void CountStepsInColumns(const std::uint8_t* first, std::size_t stride, std::size_t rows, std::uint8_t least,
                         std::uint8_t* counts, std::size_t columns);
// sums[i * stride] = in how many of the i-th eight of `count` places a and b differ by at least `least`
// levels (1 or more); the last eight may be fewer.
void CountStepsByEight(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t least, std::uint16_t* sums,
                       std::size_t stride, std::size_t count);

// Steps between neighbouring rows (columns), beginning with that at `first`, at some places: sums[i] = the
// sum over `places`, in bytes from the row's (column's) first pixel, of how much the pixel there differs from
// that of the next, but for no more than `most` levels each. At most 256 places.
void SumStepsOfRows(const std::uint8_t* first, std::size_t stride, std::span<const std::size_t> places,
                    int most, std::span<std::uint16_t> sums);
void SumStepsOfColumns(const std::uint8_t* first, std::span<const std::size_t> places, int most,
                       std::span<std::uint16_t> sums);

// The stretch of each line along which most is a step, so far, in pieces of eight cells.
struct BestStretches {
  // Steps of the lines so far beside a line count against its own.
  static constexpr std::size_t kBeside = 3;
  explicit BestStretches(std::size_t lines)
      : score(lines), start(lines), most(lines), from(lines), to(lines) {}
  std::vector<std::int16_t> score, start;  // of the stretch that ends here: its weight, its first piece
  std::vector<std::int16_t> most, from,
      to;  // of the best: its weight, its first piece and the one after its last
};
// Goes on by piece number `piece`. before[i], after[i]: steps before and after it, of line i - kBeside;
// kBeside lines more on both sides. A piece counts by its steps, less three tenths of the lesser and seven of
// the larger number beside it and less 0.15 of its cells, in eightieths.
void ExtendStretches(const std::uint16_t* before, const std::uint16_t* after, std::int16_t piece,
                     BestStretches& best);

// For each of kLinesAtOnce columns: how many cells from `first` on, `step` bytes apart (down or up), are in
// the band before the first that is not; `rows` if all are.
void RunsInColumns(const std::uint8_t* first, std::ptrdiff_t step, std::size_t rows, LevelBand band,
                   int* runs);

}  // namespace tamiz::media
