#include "core/scan/frame_hashing.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "core/hash/pdq_hasher.h"

namespace tamiz::scan {
namespace {

// One a thread: they keep their scratch memory.
hash::PdqHasher& ThreadHasher() {
  thread_local hash::PdqHasher hasher;
  return hasher;
}
hash::PictureLooker& ThreadLooker() {
  thread_local hash::PictureLooker looker;
  return looker;
}

}  // namespace

void FrameHashing::Add(std::unique_ptr<media::Frame> frame) {
  last_time_ = std::max(last_time_, frame->time);
  if (frame->variant == media::FrameVariant::kAsShown) ++frames_;
  Pending* pending = nullptr;
  {
    MutexLock lock(mutex_);
    pending = &pending_.emplace_back();  // stays where it is until it is done and taken
    pending->index = frame->index;
    pending->time = frame->time;
    pending->part = frame->part;
    pending->is_still = frame->is_still;
    pending->is_repeat = frame->is_repeat;
    pending->done = frame->is_repeat;
  }
  if (frame->is_repeat) {
    ++repeats_;
    return;
  }
  // All variants of a frame alike.
  const bool look_inside = frame->time <= std::chrono::microseconds::zero() || !inside_index_ ||
                           frame->index == *inside_index_ || frame->time >= inside_time_ + kLookInsideEvery;
  if (look_inside) {
    inside_index_ = frame->index;
    inside_time_ = frame->time;
  }
  group_.Run([this, pending, look_inside, held = std::move(frame)]() mutable {
    const SteadyTime start = clock_.Now();
    std::vector<match::FrameEvidence> looks;
    Hash(*held, look_inside, looks);
    held.reset();  // the slot goes back to the decoder at once
    spent_us_ += std::chrono::duration_cast<std::chrono::microseconds>(clock_.Now() - start).count();
    MutexLock lock(mutex_);
    pending->looks = std::move(looks);
    pending->done = true;
  });
}

void FrameHashing::Hash(const media::Frame& frame, bool look_inside,
                        std::vector<match::FrameEvidence>& looks) const {
  const media::LumaView luma = frame.luma();
  match::FrameEvidence look;
  look.index = frame.index;
  look.time = frame.time;
  if (!looks_) {
    look.pdq = ThreadHasher().HashOrientations(luma);
    looks.push_back(look);
    for (const match::RelativeRect& crop : crops_) {
      const auto part = [](double share, std::uint32_t size) {
        return static_cast<std::uint32_t>(std::lround(share * size));
      };
      const media::PixelRect rect{part(crop.left, luma.width), part(crop.top, luma.height),
                                  part(crop.width, luma.width), part(crop.height, luma.height)};
      if (rect.width == 0 || rect.height == 0 || rect.left + rect.width > luma.width ||
          rect.top + rect.height > luma.height) {
        continue;
      }
      look.pdq = ThreadHasher().HashOrientations(media::Crop(luma, rect));
      look.kind = hash::LookKind::kRegion;
      look.rect = crop;
      looks.push_back(look);
    }
    return;
  }
  hash::LookOptions options = *looks_;
  options.regions &= look_inside;
  options.straighten &= look_inside;
  for (const hash::PictureLook& one : ThreadLooker().Look(luma, options)) {
    look.pdq = one.pdq;
    look.orientations = one.orientations;
    look.kind = one.kind;
    look.turned_degrees = one.turned_degrees;
    const double width = luma.width;
    const double height = luma.height;
    look.rect = {one.rect.left / width, one.rect.top / height, one.rect.width / width,
                 one.rect.height / height};
    looks.push_back(look);
  }
}

std::vector<match::FrameEvidence> FrameHashing::Take() { return TakeDone(false); }

std::vector<match::FrameEvidence> FrameHashing::TakeRest() {
  group_.Wait();
  return TakeDone(true);
}

std::vector<match::FrameEvidence> FrameHashing::TakeDone(bool all) {
  std::vector<match::FrameEvidence> looks;
  MutexLock lock(mutex_);
  while (!pending_.empty()) {
    // The first frame with all its variants.
    const std::uint32_t index = pending_.front().index;
    const auto next = std::ranges::find_if(pending_, [&](const Pending& p) { return p.index != index; });
    if (next == pending_.end() && !all) break;
    if (!std::all_of(pending_.begin(), next, [](const Pending& p) { return p.done; })) break;
    if (!pending_.front().is_repeat) hashed_last_.clear();
    for (auto pending = pending_.begin(); pending != next; ++pending) {
      std::ranges::copy(pending->looks, std::back_inserter(hashed_last_));
    }
    for (match::FrameEvidence look : hashed_last_) {
      look.index = index;
      look.part = pending_.front().part;
      look.is_still = pending_.front().is_still;
      look.repeated = pending_.front().is_repeat;
      if (look.repeated) look.time = pending_.front().time;
      looks.push_back(look);
    }
    pending_.erase(pending_.begin(), next);
  }
  return looks;
}

}  // namespace tamiz::scan
