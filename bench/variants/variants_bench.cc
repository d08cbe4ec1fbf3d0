// What all looks at a picture cost against plain hashing of the same decoded picture, the look-up of all
// their orientations in one batch included:
//   variants_bench [list hashes, default 1000000]
// Medians of alternating runs, one thread. Each run has another picture of its kind, for "plain" and for
// "all" too: looked up again, one picture would find its part of the index in the cache, which uploads do
// not. "plain" is one look in eight orientations, as with every other look switched off.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numbers>
#include <string>
#include <vector>

#include "bench/index/hash_sets.h"
#include "core/hash/pdq_hasher.h"
#include "core/hash/picture_looks.h"
#include "core/index/hamming_index.h"

namespace tamiz {
namespace {

struct Picture {
  std::uint32_t width, height;
  std::vector<std::uint8_t> pixels;
  [[nodiscard]] media::LumaView View() const { return {pixels.data(), width, height, width}; }
};

// Waves of all lengths across each other, and grain.
Picture Photograph(std::uint32_t width, std::uint32_t height, int seed) {
  Picture picture{width, height, std::vector<std::uint8_t>(std::size_t{width} * height)};
  std::uint32_t state = 1;
  for (std::uint32_t y = 0; y < height; ++y) {
    const double v = double(y) / height;
    for (std::uint32_t x = 0; x < width; ++x) {
      const double u = double(x) / width;
      double value = 120;
      for (int wave = 1; wave <= 5; ++wave) {
        const double turn = 0.7 * seed + 1.9 * wave;
        value += 60.0 / wave *
                 std::sin(4.0 * wave * (u * std::cos(turn) + v * std::sin(turn)) + 3 * std::sin(wave * v));
      }
      state = state * 1664525U + 1013904223U;
      picture.pixels[std::size_t{y} * width + x] =
          static_cast<std::uint8_t>(std::clamp(value + static_cast<double>(state >> 29U), 0.0, 255.0));
    }
  }
  return picture;
}

Picture Ground(std::uint32_t width, std::uint32_t height, std::uint8_t level) {
  return {width, height, std::vector<std::uint8_t>(std::size_t{width} * height, level)};
}

void Paste(const Picture& picture, std::uint32_t left, std::uint32_t top, Picture& onto) {
  for (std::uint32_t y = 0; y < picture.height; ++y) {
    std::copy_n(picture.pixels.data() + std::size_t{y} * picture.width, picture.width,
                onto.pixels.data() + std::size_t{top + y} * onto.width + left);
  }
}

Picture Scene(const std::string& kind, std::uint32_t width, std::uint32_t height, int seed) {
  if (kind == "photograph") return Photograph(width, height, seed);
  Picture scene = Ground(width, height, kind == "turned" ? 0 : 245);
  if (kind == "border") {
    Paste(Photograph(width * 4 / 5, height * 4 / 5, seed), width / 10, height / 10, scene);
  } else if (kind == "screenshot") {
    Paste(Photograph(width * 9 / 10, height / 2, seed), width / 20, height / 5, scene);
    for (std::uint32_t y = height * 3 / 4; y + 20 < height; y += height / 20) {
      for (std::uint32_t x = width / 20; x < width * 9 / 10; x += 16) Paste(Ground(8, 12, 30), x, y, scene);
    }
  } else if (kind == "collage") {
    for (std::uint32_t i = 0; i < 4; ++i) {
      Paste(Photograph(width / 2, height / 2, seed + static_cast<int>(i)), i % 2 * (width / 2),
            i / 2 * (height / 2), scene);
    }
  } else {
    const Picture inside = Photograph(width * 7 / 10, height * 7 / 10, seed);
    const double c = std::cos(4 * std::numbers::pi / 180), s = std::sin(4 * std::numbers::pi / 180);
    for (std::uint32_t y = 0; y < height; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) {
        const double u = x - width / 2.0, v = y - height / 2.0;
        const double px = c * u + s * v + inside.width / 2.0, py = -s * u + c * v + inside.height / 2.0;
        if (px < 0 || py < 0 || px >= inside.width || py >= inside.height) continue;
        scene.pixels[std::size_t{y} * width + x] =
            inside.pixels[static_cast<std::size_t>(py) * inside.width + static_cast<std::size_t>(px)];
      }
    }
  }
  return scene;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

template <typename Work>
double MicrosOf(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

void Run(std::size_t list_hashes) {
  index::Random random(1);
  const auto index = index::HammingIndex::Build(index::ClusteredHashes(list_hashes, random));
  hash::PdqHasher hasher;
  hash::PictureLooker looker;
  constexpr hash::HammingDistance kRadius = 31;
  fmt::print("list of {} hashes, radius {}\n{:>12} {:>11} {:>6} {:>10} {:>10} {:>8} {:>12}\n", list_hashes,
             kRadius, "picture", "size", "looks", "plain us", "all us", "ratio", "hashing only");
  for (const auto& [width, height] : {std::pair{512U, 512U}, {1920U, 1080U}, {4000U, 3000U}}) {
    for (const char* kind : {"photograph", "border", "screenshot", "collage", "turned"}) {
      std::vector<index::Hit> hits;
      std::vector<hash::Hash256> queries;
      std::vector<double> looks;
      std::vector<double> plain_hash, plain_search, all_hash, all_search;
      for (int run = 0; run < (width > 2000 ? 5 : 25); ++run) {
        const Picture one = Scene(kind, width, height, 14 * run + 1);
        const Picture other = Scene(kind, width, height, 14 * run + 8);
        hash::PdqOrientations plain;
        plain_hash.push_back(MicrosOf([&] { plain = hasher.HashOrientations(one.View()); }));
        plain_search.push_back(MicrosOf([&] {
          hits.clear();
          index->FindWithin(plain.hashes, kRadius, hits);
        }));
        std::vector<hash::PictureLook> found;
        all_hash.push_back(MicrosOf([&] { found = looker.Look(other.View(), {}); }));
        all_search.push_back(MicrosOf([&] {
          queries.clear();
          hits.clear();
          for (const hash::PictureLook& look : found) {
            for (const hash::Transform transform : hash::TransformsOf(look.orientations))
              queries.push_back(look.pdq.hashes[static_cast<std::size_t>(transform)]);
          }
          index->FindWithin(queries, kRadius, hits);
        }));
        looks.push_back(static_cast<double>(found.size()));
      }
      const double plain = Median(plain_hash) + Median(plain_search);
      const double all = Median(all_hash) + Median(all_search);
      fmt::print("{:>12} {:>11} {:>6.0f} {:>10.0f} {:>10.0f} {:>8.2f} {:>12.2f}\n", kind,
                 fmt::format("{}x{}", width, height), Median(looks), plain, all, all / plain,
                 Median(all_hash) / Median(plain_hash));
    }
  }
}

}  // namespace
}  // namespace tamiz

int main(int argc, char** argv) {
  tamiz::Run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000);
  return 0;
}
