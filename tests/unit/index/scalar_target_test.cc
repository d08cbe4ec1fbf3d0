#include <gtest/gtest.h>

#include "core/index/linear_scan.h"
#include "core/index/multi_index.h"
#include "tests/unit/index/hash_sets.h"

namespace tamiz::index {
namespace {

TEST(ScalarTarget, IsTheOneInUseAndAgreesWithBruteForce) {
  EXPECT_STREQ(ScanTargetName(), "SCALAR");
  testing::Random random(1);
  const auto hashes = testing::ClusteredHashes(9000, 50, 50, random);
  std::vector<hash::Hash256> queries = testing::RandomHashes(4, random);
  for (int i = 0; i < 8; ++i)
    queries.push_back(testing::Neighbour(hashes[random() % hashes.size()], i * 4, random));
  const MultiIndex index(hashes, ShapeFor(1'000'000), 1);
  for (const hash::HammingDistance radius : {0u, 31u, 64u}) {
    std::vector<Hit> hits;
    index.FindWithin(queries, radius, hits);
    EXPECT_EQ(hits, testing::BruteForce(hashes, queries, radius));
  }
}

}  // namespace
}  // namespace tamiz::index
