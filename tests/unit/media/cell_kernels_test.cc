#include "core/media/cell_kernels.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace tamiz::media {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Once for each generation of processors that this machine can stand in for.
class CellKernels : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }

  // Of one brightness mostly, as grounds are, with runs of anything between.
  Bytes Cells(std::size_t count) {
    Bytes cells(count);
    std::size_t until = 0;
    bool is_plain = false;
    for (std::size_t i = 0; i < count; ++i) {
      if (i == until) {
        is_plain = !is_plain;
        until += 1 + random_() % 150;
      }
      cells[i] = static_cast<std::uint8_t>(is_plain ? 100 + random_() % 9 : random_() % 256);
    }
    return cells;
  }

  std::mt19937 random_{7};
};

std::vector<std::int64_t> Targets() {
  std::vector<std::int64_t> targets;
  for (std::int64_t bits = hwy::SupportedTargets(); bits != 0; bits &= bits - 1)
    targets.push_back(bits & -bits);
  return targets;
}
INSTANTIATE_TEST_SUITE_P(Targets, CellKernels, testing::ValuesIn(Targets()),
                         [](const auto& target) { return std::string(hwy::TargetName(target.param)); });

const std::size_t kSizes[] = {0,   1,   5,   15,  16,  31,  32,  63,  64,  65,
                              100, 127, 128, 129, 191, 254, 320, 511, 512, 1024};
const LevelBand kBands[] = {{104, 4}, {0, 8}, {255, 8}, {128, 0}, {128, 200}};

TEST_P(CellKernels, CountWhatIsOutsideABand) {
  for (const std::size_t size : kSizes) {
    const Bytes cells = Cells(size);
    for (const LevelBand band : kBands) {
      const auto expected =
          std::ranges::count_if(cells, [&](std::uint8_t cell) { return !band.Holds(cell); });
      EXPECT_EQ(CountOutside(cells.data(), size, band), static_cast<std::size_t>(expected)) << size;
    }
  }
}

TEST_P(CellKernels, FindWhereRunsEnd) {
  constexpr std::size_t kRows = 40;
  for (const std::size_t size : kSizes) {
    if (size == 0) continue;
    std::vector<Bytes> rows;
    std::vector<const std::uint8_t*> left, right;
    for (std::size_t i = 0; i < kRows; ++i) rows.push_back(Cells(size));
    for (const Bytes& row : rows) left.push_back(row.data()), right.push_back(&row.back());
    for (const LevelBand band : kBands) {
      std::vector<std::uint32_t> from_left(kRows), from_right(kRows);
      RunsFromLeft(left, size, band, from_left.data());
      RunsFromRight(right, size, band, from_right.data());
      const auto is_out = [&](std::uint8_t cell) { return !band.Holds(cell); };
      for (std::size_t i = 0; i < kRows; ++i) {
        EXPECT_EQ(from_left[i], std::ranges::find_if(rows[i], is_out) - rows[i].begin()) << size;
        EXPECT_EQ(from_right[i], std::find_if(rows[i].rbegin(), rows[i].rend(), is_out) - rows[i].rbegin())
            << size;
      }
    }
  }
}

TEST_P(CellKernels, AverageByTwo) {
  for (const std::size_t size : kSizes) {
    const Bytes above = Cells(2 * size), below = Cells(2 * size);
    Bytes cells(size);
    AverageByTwo(above.data(), below.data(), cells.data(), size);
    for (std::size_t i = 0; i < size; ++i) {
      EXPECT_EQ(cells[i], (above[2 * i] + above[2 * i + 1] + below[2 * i] + below[2 * i + 1] + 2) / 4)
          << size;
    }
  }
}

TEST_P(CellKernels, CountWhatIsOffInARow) {
  for (const std::size_t size : kSizes) {
    const Bytes cells = Cells(size);
    for (const std::size_t every : {1U, 2U, 3U, 7U, 8U, 31U, 32U}) {
      for (const int tolerance : {0, 3, 8}) {
        const Off off = CountOffInRow(cells.data(), size, every, 104, tolerance);
        int outside = 0, odd = 0;
        for (std::size_t i = 0; i < size; i += every) {
          outside += std::abs(cells[i] - 104) > tolerance ? 1 : 0;
          odd += cells[i] != 104 ? 1 : 0;
        }
        EXPECT_EQ(off.outside, outside) << size << " " << every;
        EXPECT_EQ(off.odd, odd) << size << " " << every;
      }
    }
  }
}

