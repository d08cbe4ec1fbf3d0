// Time, memory and build time of the Hamming index against an exhaustive SIMD scan of the same hashes.
//
//   index_bench [--radius R] [--threads T] [--queries Q] [--shape 8x22f2,4x20f1] [SIZE…]
//
// Sizes default to 100000 1000000. Nine of ten hashes are random, one of ten is a near-duplicate of another
// (0 to 31 bits changed); nine of ten queries match nothing, one of ten lies within 31 bits of a hash. Not
// google-benchmark: what counts here is the distribution over queries, and one build takes seconds.
#include <time.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <numeric>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

#include "core/index/hamming_index.h"
#include "core/index/linear_scan.h"
#include "core/index/multi_index.h"
#include "fmt/format.h"

namespace tamiz::index {
namespace {

using Random = std::mt19937_64;

hash::Hash256 RandomHash(Random& random) {
  hash::Hash256 hash;
  for (auto& word : hash.words) word = random();
  return hash;
}

hash::Hash256 Changed(hash::Hash256 hash, int bits, Random& random) {
  for (int i = 0; i < bits; ++i) {
    const auto bit = random() % 256;
    hash.words[bit / 64] ^= std::uint64_t{1} << (bit % 64);
  }
  return hash;
}

std::vector<hash::Hash256> MakeHashes(std::size_t count, Random& random) {
  std::vector<hash::Hash256> hashes(count);
  for (std::size_t i = 0; i < count; ++i) {
    hashes[i] = i % 10 == 9 ? Changed(hashes[random() % i], static_cast<int>(random() % 32), random)
                            : RandomHash(random);
  }
  return hashes;
}

std::vector<hash::Hash256> MakeQueries(std::size_t count, const std::vector<hash::Hash256>& hashes,
                                       Random& random) {
  std::vector<hash::Hash256> queries(count);
  for (std::size_t i = 0; i < count; ++i) {
    queries[i] = i % 10 == 9
                     ? Changed(hashes[random() % hashes.size()], static_cast<int>(random() % 32), random)
                     : RandomHash(random);
  }
  return queries;
}

struct Spread {
  double best = 0;
  double median = 0;
  double p99 = 0;
};

// Processor time of this thread, so that what else runs on the machine counts less. Reading it takes about
// 0.3 us.
double NowMicroseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// Microseconds a query, over batches of `batch` queries each.
template <typename Find>
Spread Measure(const std::vector<hash::Hash256>& queries, std::size_t batch, const Find& find) {
  std::vector<double> times;
  std::vector<Hit> hits;
  for (std::size_t begin = 0; begin + batch <= queries.size(); begin += batch) {
    hits.clear();
    const double start = NowMicroseconds();
    find(std::span(queries).subspan(begin, batch), hits);
    times.push_back((NowMicroseconds() - start) / static_cast<double>(batch));
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 100], times[times.size() / 2], times[times.size() * 99 / 100]};
}

IndexShape ParseShape(std::string_view text) {
  IndexShape shape;
  while (!text.empty()) {
    int count = 0;
    int width = 0;
    int flips = 0;
    const char* p = std::from_chars(text.data(), text.data() + text.size(), count).ptr + 1;
    p = std::from_chars(p, text.data() + text.size(), width).ptr + 1;
    p = std::from_chars(p, text.data() + text.size(), flips).ptr;
    shape.insert(shape.end(), static_cast<std::size_t>(count),
                 {static_cast<std::uint8_t>(width), static_cast<std::uint8_t>(flips)});
    text.remove_prefix(std::min<std::size_t>(static_cast<std::size_t>(p - text.data()) + 1, text.size()));
  }
  return shape;
}

struct Options {
  hash::HammingDistance radius = 31;
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  std::size_t queries = 4000;
  IndexShape shape;
  std::vector<std::size_t> sizes;
};

void Run(std::size_t size, const Options& options) {
  Random random(size);
  const auto hashes = MakeHashes(size, random);
  const auto queries = MakeQueries(options.queries, hashes, random);

  const auto start = std::chrono::steady_clock::now();
  const std::shared_ptr<const HammingIndex> index =
      options.shape.empty() ? HammingIndex::Build(hashes)
                            : std::make_shared<const MultiIndex>(hashes, options.shape, options.threads);
  const double build_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  SplitHashes plain(size);
  for (std::size_t i = 0; i < size; ++i) plain.Set(i, hashes[i]);
  const std::vector<hash::Hash256> few(queries.begin(), queries.begin() + 48);

  const auto find = [&](auto batch, auto& hits) { index->FindWithin(batch, options.radius, hits); };
  const auto scan = [&](auto batch, auto& hits) { ScanWithin(plain, batch, options.radius, 0, hits); };
  const Spread one = Measure(queries, 1, find);
  const Spread eight = Measure(queries, 8, find);
  const Spread many = Measure(queries, 250, find);
  const Spread scan_one = Measure(few, 1, scan);
  const Spread scan_eight = Measure(few, 8, scan);
  fmt::print(
      "{:>10}  {:8.2f} {:8.2f} {:8.2f}  {:8.2f}  {:8.2f}  {:10.1f} {:10.1f}  {:6.0f}x  {:7.1f}  {:8.2f}\n",
      size, one.best, one.median, one.p99, eight.median, many.median, scan_one.median, scan_eight.median,
      scan_one.median / one.median, static_cast<double>(index->memory_bytes()) / static_cast<double>(size),
      build_seconds);
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const auto number = [&](const char* text) {
      std::size_t value = 0;
      std::from_chars(text, text + std::strlen(text), value);
      return value;
    };
    if (arg == "--radius" && i + 1 < argc) {
      options.radius = static_cast<hash::HammingDistance>(number(argv[++i]));
    } else if (arg == "--threads" && i + 1 < argc) {
      options.threads = static_cast<unsigned>(number(argv[++i]));
    } else if (arg == "--queries" && i + 1 < argc) {
      options.queries = std::max<std::size_t>(500, number(argv[++i]));
    } else if (arg == "--shape" && i + 1 < argc) {
      options.shape = ParseShape(argv[++i]);
    } else if (const std::size_t size = number(argv[i]); size > 0) {
      options.sizes.push_back(size);
    } else {
      fmt::print(stderr,
                 "usage: index_bench [--radius R] [--threads T] [--queries Q] [--shape 8x22f2,…] [SIZE…]\n");
      return 2;
    }
  }
  if (options.sizes.empty()) options.sizes = {100'000, 1'000'000};
  fmt::print("radius {}, scan with {}, microseconds of processor time a query\n", options.radius,
             ScanTargetName());
  fmt::print("{:>10}  {:>8} {:>8} {:>8}  {:>8}  {:>8}  {:>10} {:>10}  {:>7}  {:>7}  {:>8}\n", "hashes",
             "best", "median", "p99", "of 8", "of 250", "scan", "scan of 8", "faster", "B/hash", "build s");
  for (const std::size_t size : options.sizes) Run(size, options);
  return 0;
}

}  // namespace
}  // namespace tamiz::index

int main(int argc, char** argv) { return tamiz::index::Main(argc, argv); }
