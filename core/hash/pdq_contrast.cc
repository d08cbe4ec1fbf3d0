#include "core/hash/pdq_contrast.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace tamiz::hash {
namespace {

constexpr int kLevels = 256;

// Grey levels between the percentiles, told to one level.
int RangeOf(const PdqBlock& block) {
  std::array<std::int32_t, kPdqBlock * kPdqBlock> levels;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const float value = block[i] < 0.0F ? 0.0F : block[i];
    levels[i] = static_cast<std::int32_t>(value > 255.0F ? 255.0F : value);
  }
  // Neighbours mostly are of one level: each of four counts on its own, so that none waits for the one
  // before.
  constexpr std::size_t kLanes = 4;
  std::array<std::array<std::uint16_t, kLevels>, kLanes> lanes{};
  for (std::size_t i = 0; i < levels.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      ++lanes[lane][static_cast<std::size_t>(levels[i + lane])];
    }
  }
  std::array<std::uint32_t, kLevels> counts{};
  for (const auto& lane : lanes) {
    for (std::size_t level = 0; level < kLevels; ++level) counts[level] += lane[level];
  }
  const std::uint32_t left_out = block.size() / 100;
  int low = 0;
  for (std::uint32_t below = counts[0]; below <= left_out && low < kLevels - 1; below += counts[++low]) {
  }
  int high = kLevels - 1;
  for (std::uint32_t above = counts[high]; above <= left_out && high > low; above += counts[--high]) {
  }
  return high - low;
}

}  // namespace

int QualityAtFullContrast(const PdqBlock& block, int quality) {
  constexpr int kBest = 100;
  if (quality >= kBest) return quality;
  const int range = RangeOf(block);
  if (range < kLeastContrast) return quality;
  const float stretch = std::min(255.0F / static_cast<float>(range), kMostContrastRestored);
  PdqBlock stretched;
  std::ranges::transform(block, stretched.begin(), [&](float value) { return value * stretch; });
  return std::max(quality, PdqQuality(stretched));
}

}  // namespace tamiz::hash
