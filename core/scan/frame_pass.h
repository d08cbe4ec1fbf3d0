// One pass of a decoder over an upload.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/base/call_context.h"
#include "core/match/matcher.h"
#include "core/scan/frame_hashing.h"
#include "core/scan/frame_lookup.h"
#include "core/scan/scanner.h"

namespace tamiz::scan {

// Frames are hashed and looked up while the next ones are decoded. For one pass; one thread drives it.
class FramePass {
 public:
  // Between two frames, with what is known so far. False ends decoding.
  using GoOn = std::function<bool(const media::SampleOutcome& so_far)>;
  // Is shown all looks before they are looked up.
  using Show = std::function<void(const std::vector<match::FrameEvidence>& looks)>;

  // `matching`: where frames are looked up; null: nowhere, then frames have the reference's hashes and those
  // of `crops`. All outlive it.
  FramePass(const Scanner::Parts& parts, match::Matching* matching, std::vector<match::RelativeRect> crops);

  // Decodes, hashes and looks up; returns when all that was decoded is. `show` may be empty. As
  // FrameSource::Sample.
  [[nodiscard]] StatusOr<media::SampleOutcome> Run(media::SampleRequest request, const CallContext& context,
                                                   const GoOn& go_on, const Show& show);

  // True if the matching may be asked now; in `go_on` and after Run.
  [[nodiscard]] bool MayAsk() const { return lookup_ && lookup_->Idle() != nullptr; }
  // What the decoder told before it ended.
  [[nodiscard]] const media::SampleOutcome& last_known() const { return last_known_; }
  [[nodiscard]] const FrameHashing& hashing() const { return hashing_; }
  [[nodiscard]] std::uint64_t frames_looked_up() const { return lookup_ ? lookup_->frames_done() : 0; }
  // By the clock.
  [[nodiscard]] std::chrono::microseconds decode_time() const { return decode_time_; }
  // Summed over threads.
  [[nodiscard]] std::chrono::microseconds lookup_time() const {
    return lookup_ ? lookup_->lookup_time() : std::chrono::microseconds(0);
  }

 private:
  const Scanner::Parts& parts_;
  FrameHashing hashing_;
  std::optional<FrameLookup> lookup_;
  media::SampleOutcome last_known_;
  std::chrono::microseconds decode_time_{0};
};

}  // namespace tamiz::scan
