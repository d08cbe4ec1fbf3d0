#include "core/hash/pdq_contrast.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace tamiz::hash {
namespace {

constexpr int kLevels = 256;

// Grey levels between the percentiles, told to one level.
int RangeOf(const PdqBlock& block) {
  std::array<std::uint32_t, kLevels> counts{};
  for (const float value : block) ++counts[static_cast<std::size_t>(std::clamp(value, 0.0F, 255.0F))];
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
