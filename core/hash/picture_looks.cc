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

PdqOrientations AsIs(const PdqHash& pdq) { return {{pdq.hash}, pdq.quality, pdq.restored_quality}; }

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
    looks.push_back({LookKind::kWhole, whole, 0, OrientationSet::kUpright, AsIs(upright)});
    return looks;
  }
  const media::ReducedLuma copy(luma);
  const auto wanted = [&](OrientationSet set) {
    return options.orientations ? set : OrientationSet::kUpright;
  };
  {
    PictureLook look{LookKind::kWhole, whole, 0, wanted(OrientationSet::kAll), AsIs(upright)};
    if (options.orientations) look.pdq = scratch_->sampler.HashEachTurned(copy, upright);
    looks.push_back(look);
  }
  const auto add = [&](LookKind kind, const media::PixelRect& rect, OrientationSet set) {
    looks.push_back({kind, rect, 0, wanted(set), scratch_->sampler.Hash(copy, rect, wanted(set))});
  };
  std::optional<media::Straightened> turned_back;
  if (options.straighten) turned_back = media::Straighten(copy);
  // A ground whose edges lean is no upright border, and holds no upright pictures.
  const bool is_turned = turned_back && turned_back->is_certain;
  if (options.borders && !is_turned) {
    const media::StrippedWays ways = media::StripBorderInWays(luma);
    for (std::size_t i = 0; i < ways.insides.size(); ++i) {
      const media::LumaView& inside = ways.insides[i];
      const auto offset = static_cast<std::size_t>(inside.data - luma.data);
      const media::PixelRect rect{static_cast<std::uint32_t>(offset % luma.stride),
                                  static_cast<std::uint32_t>(offset / luma.stride), inside.width,
                                  inside.height};
      // Guesses are looked at as parts are.
      const bool is_certain = i == 0 && ways.is_certain;
      add(LookKind::kBorderRemoved, rect, is_certain ? OrientationSet::kAll : OrientationSet::kMirrored);
    }
  }
  if (turned_back) {
    const media::ReducedLuma own(turned_back->view(), media::ReducedLuma::Factor{turned_back->factor});
    const OrientationSet set = wanted(OrientationSet::kMirrored);
    looks.push_back({LookKind::kStraightened, turned_back->bounds, turned_back->turned_degrees, set,
                     scratch_->sampler.Hash(own, {0, 0, own.picture().width, own.picture().height}, set)});
  }
  if (options.regions && !is_turned) {
    for (const media::PixelRect& rect : media::FindRegions(copy)) {
      const bool known = std::any_of(looks.begin(), looks.end(), [&](const PictureLook& look) {
        return look.kind != LookKind::kStraightened && IsSame(look.rect, rect);
      });
      if (!known) add(LookKind::kRegion, rect, OrientationSet::kMirrored);
    }
  }
  return looks;
}

}  // namespace tamiz::hash
