#include "core/index/multi_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/index/bit_permutation.h"
#include "core/index/linear_scan.h"
#include "hwy/targets.h"
#include "tests/unit/index/hash_sets.h"

namespace tamiz::index {
namespace {

using ::tamiz::index::testing::BruteForce;
using ::tamiz::index::testing::ClusteredHashes;
using ::tamiz::index::testing::Neighbour;
using ::tamiz::index::testing::Random;
using ::tamiz::index::testing::RandomHash;
using ::tamiz::index::testing::RandomHashes;

std::vector<Hit> Find(const MultiIndex& index, const std::vector<hash::Hash256>& queries,
                      hash::HammingDistance radius) {
  std::vector<Hit> hits;
  index.FindWithin(queries, radius, hits);
  return hits;
}

IndexShape Uniform(std::size_t parts, std::uint8_t width, std::uint8_t flips) {
  return IndexShape(parts, {width, flips});
}

// The shapes in use, and one whose buckets are all too full for their counts.
class MultiIndexShapes : public ::testing::TestWithParam<IndexShape> {};

INSTANTIATE_TEST_SUITE_P(Shapes, MultiIndexShapes,
                         ::testing::Values(ShapeFor(10'000), ShapeFor(500'000), ShapeFor(1'000'000),
                                           ShapeFor(10'000'000), Uniform(32, 8, 0)));

TEST_P(MultiIndexShapes, ReachesRadius31) {
  EXPECT_GE(ReachOf(GetParam()), 31u);
  int bits = 0;
  for (const PartShape& part : GetParam()) bits += part.width;
  EXPECT_EQ(bits, 256);
}

TEST_P(MultiIndexShapes, AgreesWithBruteForceAtEveryRadius) {
  Random random(1);
  auto hashes = ClusteredHashes(3000, 40, 40, random);
  for (const auto& hash : RandomHashes(7000, random)) hashes.push_back(hash);
  for (int i = 0; i < 50; ++i) hashes.push_back(hash::Hash256{});
  for (int i = 0; i < 50; ++i) hashes.push_back(hashes[static_cast<std::size_t>(i) * 100]);
  std::shuffle(hashes.begin(), hashes.end(), random);
  const MultiIndex index(hashes, GetParam(), 2);
  EXPECT_EQ(index.size(), hashes.size());
  for (hash::HammingDistance radius = 0; radius <= kMaxRadius; radius += radius < 34 ? 1 : 10) {
    std::vector<hash::Hash256> queries = {hash::Hash256{}, RandomHash(random)};
    for (int i = 0; i < 6; ++i) {
      const auto& base = hashes[random() % hashes.size()];
      queries.push_back(base);
      queries.push_back(Neighbour(base, static_cast<int>(radius), random));
      queries.push_back(Neighbour(base, static_cast<int>(radius) + 1, random));
    }
    const std::vector<Hit> hits = Find(index, queries, radius);
    EXPECT_EQ(hits, BruteForce(hashes, queries, radius)) << "radius " << radius;
    for (const Hit& hit : hits) EXPECT_EQ(index.DistanceTo(hit.position, queries[hit.query]), hit.distance);
  }
}

// The worst case of the pigeonhole: every part but one has one flip more than is looked under.
TEST_P(MultiIndexShapes, FindsNeighboursThatOnlyOnePartShows) {
  const IndexShape& shape = GetParam();
  // Where the bits of a part come from.
  std::vector<hash::Hash256> source(256);
  for (int bit = 0; bit < 256; ++bit) {
    hash::Hash256 single;
    single.words[bit / 64] = std::uint64_t{1} << (bit % 64);
    const hash::Hash256 shuffled = ShuffleBits(single);
    for (int to = 0; to < 256; ++to) {
      if (shuffled.words[to / 64] >> (to % 64) & 1) source[to] = single;
    }
  }
  Random random(2);
  const auto query = RandomHash(random);
  auto hashes = RandomHashes(5000, random);
  for (std::size_t witness = 0; witness < shape.size(); ++witness) {
    hash::Hash256 neighbour = query;
    int first_bit = 0;
    for (std::size_t p = 0; p < shape.size(); ++p) {
      const int flips = shape[p].flips + (p == witness ? 0 : 1);
      std::vector<int> bits(shape[p].width);
      std::iota(bits.begin(), bits.end(), first_bit);
      std::shuffle(bits.begin(), bits.end(), random);
      for (int f = 0; f < flips; ++f) {
        for (int w = 0; w < 4; ++w) neighbour.words[w] ^= source[bits[f]].words[w];
      }
      first_bit += shape[p].width;
    }
    EXPECT_EQ(hash::Distance(query, neighbour), ReachOf(shape));
    hashes[witness * 7] = neighbour;
  }
  const MultiIndex index(hashes, shape, 1);
  const auto hits = Find(index, {query}, ReachOf(shape));
  EXPECT_THAT(hits, ::testing::SizeIs(shape.size()));
  EXPECT_EQ(hits, BruteForce(hashes, {query}, ReachOf(shape)));
}

TEST_P(MultiIndexShapes, PlantedNeighboursAtEveryDistance) {
  Random random(3);
  auto hashes = RandomHashes(20'000, random);
  std::vector<hash::Hash256> queries = RandomHashes(30, random);
  for (const auto& query : queries) {
    for (int distance = 0; distance <= 32; ++distance) {
      hashes[random() % hashes.size()] = Neighbour(query, distance, random);
    }
  }
  const MultiIndex index(hashes, GetParam(), 2);
  for (hash::HammingDistance radius : {0u, 1u, 7u, 15u, 23u, 30u, 31u, 32u}) {
    const auto expected = BruteForce(hashes, queries, radius);
    EXPECT_GE(expected.size(), queries.size() * radius / 2);
    EXPECT_EQ(Find(index, queries, radius), expected) << "radius " << radius;
  }
}

TEST(MultiIndex, LookAlikesWithoutEndAreAnsweredByAScan) {
  Random random(4);
  // All of them candidates of each other in every part.
  const auto hashes = ClusteredHashes(12'000, 1, 12, random);
  const MultiIndex index(hashes, ShapeFor(10'000), 2);
  const std::vector<hash::Hash256> queries = {hashes[5], RandomHash(random), hashes[6],
                                              Neighbour(hashes[7], 25, random)};
  EXPECT_EQ(Find(index, queries, 31), BruteForce(hashes, queries, 31));
}

TEST(MultiIndex, FewAndEqualHashes) {
  Random random(5);
  for (std::size_t count : {0, 1, 2, 300}) {
    const auto one = RandomHash(random);
    const std::vector<hash::Hash256> hashes(count, one);
    const MultiIndex index(hashes, ShapeFor(10'000), 2);
    const std::vector<hash::Hash256> queries = {Neighbour(one, 31, random), one, Neighbour(one, 32, random)};
    EXPECT_EQ(Find(index, queries, 31), BruteForce(hashes, queries, 31)) << count;
  }
}

TEST(MultiIndex, OneThreadAndManyBuildTheSame) {
  Random random(6);
  const auto hashes = ClusteredHashes(150'000, 30'000, 40, random);
  std::vector<hash::Hash256> queries;
  for (int i = 0; i < 50; ++i) queries.push_back(Neighbour(hashes[random() % hashes.size()], 20, random));
  const MultiIndex one(hashes, ShapeFor(hashes.size()), 1);
  const MultiIndex many(hashes, ShapeFor(hashes.size()), 4);
  const auto hits = Find(one, queries, 31);
  EXPECT_EQ(hits, Find(many, queries, 31));
  EXPECT_EQ(hits, BruteForce(hashes, queries, 31));
}

TEST(MultiIndex, StaysWithinItsMemory) {
  Random random(7);
  const auto hashes = RandomHashes(100'000, random);
  EXPECT_LE(HammingIndex::Build(hashes)->memory_bytes(), 140 * hashes.size());
}

TEST(BitPermutation, KeepsDistancesAndEveryBit) {
  Random random(8);
  hash::Hash256 all;
  for (int bit = 0; bit < 256; ++bit) {
    hash::Hash256 single;
    single.words[bit / 64] = std::uint64_t{1} << (bit % 64);
    const auto shuffled = ShuffleBits(single);
    EXPECT_EQ(hash::Distance(shuffled, hash::Hash256{}), 1u);
    for (int w = 0; w < 4; ++w) all.words[w] |= shuffled.words[w];
  }
  EXPECT_EQ(hash::Distance(all, hash::Hash256{}), 256u);
  for (int i = 0; i < 1000; ++i) {
    const auto a = RandomHash(random);
    const auto b = RandomHash(random);
    EXPECT_EQ(hash::Distance(ShuffleBits(a), ShuffleBits(b)), hash::Distance(a, b));
  }
}

// Twins stand once in the tables and come back each.
TEST(MultiIndexTwins, AreAllFoundAndCounted) {
  Random random(9);
  auto hashes = RandomHashes(3000, random);
  const auto crowd = hashes[5];
  for (int i = 0; i < 2000; ++i) hashes.push_back(crowd);
  for (int i = 0; i < 3; ++i) hashes.push_back(hashes[100]);
  std::shuffle(hashes.begin(), hashes.end(), random);
  const MultiIndex index(hashes, Uniform(16, 16, 1), 2);
  const std::vector<hash::Hash256> queries = {crowd, Neighbour(crowd, 31, random),
                                              Neighbour(crowd, 32, random), RandomHash(random)};
  for (const hash::HammingDistance radius : {0u, 31u, 40u}) {
    EXPECT_EQ(Find(index, queries, radius), BruteForce(hashes, queries, radius)) << radius;
  }
  const auto first =
      static_cast<std::uint32_t>(std::find(hashes.begin(), hashes.end(), crowd) - hashes.begin());
  EXPECT_EQ(index.Crowds(1000), (std::vector<HammingIndex::Crowd>{{first, 2001}}));
  EXPECT_EQ(index.Crowds(4).size(), 2u);
  EXPECT_TRUE(index.Crowds(2002).empty());
}

// A list of one hash very many times is built and searched like any other.
TEST(MultiIndexTwins, HundredsOfThousandsOfThem) {
  Random random(10);
  std::vector<hash::Hash256> hashes(300'000, RandomHash(random));
  for (std::size_t i = 0; i < 1000; ++i) hashes[i * 299] = RandomHash(random);
  const MultiIndex index(hashes, ShapeFor(hashes.size()), 2);
  EXPECT_EQ(Find(index, {hashes[1]}, 31).size(), 299'000u);
  EXPECT_EQ(Find(index, {hashes[299]}, 31).size(), 1u);
  EXPECT_TRUE(Find(index, {RandomHash(random)}, 31).empty());
}

// More queries than go through a part together, near each other and not, agree with single ones.
TEST(MultiIndexBatches, AgreeWithSingleQueries) {
  Random random(11);
  const auto hashes = ClusteredHashes(20'000, 100, 60, random);
  const MultiIndex index(hashes, ShapeFor(1'000'000), 2);
  std::vector<hash::Hash256> queries = {hashes[3]};
  while (queries.size() < 70)
    queries.push_back(Neighbour(queries.back(), static_cast<int>(random() % 9), random));
  std::vector<Hit> expected;
  for (std::uint32_t q = 0; q < queries.size(); ++q) {
    for (Hit hit : Find(index, {queries[q]}, 31)) {
      hit.query = q;
      expected.push_back(hit);
    }
  }
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(Find(index, queries, 31), expected);
}

// Every instruction set that this machine has, not only the best.
TEST(InstructionSets, AllAgree) {
  Random random(12);
  const auto hashes = ClusteredHashes(12'000, 60, 50, random);
  std::vector<hash::Hash256> queries = RandomHashes(5, random);
  for (int i = 0; i < 10; ++i) queries.push_back(Neighbour(hashes[random() % hashes.size()], i * 3, random));
  const auto expected = BruteForce(hashes, queries, 31);
  const auto wide = BruteForce(hashes, queries, 64);
  std::set<std::string> names;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    names.insert(ScanTargetName());
    const MultiIndex index(hashes, ShapeFor(1'000'000), 1);
    EXPECT_EQ(Find(index, queries, 31), expected) << ScanTargetName();
    EXPECT_EQ(Find(index, queries, 64), wide) << ScanTargetName();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  EXPECT_FALSE(names.empty());
}

}  // namespace
}  // namespace tamiz::index
