#include "core/index/hamming_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/index/hash_sets.h"

namespace tamiz::index {
namespace {

using ::tamiz::index::testing::BruteForce;
using ::tamiz::index::testing::ClusteredHashes;
using ::tamiz::index::testing::Neighbour;
using ::tamiz::index::testing::Random;
using ::tamiz::index::testing::RandomHash;
using ::tamiz::index::testing::RandomHashes;

hash::Hash256 AllOnes() {
  hash::Hash256 hash;
  hash.words.fill(~std::uint64_t{0});
  return hash;
}

// Queries near and far from `hashes`: some of them themselves, neighbours at and around the radius,
// strangers.
std::vector<hash::Hash256> QueriesFor(const std::vector<hash::Hash256>& hashes, hash::HammingDistance radius,
                                      Random& random) {
  std::vector<hash::Hash256> queries = {hash::Hash256{}, AllOnes(), RandomHash(random)};
  for (int i = 0; i < 8 && !hashes.empty(); ++i) {
    const auto& base = hashes[random() % hashes.size()];
    queries.push_back(base);
    queries.push_back(Neighbour(base, static_cast<int>(radius), random));
    queries.push_back(Neighbour(base, static_cast<int>(radius) + 1, random));
    queries.push_back(Neighbour(base, static_cast<int>(random() % (radius + 1)), random));
  }
  return queries;
}

void ExpectExact(const std::vector<hash::Hash256>& hashes, const std::vector<hash::Hash256>& queries,
                 hash::HammingDistance radius) {
  const auto index = HammingIndex::Build(hashes);
  ASSERT_EQ(index->size(), hashes.size());
  std::vector<Hit> hits;
  index->FindWithin(queries, radius, hits);
  EXPECT_EQ(hits, BruteForce(hashes, queries, radius)) << hashes.size() << " hashes, radius " << radius;
  for (const Hit& hit : hits) EXPECT_EQ(index->DistanceTo(hit.position, queries[hit.query]), hit.distance);
}

TEST(HammingIndex, EmptyFindsNothing) {
  Random random(1);
  ExpectExact({}, {hash::Hash256{}, RandomHash(random)}, kMaxRadius);
}

TEST(HammingIndex, NoQueriesFindNothing) {
  const auto index = HammingIndex::Build(std::vector<hash::Hash256>(3));
  std::vector<Hit> hits;
  index->FindWithin({}, 31, hits);
  EXPECT_THAT(hits, ::testing::IsEmpty());
}

TEST(HammingIndex, AppendsAfterWhatIsThere) {
  const std::vector<hash::Hash256> hashes(1);
  const auto index = HammingIndex::Build(hashes);
  std::vector<Hit> hits = {{7, 7, 7}};
  index->FindWithin(hashes, 0, hits);
  EXPECT_THAT(hits, ::testing::ElementsAre(Hit{7, 7, 7}, Hit{0, 0, 0}));
}

TEST(HammingIndex, FewHashesAtEveryRadius) {
  Random random(2);
  for (std::size_t count : {1, 2, 3, 7, 8, 9, 17, 64, 65}) {
    const auto hashes = RandomHashes(count, random);
    for (hash::HammingDistance radius = 0; radius <= kMaxRadius; ++radius) {
      ExpectExact(hashes, QueriesFor(hashes, radius, random), radius);
    }
  }
}

TEST(HammingIndex, AllZeroAndAllOne) {
  std::vector<hash::Hash256> hashes(100);
  for (std::size_t i = 0; i < hashes.size(); i += 3) hashes[i] = AllOnes();
  Random random(3);
  for (hash::HammingDistance radius : {0, 1, 31, 32, 64}) {
    ExpectExact(hashes, QueriesFor(hashes, radius, random), radius);
  }
}

TEST(HammingIndex, DuplicatesAreAllFound) {
  Random random(4);
  auto hashes = RandomHashes(500, random);
  for (std::size_t i = 0; i < 1500; ++i) hashes.push_back(hashes[i % 37]);
  for (hash::HammingDistance radius : {0, 15, 31, 48}) {
    ExpectExact(hashes, QueriesFor(hashes, radius, random), radius);
  }
}

TEST(HammingIndex, NeighboursAtEveryDistanceUpToTheBoundary) {
  Random random(5);
  for (hash::HammingDistance radius : {0, 5, 16, 30, 31, 32, 64}) {
    auto hashes = RandomHashes(20000, random);
    const auto query = RandomHash(random);
    // Every distance from 0 to one past the radius, at random positions.
    for (hash::HammingDistance distance = 0; distance <= radius + 1; ++distance) {
      hashes[random() % hashes.size()] = Neighbour(query, static_cast<int>(distance), random);
    }
    ExpectExact(hashes, {query}, radius);
  }
}

}  // namespace
}  // namespace tamiz::index
