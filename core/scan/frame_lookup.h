// Frames are looked up while the next ones are decoded.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/clock.h"
#include "core/match/matcher.h"
#include "core/work/compute_pool.h"

namespace tamiz::scan {

// Gathers looks and has them looked up in batches on the compute pool, one batch at a time, in order. One
// thread drives it.
class FrameLookup {
 public:
  // Looks that make a batch: enough for the index to overlap its memory accesses.
  static constexpr std::size_t kBatchLooks = 32;
  // A slow video is looked up as often as this all the same.
  static constexpr std::chrono::milliseconds kLongestWait{250};
  // Looks that may wait for a batch to end; beyond it Add waits: memory follows this, not the upload's
  // length.
  static constexpr std::size_t kMostWaiting = 256;

  // All outlive it.
  FrameLookup(work::ComputePool& compute, const Clock& clock, match::Matching& matching)
      : clock_(clock), matching_(matching), last_start_(clock.Now()), group_(compute, 1) {}

  // Whole frames, in order.
  void Add(std::vector<match::FrameEvidence>&& looks);
  // Looks up what is left; returns when everything is.
  void Finish();

  // The matching while no batch is being looked up, else null. Not to be used after the next Add.
  [[nodiscard]] match::Matching* Idle() const {
    return busy_.load(std::memory_order_acquire) ? nullptr : &matching_;
  }
  // Frames looked up so far.
  [[nodiscard]] std::uint64_t frames_done() const { return frames_done_.load(); }
  // Summed.
  [[nodiscard]] std::chrono::microseconds lookup_time() const {
    return std::chrono::microseconds(spent_us_.load());
  }

 private:
  void LookUp(const std::vector<match::FrameEvidence>& looks);

  const Clock& clock_;
  match::Matching& matching_;
  SteadyTime last_start_;
  std::vector<match::FrameEvidence> waiting_;
  std::atomic<bool> busy_{false};
  std::atomic<std::int64_t> spent_us_{0};
  std::atomic<std::uint64_t> frames_done_{0};
  work::ComputePool::Group group_;  // last: its destructor waits for tasks that use the rest
};

}  // namespace tamiz::scan
