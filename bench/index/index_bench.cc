// Time, memory and build time of the Hamming index, beside an exhaustive SIMD scan of the same hashes and the
// exact indexes of Faiss where they are installed. Prints tables in Markdown.
//
//   index_bench [--radius R] [--threads T] [--queries Q] [--shape 8x22f2,4x20f1] [--set uniform|clustered]
//               [--faiss] [--flow] [--digests] [SIZE…]
//
// Sizes default to 100000 1000000; both sets are measured unless one is named. --faiss builds Faiss's too,
// which takes much longer and far more memory. --flow generates the hashes while the index is built, for
// sizes whose hashes do not fit beside it. --digests measures DigestIndex. Not google-benchmark: what counts
// here is the distribution over queries, and one build takes seconds.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/index/faiss_index.h"
#include "bench/index/hash_sets.h"
#include "core/index/digest_index.h"
#include "core/index/hamming_index.h"
#include "core/index/linear_scan.h"
#include "core/index/multi_index.h"
#include "fmt/format.h"

namespace tamiz::index {
namespace {

// Processor time of this thread, so that what else runs on the machine counts less. Reading it takes about
// 0.3 us.
double NowMicroseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

class WallTimer {
 public:
  [[nodiscard]] double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

struct Spread {
  double median = 0;
  double p99 = 0;
};

// Microseconds a call, each with `batch` queries.
Spread Measure(const std::vector<hash::Hash256>& queries, std::size_t batch,
               const std::function<void(std::span<const hash::Hash256>)>& find) {
  std::vector<double> times;
  for (std::size_t begin = 0; begin + batch <= queries.size(); begin += batch) {
    const double start = NowMicroseconds();
    find(std::span(queries).subspan(begin, batch));
    times.push_back(NowMicroseconds() - start);
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
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
  std::size_t queries = 2000;
  IndexShape shape;
  std::string_view set;
  bool faiss = false;
  bool flow = false;
  bool digests = false;
  std::vector<std::size_t> sizes;
};

void Row(std::string_view set, std::size_t size, std::string_view what, Spread one, double near, double eight,
         double video, double bytes, double build, std::string_view ratio, std::string_view recall) {
  const auto cell = [](double value, int digits) {
    return value < 0 ? std::string("-") : fmt::format("{:.{}f}", value, digits);
  };
  fmt::print("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", set, size, what,
             cell(one.median, 1), cell(one.p99, 1), cell(near, 1), cell(eight, 1), cell(video, 1),
             cell(bytes, 1), cell(build, 1), ratio, recall);
  std::fflush(stdout);
}

void Run(std::size_t size, bool clustered, const Options& options) {
  const std::string_view set = clustered ? "clustered" : "uniform";
  Random random(size);
  const auto hashes = clustered ? ClusteredHashes(size, random) : UniformHashes(size, random);
  const Queries queries = MakeQueries(options.queries, hashes, clustered, random);
  std::vector<hash::Hash256> frames;
  for (int i = 0; i < 8; ++i) {
    const auto video = MakeVideo(60, random);
    frames.insert(frames.end(), video.begin(), video.end());
  }

  const double before = ResidentBytes();
  const WallTimer timer;
  const std::shared_ptr<const HammingIndex> index =
      options.shape.empty() ? HammingIndex::Build(hashes)
                            : std::make_shared<const MultiIndex>(hashes, options.shape, options.threads);
  const double build = timer.Seconds();
  const double resident = ResidentBytes() - before;
  std::vector<Hit> hits;
  const auto find = [&](std::span<const hash::Hash256> some) {
    hits.clear();
    index->FindWithin(some, options.radius, hits);
  };
  const Spread one = Measure(queries.foreign, 1, find);
  const Spread near = Measure(queries.near, 1, find);
  const Spread eight = Measure(queries.foreign, 8, find);
  const Spread video = Measure(frames, 60, find);

  SplitHashes plain(size);
  for (std::size_t i = 0; i < size; ++i) plain.Set(i, hashes[i]);
  std::vector<Hit> scanned;
  const auto scan = [&](std::span<const hash::Hash256> some) {
    scanned.clear();
    ScanWithin(plain, some, options.radius, 0, scanned);
  };
  // Every hit of a scan is one of the index.
  std::vector<hash::Hash256> few(queries.near.begin(), queries.near.begin() + 24);
  std::size_t found = 0;
  std::size_t wanted = 0;
  for (const hash::Hash256& query : few) {
    find({&query, 1});
    scan({&query, 1});
    wanted += scanned.size();
    for (const Hit& hit : scanned) found += std::find(hits.begin(), hits.end(), hit) != hits.end() ? 1 : 0;
  }
  const std::vector<hash::Hash256> others(queries.foreign.begin(), queries.foreign.begin() + 48);
  const Spread scan_one = Measure(others, 1, scan);
  const Spread scan_eight = Measure(others, 8, scan);

  Row(set, size, "Tamiz", one, near.median, eight.median, video.median / 60,
      std::max(static_cast<double>(index->memory_bytes()), resident) / static_cast<double>(size), build, "1",
      fmt::format("{} of {}", found, wanted));
  const auto ratio = [&](double median) { return fmt::format("{:.0f}", median / one.median); };
  Row(set, size, fmt::format("SIMD scan ({})", ScanTargetName()), scan_one, -1, scan_eight.median, -1, 32, -1,
      ratio(scan_one.median), "all");
  if (!options.faiss) return;
  struct Shape {
    int parts, bits, flips;
  };
  for (const Shape shape : {Shape{16, 16, 1}, Shape{11, 23, 2}}) {
    const double resident_before = ResidentBytes();
    const WallTimer faiss_timer;
    const auto faiss = MakeFaissMultiHash(hashes, shape.parts, shape.bits, shape.flips);
    if (faiss == nullptr) {
      fmt::print(stderr, "built without Faiss: install libfaiss-dev and configure again\n");
      return;
    }
    const double faiss_build = faiss_timer.Seconds();
    const double bytes = (ResidentBytes() - resident_before) / static_cast<double>(size);
    std::size_t count = 0;
    for (const hash::Hash256& query : few) count += faiss->Count(query, static_cast<int>(options.radius));
    const std::vector<hash::Hash256> some(queries.foreign.begin(), queries.foreign.begin() + 200);
    const Spread faiss_one = Measure(some, 1, [&](std::span<const hash::Hash256> query) {
      faiss->Count(query[0], static_cast<int>(options.radius));
    });
    Row(set, size, fmt::format("Faiss MultiHash {}x{}, {} flips", shape.parts, shape.bits, shape.flips),
        faiss_one, -1, -1, -1, bytes, faiss_build, ratio(faiss_one.median),
        fmt::format("{} of {}", count, wanted));
  }
}

// SplitMix64 of the position: any hash at any time, without keeping them.
hash::Hash256 HashAt(std::size_t position) {
  hash::Hash256 hash;
  std::uint64_t state = position * 4;
  for (auto& word : hash.words) {
    std::uint64_t z = (state += 0x9e37'79b9'7f4a'7c15) * 0xd134'2543'de82'ef95;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    word = z ^ (z >> 31);
    state += 0x632b'e59b'd9b4'e019;
  }
  return hash;
}

void RunFlow(std::size_t size, const Options& options) {
  const double before = ResidentBytes();
  const WallTimer timer;
  const MultiIndex index(size, HashAt, options.shape.empty() ? ShapeFor(size) : options.shape,
                         options.threads);
  const double build = timer.Seconds();
  const double resident = ResidentBytes() - before;
  Random random(size);
  std::vector<hash::Hash256> foreign;
  std::vector<hash::Hash256> near;
  std::vector<std::uint32_t> origins;
  for (std::size_t i = 0; i < options.queries; ++i) {
    foreign.push_back({{random(), random(), random(), random()}});
    if (i % 10 != 0) continue;
    origins.push_back(static_cast<std::uint32_t>(random() % size));
    near.push_back(HashAt(origins.back()));
    for (std::uint64_t flips = random() % 32; flips > 0; --flips) {
      near.back().words[random() % 4] ^= std::uint64_t{1} << (random() % 64);
    }
  }
  std::vector<Hit> hits;
  const auto find = [&](std::span<const hash::Hash256> some) {
    hits.clear();
    index.FindWithin(some, options.radius, hits);
  };
  const Spread one = Measure(foreign, 1, find);
  const Spread eight = Measure(foreign, 8, find);
  std::size_t found = 0;
  std::size_t next = 0;
  const Spread near_spread = Measure(near, 1, [&](std::span<const hash::Hash256> some) {
    find(some);
    const std::uint32_t origin = origins[next++];
    found +=
        std::any_of(hits.begin(), hits.end(), [&](const Hit& hit) { return hit.position == origin; }) ? 1 : 0;
  });
  Row("uniform", size, "Tamiz", one, near_spread.median, eight.median, -1,
      resident / static_cast<double>(size), build, "1", fmt::format("{} of {}", found, near.size()));
}

void RunDigests(std::size_t size, const Options& options) {
  Random random(size);
  DigestIndexBuilder builder;
  std::vector<std::array<std::uint8_t, 32>> known;
  const WallTimer timer;
  for (std::size_t i = 0; i < size; ++i) {
    const hash::Hash256 hash{{random(), random(), random(), random()}};
    builder.Add(3, hash.ToBytes(), static_cast<std::uint32_t>(i));
    if (i % (size / options.queries + 1) == 0) known.push_back(hash.ToBytes());
  }
  const DigestIndex index = builder.Finish();
  const double build = timer.Seconds();
  const auto nanoseconds = [&](bool of_known) {
    std::size_t found = 0;
    std::shuffle(known.begin(), known.end(), random);
    std::vector<std::array<std::uint8_t, 32>> queries = known;
    if (!of_known) {
      for (auto& query : queries) query = hash::Hash256{{random(), random(), random(), random()}}.ToBytes();
    }
    const double start = NowMicroseconds();
    for (const auto& query : queries) found += index.Find(3, query).size();
    return std::pair((NowMicroseconds() - start) * 1e3 / static_cast<double>(queries.size()), found);
  };
  const auto [hit_time, hit_count] = nanoseconds(true);
  const auto [miss_time, miss_count] = nanoseconds(false);
  fmt::print("| {} SHA-256 | {:.0f} ns known | {:.0f} ns unknown | {:.1f} B | {:.1f} s | {} of {}, {} |\n",
             size, hit_time, miss_time, static_cast<double>(index.memory_bytes()) / static_cast<double>(size),
             build, hit_count, known.size(), miss_count);
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
      options.queries = std::max<std::size_t>(400, number(argv[++i]));
    } else if (arg == "--shape" && i + 1 < argc) {
      options.shape = ParseShape(argv[++i]);
    } else if (arg == "--set" && i + 1 < argc) {
      options.set = argv[++i];
    } else if (arg == "--faiss") {
      options.faiss = true;
    } else if (arg == "--flow") {
      options.flow = true;
    } else if (arg == "--digests") {
      options.digests = true;
    } else if (const std::size_t size = number(argv[i]); size > 0) {
      options.sizes.push_back(size);
    } else {
      fmt::print(stderr,
                 "usage: index_bench [--radius R] [--threads T] [--queries Q] [--shape 8x22f2,…] "
                 "[--set uniform|clustered] [--faiss] [--flow] [--digests] [SIZE…]\n");
      return 2;
    }
  }
  if (options.sizes.empty()) options.sizes = {100'000, 1'000'000};
  if (options.digests) {
    for (const std::size_t size : options.sizes) RunDigests(size, options);
    return 0;
  }
  fmt::print(
      "Radius {}, one thread, microseconds of processor time. near: queries that match; 8: eight queries in "
      "one "
      "call; frame: one of a video's 60 in one call.\n\n",
      options.radius);
  fmt::print(
      "| set | hashes | index | median | p99 | near | 8 | frame | B/hash | build s | ratio | found |\n");
  fmt::print("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const std::size_t size : options.sizes) {
    if (options.flow) {
      RunFlow(size, options);
      continue;
    }
    if (options.set != "clustered") Run(size, false, options);
    if (options.set != "uniform") Run(size, true, options);
  }
  return 0;
}

}  // namespace
}  // namespace tamiz::index

int main(int argc, char** argv) { return tamiz::index::Main(argc, argv); }
