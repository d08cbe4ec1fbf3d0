// A set of frame numbers that grow.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tamiz::match {

// Frames in the order in which they came, kept as runs: a scene costs as much as a frame.
class FrameRuns {
 public:
  struct Run {
    std::uint32_t first, last;
  };
  // Whether it would take room: `frame` is neither the last one nor the next.
  [[nodiscard]] bool BeginsRun(std::uint32_t frame) const {
    return runs_.empty() || frame > runs_.back().last + 1;
  }
  // `frame` is at least the last one added; the same one counts once.
  void Add(std::uint32_t frame) {
    if (BeginsRun(frame)) {
      runs_.push_back({frame, frame});
    } else if (frame == runs_.back().last) {
      return;
    }
    runs_.back().last = frame;
    ++size_;
  }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  // How many of them are below `frame`.
  [[nodiscard]] std::uint32_t SizeBefore(std::uint32_t frame) const {
    std::uint32_t size = 0;
    for (const Run& run : runs_) {
      if (run.first >= frame) break;
      size += std::min(run.last, frame - 1) - run.first + 1;
    }
    return size;
  }
  [[nodiscard]] const std::vector<Run>& runs() const { return runs_; }

 private:
  std::vector<Run> runs_;
  std::uint32_t size_ = 0;
};

}  // namespace tamiz::match
