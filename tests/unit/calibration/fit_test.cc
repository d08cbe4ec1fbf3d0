#include "core/calibration/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tamiz::calibration {
namespace {

using ::testing::HasSubstr;

double Uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) / 9007199254740992.0; }

// Uploads drawn from a known truth: copies lie around 20 bits, strangers' distances grow by a factor of
// e^0.5 a bit up to 64, more of them the longer the list.
std::vector<LabelledPair> Drawn(std::uint64_t seed, int uploads) {
  std::mt19937_64 random(seed);
  std::vector<LabelledPair> pairs;
  for (int i = 0; i < uploads; ++i) {
    LabelledPair pair;
    pair.upload = static_cast<std::uint64_t>(i);
    pair.source = static_cast<std::uint64_t>(i / 4);
    pair.upload_known = i % 2 == 0;
    pair.evidence.list_hashes = i % 4 < 2 ? 100'000 : 1'000'000;
    pair.evidence.queries = 16;
    if (pair.upload_known) {
      pair.same = true;
      pair.evidence.distance = static_cast<std::uint32_t>(-14 * std::log(1 - Uniform(random)));
      pair.found = pair.evidence.distance <= 64;
    } else {
      const double expected = pair.evidence.list_hashes == 100'000 ? 0.2 : 2;
      pair.found = Uniform(random) < 1 - std::exp(-expected);
      const double bits = -2 * std::log(1 - Uniform(random));
      pair.evidence.distance = bits > 64 ? 0 : static_cast<std::uint32_t>(64 - bits);
    }
    pairs.push_back(pair);
  }
  return pairs;
}

FitOptions Named(double base_rate) {
  FitOptions options;
  options.name = "test";
  options.date = "2026-11-25";
  options.data = "drawn";
  options.base_rate = base_rate;
  return options;
}

