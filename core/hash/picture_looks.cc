#include "core/hash/picture_looks.h"

#include <algorithm>
#include <optional>

#include "core/hash/pdq_sampler.h"
#include "core/media/border.h"
#include "core/media/reduced_luma.h"
#include "core/media/regions.h"
#include "core/media/straighten.h"

namespace tamiz::hash {
namespace {

// Whether two rectangles differ by less than hashes tell.
bool IsSame(const media::PixelRect& a, const media::PixelRect& b) {
  const auto near = [](std::uint32_t x, std::uint32_t y, std::uint32_t size) {
    return (x > y ? x - y : y - x) * 128 <= size;
  };
  return near(a.left, b.left, a.width) && near(a.top, b.top, a.height) &&
         near(a.left + a.width, b.left + b.width, a.width) &&
         near(a.top + a.height, b.top + b.height, a.height);
}

}  // namespace

struct PictureLooker::Scratch {
  PdqHasher hasher;
  PdqSampler sampler;
};

PictureLooker::PictureLooker() : scratch_(std::make_unique<Scratch>()) {}
PictureLooker::~PictureLooker() = default;

std::vector<PictureLook> PictureLooker::Look(const media::LumaView& luma, const LookOptions& options) {
  std::vector<PictureLook> looks;
  const media::PixelRect whole{0, 0, luma.width, luma.height};
  const PdqHash upright = scratch_->hasher.Hash(luma);
  if (!options.orientations && !options.borders && !options.regions && !options.straighten) {
    looks.push_back(
        {LookKind::kWhole, whole, 0, {{upright.hash}, upright.quality, upright.restored_quality}});
    return looks;
  }
  const media::ReducedLuma copy(luma);
  const auto hash = [&](const media::PixelRect& rect) { return scratch_->sampler.Hash(copy, rect); };
  {
    PictureLook look{LookKind::kWhole, whole, 0, {}};
    if (options.orientations) look.pdq = scratch_->sampler.HashEachTurned(copy, whole);
    look.pdq.hashes[0] = upright.hash;
    look.pdq.quality = upright.quality;
    look.pdq.restored_quality = upright.restored_quality;
    looks.push_back(look);
  }
  if (options.borders) {
    for (const media::LumaView& inside : media::StripBorderInWays(luma)) {
      const auto offset = static_cast<std::size_t>(inside.data - luma.data);
      const media::PixelRect rect{static_cast<std::uint32_t>(offset % luma.stride),
                                  static_cast<std::uint32_t>(offset / luma.stride), inside.width,
                                  inside.height};
      looks.push_back({LookKind::kBorderRemoved, rect, 0, hash(rect)});
    }
  }
  if (options.straighten) {
    if (const std::optional<media::Straightened> turned_back = media::Straighten(copy)) {
      const media::ReducedLuma own(turned_back->view());
      looks.push_back({LookKind::kStraightened, turned_back->bounds, turned_back->turned_degrees,
                       scratch_->sampler.Hash(own, {0, 0, turned_back->width, turned_back->height})});
    }
  }
  if (options.regions) {
    for (const media::PixelRect& rect : media::FindRegions(copy)) {
      const bool known = std::any_of(looks.begin(), looks.end(), [&](const PictureLook& look) {
        return look.kind != LookKind::kStraightened && IsSame(look.rect, rect);
      });
      if (!known) looks.push_back({LookKind::kRegion, rect, 0, hash(rect)});
    }
  }
  return looks;
}

}  // namespace tamiz::hash
