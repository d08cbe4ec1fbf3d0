// PDQ against the plain algorithm, and digests, one thread:
//   hash_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "bench/hash/plain_pdq.h"
#include "core/hash/digests.h"
#include "core/hash/pdq_hasher.h"

namespace tamiz::hash {
namespace {

std::vector<std::uint8_t> Noise(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

struct Subject {
  explicit Subject(const benchmark::State& state)
      : width(static_cast<std::uint32_t>(state.range(0))),
        height(static_cast<std::uint32_t>(state.range(1))),
        pixels(Noise(std::size_t{width} * height)) {}
  [[nodiscard]] media::LumaView View() const { return {pixels.data(), width, height, width}; }

  std::uint32_t width;
  std::uint32_t height;
  std::vector<std::uint8_t> pixels;
};

void Sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"width", "height"})->Unit(benchmark::kMicrosecond);
  for (const auto& [width, height] :
       {std::pair{64, 64}, {512, 512}, {1920, 1080}, {3840, 2160}, {4000, 3000}}) {
    bench->Args({width, height});
  }
}

void BM_PdqPlain(benchmark::State& state) {
  const Subject subject(state);
  bench::PlainPlanes planes;
  for (auto _ : state) benchmark::DoNotOptimize(bench::ComputePlainPdq(subject.View(), planes).quality);
}
BENCHMARK(BM_PdqPlain)->Apply(Sizes);

void BM_Pdq(benchmark::State& state) {
  const Subject subject(state);
  PdqHasher hasher;
  for (auto _ : state) benchmark::DoNotOptimize(hasher.Hash(subject.View()));
}
BENCHMARK(BM_Pdq)->Apply(Sizes);

void BM_PdqOrientations(benchmark::State& state) {
  const Subject subject(state);
  PdqHasher hasher;
  for (auto _ : state) benchmark::DoNotOptimize(hasher.HashOrientations(subject.View()));
}
BENCHMARK(BM_PdqOrientations)->Apply(Sizes);

void BM_Digests(benchmark::State& state) {
  const std::vector<std::uint8_t> bytes = Noise(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(DigestsOf(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Digests)->ArgName("bytes")->Arg(64 << 10)->Arg(16 << 20);

void BM_Sha256(benchmark::State& state) {
  const std::vector<std::uint8_t> bytes = Noise(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Sha256(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Sha256)->ArgName("bytes")->Arg(16 << 20);

}  // namespace
}  // namespace tamiz::hash

BENCHMARK_MAIN();