TEST(Fit, IsCalibratedOnSourcesThatItDidNotSee) {
  const auto pairs = Drawn(1, 16'000);
  const auto calibration = Fit(pairs, Named(0.01));
  ASSERT_TRUE(calibration.ok()) << Message(calibration.status());
  EXPECT_LE(calibration->expected_calibration_error, 0.02);
  EXPECT_GT(calibration->pairs_same, 2000u);
  EXPECT_GT(calibration->pairs_different, 2000u);
  // Drawn anew from the same truth.
  EXPECT_LE(Measure(*calibration, Drawn(2, 16'000), 0.01).expected_error, 0.02);
  EXPECT_LE(Measure(*calibration, Drawn(2, 16'000), 0.5).expected_error, 0.02);
}

TEST(Fit, TellsAMiscalibratedOne) {
  const auto pairs = Drawn(1, 16'000);
  auto calibration = Fit(pairs, Named(0.5));
  ASSERT_TRUE(calibration.ok());
  calibration->intercept += 2;
  EXPECT_GT(Measure(*calibration, pairs, 0.5).expected_error, 0.02);
}

TEST(Fit, WeightsAreNeverNegative) {
  // Labels that would want worse evidence to count for more.
  auto pairs = Drawn(1, 8'000);
  for (LabelledPair& pair : pairs) {
    pair.evidence.quality_query = pair.same ? 50 : 100;
    pair.evidence.turned = pair.same;
    pair.evidence.corroborating = pair.same ? 1 : 9;
  }
  const auto calibration = Fit(pairs, Named(0.01));
  ASSERT_TRUE(calibration.ok());
  for (std::size_t i = 0; i < kFeatures; ++i) EXPECT_GE(calibration->weights[i], 0) << i;
  EXPECT_EQ(calibration->weights[static_cast<std::size_t>(Feature::kTurned)], 0);
}

TEST(Fit, ARarerCopyIsLessProbable) {
  const auto pairs = Drawn(1, 8'000);
  const auto often = Fit(pairs, Named(0.1)), rarely = Fit(pairs, Named(0.0001));
  ASSERT_TRUE(often.ok() && rarely.ok());
  Evidence evidence;
  evidence.distance = 58;
  evidence.list_hashes = 1'000'000;
  evidence.queries = 16;
  EXPECT_GT(often->Probability(evidence), 2 * rarely->Probability(evidence));
}

TEST(Fit, SaysWhatIsMissing) {
  EXPECT_THAT(Message(Fit({}, Named(0.01)).status()), HasSubstr("at least 4"));
  auto pairs = Drawn(1, 100);
  EXPECT_THAT(Message(Fit(pairs, Named(0.01)).status()), HasSubstr("at least 50"));
  std::erase_if(pairs, [](const LabelledPair& pair) { return !pair.upload_known; });
  EXPECT_THAT(Message(Fit(pairs, Named(0.01)).status()), HasSubstr("known"));
}

TEST(PairsCsv, ComesBackAsItWas) {
  LabelledPair pair;
  pair.evidence = {17, 90, 80, true, Look::kRegion, 3, 1000, 64};
  pair.same = pair.upload_known = true;
  pair.upload = 12;
  pair.source = 3;
  LabelledPair nothing = pair;
  nothing.found = false;
  const auto pairs = ReadPairs(PairsHeader() + PairRow(pair) + PairRow(nothing));
  ASSERT_TRUE(pairs.ok()) << Message(pairs.status());
  ASSERT_EQ(pairs->size(), 2u);
  EXPECT_EQ((*pairs)[0].evidence, pair.evidence);
  EXPECT_TRUE((*pairs)[0].same && (*pairs)[0].upload_known && (*pairs)[0].found);
  EXPECT_EQ((*pairs)[0].upload, 12u);
  EXPECT_EQ((*pairs)[0].source, 3u);
  EXPECT_FALSE((*pairs)[1].found);
}

TEST(PairsCsv, FaultsNameTheLine) {
  EXPECT_THAT(Message(ReadPairs("upload,source\n").status()), HasSubstr("\"known\" is missing"));
  EXPECT_THAT(Message(ReadPairs(PairsHeader() + "1,1,2,1,3,50,50,0,whole,1,1,8\n").status()),
              HasSubstr("line 2: known is not 0 or 1"));
  EXPECT_THAT(Message(ReadPairs(PairsHeader() + "1,1,1,1,3,50,50,0,half,1,1,8\n").status()),
              HasSubstr("line 2: look is not"));
  EXPECT_THAT(Message(ReadPairs(PairsHeader() + "1,1\n").status()), HasSubstr("line 2 has 2 fields"));
  EXPECT_THAT(Message(ReadPairs(PairsHeader()).status()), HasSubstr("no pairs"));
}

TEST(UnrelatedTail, IsMeasuredWhereThereAreEnoughAndNeverFalls) {
  std::vector<std::uint64_t> by_distance(65, 0);
  for (int d = 50; d <= 64; ++d) by_distance[static_cast<std::size_t>(d)] = std::uint64_t{1} << (d - 48);
  const UnrelatedTail tail = TailOf(by_distance, 1e9);
  EXPECT_EQ(tail.measured_from, 51u);  // 4 + 8 pairs
  EXPECT_NEAR(tail.log10_share[51], std::log10(12e-9), 1e-9);
  EXPECT_LT(tail.log10_share[31], -11);
  EXPECT_GT(tail.log10_share[31], -17);
  for (std::size_t d = 1; d < UnrelatedTail::kBits; ++d) {
    EXPECT_GE(tail.log10_share[d], tail.log10_share[d - 1]);
  }
  // A single pair far below the rest is not argued away.
  by_distance[20] = 1;
  EXPECT_GE(TailOf(by_distance, 1e9).log10_share[20], -9.0);
}

// Pairs at even distances, as PDQ's are, whose number grows by a tenth of a decade a bit.
std::vector<std::uint64_t> StraightTail(double within_64) {
  std::vector<std::uint64_t> by_distance(65, 0);
  double before = 0;
  for (std::size_t d = 0; d <= 64; d += 2) {
    const double within = std::floor(within_64 * std::pow(10, -0.1 * static_cast<double>(64 - d)));
    by_distance[d] = static_cast<std::uint64_t>(within - before);
    before = within;
  }
  return by_distance;
}

TEST(UnrelatedTail, TheLineLiesAboveAStraightTailAndTheNearerTheMorePairsThereAre) {
  double above = 100;
  for (const double within_64 : {1e2, 1e3, 1e5, 1e6}) {
    const UnrelatedTail tail = TailOf(StraightTail(within_64), within_64 * 1e6);
    ASSERT_GT(tail.measured_from, 12u);
    const double now = tail.log10_share[12] - (-6 - 0.1 * (64 - 12));
    EXPECT_GT(now, 0) << within_64;
    EXPECT_LT(now, above) << within_64;
    above = now;
  }
  EXPECT_LT(above, 1);
}

TEST(UnrelatedTail, AFewPairsNearerByChanceDoNotTurnTheLine) {
  std::vector<std::uint64_t> by_distance = StraightTail(2000);
  const UnrelatedTail before = TailOf(by_distance, 1e12);
  by_distance[36] += 3;  // three of one upload, where two in all were to be expected
  const UnrelatedTail after = TailOf(by_distance, 1e12);
  EXPECT_GE(after.log10_share[20], before.log10_share[20]);
  EXPECT_LT(after.log10_share[20], before.log10_share[20] + 0.3);
}

}  // namespace
}  // namespace tamiz::calibration
