// PDQ against the plain algorithm, borders and digests, one thread:
//   hash_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "bench/hash/plain_pdq.h"
#include "core/hash/digests.h"
#include "core/hash/pdq_hasher.h"
#include "core/media/border.h"

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

// A picture without a border, and one with a tenth of black around it.
void BM_StripBorder(benchmark::State& state) {
  Subject subject(state);
  const std::size_t margin_x = state.range(2) != 0 ? subject.width / 10 : 0;
  const std::size_t margin_y = state.range(2) != 0 ? subject.height / 10 : 0;
  for (std::size_t y = 0; y < subject.height; ++y) {
    for (std::size_t x = 0; x < subject.width; ++x) {
      const bool inside =
          x >= margin_x && x + margin_x < subject.width && y >= margin_y && y + margin_y < subject.height;
      if (!inside) subject.pixels[y * subject.width + x] = 0;
    }
  }
  for (auto _ : state) benchmark::DoNotOptimize(media::StripBorder(subject.View()));
}
BENCHMARK(BM_StripBorder)
    ->ArgNames({"width", "height", "bordered"})
    ->Unit(benchmark::kMicrosecond)
    ->Args({512, 512, 0})
    ->Args({512, 512, 1})
    ->Args({4000, 3000, 0})
    ->Args({4000, 3000, 1});

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