TEST_P(CellKernels, CountInARowBeyondWhatAByteHolds) {
  const Bytes cells(64 * 300, 9);
  const Off off = CountOffInRow(cells.data(), cells.size(), 1, 104, 8);
  EXPECT_EQ(off.outside, 64 * 300);
  EXPECT_EQ(off.odd, 64 * 300);
}

TEST_P(CellKernels, CountWhatIsOffInColumns) {
  constexpr std::size_t kStride = 100, kRows = 120, kStep = 2 * kStride;
  const Bytes cells = Cells(kStride * 2 * kRows);
  const Bytes levels = Cells(kLinesAtOnce);
  for (const std::size_t columns : {std::size_t{1}, std::size_t{17}, std::size_t{63}, kLinesAtOnce}) {
    Bytes outside(kLinesAtOnce, 2), odd(kLinesAtOnce, 3);
    CountOffInColumns(cells.data() + 5, kStep, kRows, levels.data(), 8, outside.data(), odd.data(), columns);
    for (std::size_t x = 0; x < kLinesAtOnce; ++x) {
      int expected_outside = 2, expected_odd = 3;
      for (std::size_t n = 0; n < kRows && x < columns; ++n) {
        const int difference = std::abs(cells[5 + n * kStep + x] - levels[x]);
        expected_outside += difference > 8 ? 1 : 0;
        expected_odd += difference > 0 ? 1 : 0;
      }
      EXPECT_EQ(outside[x], expected_outside) << x;
      EXPECT_EQ(odd[x], expected_odd) << x;
    }
  }
}

TEST_P(CellKernels, CountWhatBends) {
  constexpr std::size_t kStride = 90, kRows = 50;
  const Bytes cells = Cells(kStride * kRows);
  const auto is_bent = [&](std::size_t at, std::size_t step) {
    return std::abs(2 * cells[at] - cells[at - 2 * step] - cells[at + 2 * step]) >= 7 ? 1 : 0;
  };
  for (const std::size_t columns : {1U, 7U, 32U}) {
    std::vector<std::int16_t> counts(columns, 1);
    CountBentInColumns(cells.data() + 2 * kStride + 3, kStride, kRows - 4, 7, counts.data(), columns);
    for (std::size_t x = 0; x < columns; ++x) {
      int expected = 1;
      for (std::size_t y = 2; y + 2 < kRows; ++y) expected += is_bent(y * kStride + 3 + x, kStride);
      EXPECT_EQ(counts[x], expected);
    }
  }
  for (const std::size_t count : {0U, 1U, 33U, 86U, 3000U}) {
    int expected = 0;
    for (std::size_t i = 0; i < count; ++i) expected += is_bent(2 + i, 1);
    EXPECT_EQ(CountBentInRow(cells.data() + 2, count, 7), expected) << count;
  }
}

TEST_P(CellKernels, CountSteps) {
  constexpr std::size_t kStride = 400, kRows = 8;
  const Bytes cells = Cells(kStride * kRows);
  for (const std::uint8_t least : {1, 6, 40}) {
    for (const std::size_t size : kSizes) {
      if (size + 2 > kStride) continue;
      Bytes counts(size);
      CountStepsInColumns(cells.data(), kStride, kRows, least, counts.data(), size);
      for (std::size_t x = 0; x < size; ++x) {
        int expected = 0;
        for (std::size_t y = 0; y < kRows; ++y)
          expected += std::abs(cells[y * kStride + x] - cells[y * kStride + x + 2]) >= least ? 1 : 0;
        EXPECT_EQ(counts[x], expected) << size;
      }
      const std::size_t eights = (size + 7) / 8;
      constexpr std::size_t kApart = 3;
      std::vector<std::uint16_t> sums(eights * kApart + 1, 999);
      CountStepsByEight(cells.data(), cells.data() + kStride, least, sums.data(), kApart, size);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        int expected = i % kApart == 0 && i / kApart < eights ? 0 : 999;
        for (std::size_t x = i / kApart * 8; expected != 999 && x < std::min(size, i / kApart * 8 + 8); ++x)
          expected += std::abs(cells[x] - cells[kStride + x]) >= least ? 1 : 0;
        EXPECT_EQ(sums[i], expected) << size << " " << i;
      }
    }
  }
}

