// Frames become hashes while the next ones are decoded.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/hash/picture_looks.h"
#include "core/match/evidence.h"
#include "core/media/frame_source.h"
#include "core/work/compute_pool.h"

namespace tamiz::scan {

// Hashes on the compute pool, gives out in order. Keeps hashes only, and only until they are taken. One
// thread drives it.
class FrameHashing {
 public:
  // Looks into the frames of a video (regions, straightening) come at least so far apart: what is put around
  // a video stays for longer, and a long video must not cost several times as much.
  static constexpr std::chrono::microseconds kLookInsideEvery{1'000'000};

  // `compute` and `clock` outlive it. Without `looks` each frame has one look, with the reference's hashes of
  // all orientations.
  FrameHashing(work::ComputePool& compute, const Clock& clock, const std::optional<hash::LookOptions>& looks)
      : clock_(clock), looks_(looks), group_(compute) {}

  // Also hashes these parts of each frame, as looks of kind kRegion. Before the first Add.
  void AlsoHash(std::vector<match::RelativeRect> crops) { crops_ = std::move(crops); }

  // Blocks while too many frames wait: the back-pressure on the decoder. Frames come in order of their index.
  void Add(std::unique_ptr<media::Frame> frame);

  // All looks at those frames that are hashed whole, in order; each once. A frame is given when the next has
  // come, for another variant of it might.
  [[nodiscard]] std::vector<match::FrameEvidence> Take();
  // All that is left. Waits for it.
  [[nodiscard]] std::vector<match::FrameEvidence> TakeRest();

  // Frames that repeat the one before: they have its looks, at a time of their own, and are not hashed.
  [[nodiscard]] std::uint64_t repeats() const { return repeats_; }
  // Of what was added, repeats included.
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  [[nodiscard]] std::chrono::microseconds last_time() const { return last_time_; }
  // Summed over threads.
  [[nodiscard]] std::chrono::microseconds hash_time() const {
    return std::chrono::microseconds(spent_us_.load());
  }

 private:
  // One frame as it came, variant by variant.
  struct Pending {
    std::uint32_t index = 0;
    bool done = false;
    bool is_repeat = false;
    std::chrono::microseconds time{0};
    std::uint32_t part = 0;
    bool is_still = false;
    std::vector<match::FrameEvidence> looks;
  };

  void Hash(const media::Frame& frame, bool look_inside, std::vector<match::FrameEvidence>& looks) const;
  std::vector<match::FrameEvidence> TakeDone(bool all);

  const Clock& clock_;
  const std::optional<hash::LookOptions> looks_;
  std::vector<match::RelativeRect> crops_;
  // Touched by the thread that drives.
  std::uint64_t frames_ = 0;
  std::uint64_t repeats_ = 0;
  std::vector<match::FrameEvidence> hashed_last_;  // the looks that a repeat has
  std::chrono::microseconds last_time_{0};
  std::optional<std::uint32_t> inside_index_;  // of the frame that was last looked into, and its time
  std::chrono::microseconds inside_time_{0};
  std::atomic<std::int64_t> spent_us_{0};
  Mutex mutex_;
  std::deque<Pending> pending_ TAMIZ_GUARDED_BY(mutex_);
  work::ComputePool::Group group_;  // last: its destructor waits for tasks that use the rest
};

}  // namespace tamiz::scan
