#include "bench/index/hash_sets.h"

namespace tamiz::index {
namespace {

hash::Hash256 RandomHash(Random& random) {
  hash::Hash256 hash;
  for (auto& word : hash.words) word = random();
  return hash;
}

// A bit repeats the one two before it in its row more often than not.
hash::Hash256 CorrelatedHash(Random& random) {
  hash::Hash256 hash = RandomHash(random);
  for (unsigned row = 0; row < 16; ++row) {
    const double correlation = 0.14 / (1 + row);
    for (unsigned column = 2; column < 16; ++column) {
      if (static_cast<double>(random() >> 11) * 0x1p-53 >= correlation) continue;
      const unsigned to = row * 16 + column;
      const unsigned from = to - 2;
      const std::uint64_t bit = hash.words[from / 64] >> (from % 64) & 1;
      hash.words[to / 64] = (hash.words[to / 64] & ~(std::uint64_t{1} << (to % 64))) | bit << (to % 64);
    }
  }
  return hash;
}

hash::Hash256 Changed(hash::Hash256 hash, std::uint64_t bits, Random& random) {
  for (std::uint64_t i = 0; i < bits; ++i) {
    const auto bit = random() % 256;
    hash.words[bit / 64] ^= std::uint64_t{1} << (bit % 64);
  }
  return hash;
}

}  // namespace

std::vector<hash::Hash256> UniformHashes(std::size_t count, Random& random) {
  std::vector<hash::Hash256> hashes(count);
  for (std::size_t i = 0; i < count; ++i) {
    hashes[i] = i % 10 == 9 ? Changed(hashes[random() % i], random() % 32, random) : RandomHash(random);
  }
  return hashes;
}

std::vector<hash::Hash256> ClusteredHashes(std::size_t count, Random& random) {
  std::vector<hash::Hash256> hashes(count);
  for (std::size_t i = 0; i < count; ++i) {
    // Copying from what is there makes large groups larger.
    hashes[i] = i % 2 == 1 ? Changed(hashes[random() % i], random() % 61, random) : CorrelatedHash(random);
  }
  return hashes;
}

Queries MakeQueries(std::size_t count, const std::vector<hash::Hash256>& hashes, bool clustered,
                    Random& random) {
  Queries queries;
  for (std::size_t i = 0; i < count; ++i) {
    queries.foreign.push_back(clustered ? CorrelatedHash(random) : RandomHash(random));
    if (i % 10 == 0) {
      queries.near.push_back(Changed(hashes[random() % hashes.size()], random() % 32, random));
    }
  }
  return queries;
}

std::vector<hash::Hash256> MakeVideo(std::size_t frames, Random& random) {
  std::vector<hash::Hash256> video = {CorrelatedHash(random)};
  while (video.size() < frames) video.push_back(Changed(video.back(), random() % 7, random));
  return video;
}

}  // namespace tamiz::index