TEST_P(CellKernels, SumStepsBetweenNeighbours) {
  constexpr std::size_t kStride = 300, kLines = 60;
  const Bytes cells = Cells(kStride * kStride);
  for (const std::size_t number : {1U, 40U, 96U, 256U}) {
    std::vector<std::size_t> across, down;
    for (std::size_t i = 0; i < number; ++i) {
      across.push_back(i * (kStride - 1) / number);
      down.push_back(across.back() * kStride);
    }
    std::vector<std::uint16_t> rows(kLines), columns(kLines);
    SumStepsOfRows(cells.data(), kStride, across, 40, rows);
    SumStepsOfColumns(cells.data(), down, 40, columns);
    for (std::size_t i = 0; i < kLines; ++i) {
      int row = 0, column = 0;
      for (std::size_t p = 0; p < number; ++p) {
        const std::uint8_t* in_row = cells.data() + i * kStride + across[p];
        const std::uint8_t* in_column = cells.data() + i + down[p];
        row += std::min(std::abs(in_row[0] - in_row[kStride]), 40);
        column += std::min(std::abs(in_column[0] - in_column[1]), 40);
      }
      EXPECT_EQ(rows[i], row);
      EXPECT_EQ(columns[i], column);
    }
  }
}

TEST_P(CellKernels, ExtendTheBestStretches) {
  // A line with steps in the pieces 2 to 5 of 9, and in 7; the lines beside it have none, far ones have
  // everywhere.
  constexpr std::size_t kLines = 40, kBeside = BestStretches::kBeside, kPieces = 9, kLine = 20;
  BestStretches best(kLines);
  std::vector<std::uint16_t> before(kLines + 2 * kBeside), after;
  for (std::size_t piece = 0; piece < kPieces; ++piece) {
    after = before;
    for (std::size_t i = 0; i < after.size(); ++i) {
      const std::size_t line = i - kBeside;
      const bool steps = line == kLine ? (piece >= 2 && piece <= 5) || piece == 7 : i < 8;
      after[i] = static_cast<std::uint16_t>(after[i] + (steps ? 8 : 0));
    }
    ExtendStretches(before.data(), after.data(), static_cast<std::int16_t>(piece), best);
    before = after;
  }
  EXPECT_EQ(best.from[kLine], 2);
  EXPECT_EQ(best.to[kLine], 8);  // the gap costs less than the piece behind it brings
  EXPECT_EQ(best.most[kLine], 5 * (80 - 12) - 12);
  EXPECT_EQ(best.most[0], 0);  // texture
  EXPECT_EQ(best.most[30], 0);
}

TEST_P(CellKernels, FindWhereColumnsEnd) {
  constexpr std::size_t kStride = 80, kRows = 300;
  Bytes cells(kStride * kRows, 10);
  const LevelBand band(12, 5);
  for (std::size_t x = 0; x < kLinesAtOnce; ++x) {
    if (x > 0) cells[(4 * x) * kStride + x] = 50;
  }
  std::vector<int> down(kLinesAtOnce), up(kLinesAtOnce);
  RunsInColumns(cells.data(), kStride, kRows, band, down.data());
  RunsInColumns(cells.data() + (kRows - 1) * kStride, -static_cast<std::ptrdiff_t>(kStride), kRows, band,
                up.data());
  for (std::size_t x = 0; x < kLinesAtOnce; ++x) {
    EXPECT_EQ(down[x], x == 0 ? static_cast<int>(kRows) : static_cast<int>(4 * x));
    EXPECT_EQ(up[x], x == 0 ? static_cast<int>(kRows) : static_cast<int>(kRows - 1 - 4 * x));
  }
}

}  // namespace
}  // namespace tamiz::media
