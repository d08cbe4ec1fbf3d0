#include "core/index/linear_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/index/multi_index.h"
#include "hwy/targets.h"
#include "tests/unit/index/hash_sets.h"

namespace tamiz::index {
namespace {

using ::tamiz::index::testing::BruteForce;
using ::tamiz::index::testing::ClusteredHashes;
using ::tamiz::index::testing::Neighbour;
using ::tamiz::index::testing::Random;
using ::tamiz::index::testing::RandomHashes;

SplitHashes Split(const std::vector<hash::Hash256>& hashes) {
  SplitHashes split(hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) split.Set(i, hashes[i]);
  return split;
}

// Every instruction set that this machine has, the one without SIMD included.
class EachTarget : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

std::vector<std::int64_t> TargetsHere() {
  std::vector<std::int64_t> targets;
  for (std::int64_t bits = hwy::SupportedTargets(); bits != 0; bits &= bits - 1)
    targets.push_back(bits & -bits);
  return targets;
}

INSTANTIATE_TEST_SUITE_P(Targets, EachTarget, ::testing::ValuesIn(TargetsHere()),
                         [](const auto& test) { return std::string(hwy::TargetName(test.param)); });

TEST_P(EachTarget, ScanAgreesWithTheScalarOne) {
  if (GetParam() != HWY_EMU128 && GetParam() != HWY_SCALAR) {  // of these two only one is compiled
    EXPECT_STREQ(ScanTargetName(), hwy::TargetName(GetParam()));
  }
  Random random(1);
  for (std::size_t count : {0, 1, 2, 3, 5, 8, 15, 16, 17, 100, 2047, 2048, 2049, 5000}) {
    const auto hashes = ClusteredHashes(count, 1 + count / 50, 60, random);
    const auto split = Split(hashes);
    auto queries = RandomHashes(2, random);
    for (int i = 0; i < 5 && count > 0; ++i) {
      queries.push_back(Neighbour(hashes[random() % count], static_cast<int>(random() % 40), random));
    }
    for (hash::HammingDistance radius : {0u, 1u, 31u, 32u, 64u, 128u, 256u}) {
      std::vector<Hit> simd;
      std::vector<Hit> scalar;
      ScanWithin(split, queries, radius, 3, simd);
      ScanWithinScalar(split, queries, radius, 3, scalar);
      EXPECT_EQ(simd, scalar) << ScanTargetName() << ", " << count << " hashes, radius " << radius;
    }
  }
}

TEST_P(EachTarget, IndexAgreesWithBruteForce) {
  Random random(2);
  const auto hashes = ClusteredHashes(6000, 2000, 40, random);
  const MultiIndex index(hashes, ShapeFor(hashes.size()), 1);
  std::vector<hash::Hash256> queries;
  for (int i = 0; i < 20; ++i) queries.push_back(Neighbour(hashes[random() % hashes.size()], 10, random));
  for (hash::HammingDistance radius : {0u, 20u, 31u, 50u}) {
    std::vector<Hit> hits;
    index.FindWithin(queries, radius, hits);
    EXPECT_EQ(hits, BruteForce(hashes, queries, radius)) << ScanTargetName();
  }
}

TEST(LinearScan, ScalarAgreesWithTheDefinition) {
  Random random(3);
  const auto hashes = ClusteredHashes(500, 10, 60, random);
  std::vector<Hit> hits;
  ScanWithinScalar(Split(hashes), hashes, 31, 0, hits);
  auto expected = BruteForce(hashes, hashes, 31);
  std::stable_sort(expected.begin(), expected.end(), [](const Hit& a, const Hit& b) {
    return std::tie(a.query, a.position) < std::tie(b.query, b.position);
  });
  EXPECT_EQ(hits, expected);
}

}  // namespace
}  // namespace tamiz::index
