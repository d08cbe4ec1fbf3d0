#include "core/scan/frame_hashing.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "core/hash/pdq_hasher.h"
#include "core/media/border.h"

namespace tamiz::scan {
namespace {

// One a thread: a hasher keeps its scratch memory.
hash::PdqHasher& ThreadHasher() {
  thread_local hash::PdqHasher hasher;
  return hasher;
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
    pending->is_repeat = frame->is_repeat;
    pending->done = frame->is_repeat;
  }
  if (frame->is_repeat) {
    ++repeats_;
    return;
  }
  group_.Run([this, pending, held = std::move(frame)]() mutable {
    const SteadyTime start = clock_.Now();
    std::vector<match::FrameEvidence> looks;
    Hash(*held, looks);
    held.reset();  // the slot goes back to the decoder at once
    spent_us_ += std::chrono::duration_cast<std::chrono::microseconds>(clock_.Now() - start).count();
    MutexLock lock(mutex_);
    pending->looks = std::move(looks);
    pending->done = true;
  });
}

void FrameHashing::Hash(const media::Frame& frame, std::vector<match::FrameEvidence>& looks) const {
  const media::LumaView luma = frame.luma();
  match::FrameEvidence look;
  look.index = frame.index;
  look.time = frame.time;
  look.pdq = ThreadHasher().HashOrientations(luma);
  looks.push_back(look);
  if (!look_inside_borders_) return;
  if (const std::optional<media::LumaView> inside = media::StripBorder(luma)) {
    look.pdq = ThreadHasher().HashOrientations(*inside);
    look.border_removed = true;
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
      look.repeated = pending_.front().is_repeat;
      if (look.repeated) look.time = pending_.front().time;
      looks.push_back(look);
    }
    pending_.erase(pending_.begin(), next);
  }
  return looks;
}

}  // namespace tamiz::scan
