#include "core/scan/frame_lookup.h"

#include <iterator>
#include <utility>

namespace tamiz::scan {

void FrameLookup::Add(std::vector<match::FrameEvidence>&& looks) {
  if (waiting_.empty()) {
    waiting_ = std::move(looks);
  } else {
    std::move(looks.begin(), looks.end(), std::back_inserter(waiting_));
  }
  if (waiting_.size() >= kMostWaiting) group_.Wait();
  if (busy_.load(std::memory_order_acquire) || waiting_.empty()) return;
  const SteadyTime now = clock_.Now();
  if (waiting_.size() < kBatchLooks && now - last_start_ < kLongestWait) return;
  last_start_ = now;
  busy_.store(true, std::memory_order_relaxed);
  group_.Run([this, batch = std::exchange(waiting_, {})] {
    LookUp(batch);
    busy_.store(false, std::memory_order_release);
  });
}

void FrameLookup::Finish() {
  group_.Wait();
  LookUp(std::exchange(waiting_, {}));
}

void FrameLookup::LookUp(const std::vector<match::FrameEvidence>& looks) {
  if (looks.empty()) return;
  const SteadyTime start = clock_.Now();
  matching_.AddFrames(looks);
  std::uint64_t frames = 0;
  for (std::size_t i = 0; i < looks.size(); ++i) frames += i == 0 || looks[i].index != looks[i - 1].index;
  frames_done_ += frames;
  spent_us_ += std::chrono::duration_cast<std::chrono::microseconds>(clock_.Now() - start).count();
}

}  // namespace tamiz::scan
