#include "core/scan/frame_pass.h"

#include <memory>
#include <utility>

namespace tamiz::scan {

FramePass::FramePass(const Scanner::Parts& parts, match::Matching* matching,
                     std::vector<match::RelativeRect> crops)
    : parts_(parts),
      hashing_(parts.compute, parts.clock,
               matching == nullptr ? std::nullopt : std::optional(matching->WantedLooks())) {
  hashing_.AlsoHash(std::move(crops));
  if (matching != nullptr) lookup_.emplace(parts.compute, parts.clock, *matching);
}

StatusOr<media::SampleOutcome> FramePass::Run(media::SampleRequest request, const CallContext& context,
                                              const GoOn& go_on, const Show& show) {
  const auto pass_on = [&](std::vector<match::FrameEvidence>&& looks) {
    if (show) show(looks);
    if (lookup_) lookup_->Add(std::move(looks));
  };
  const auto step = [&](const media::SampleOutcome& so_far) {
    // Before the next batch is begun: while one is looked up nobody else may ask.
    const bool more = go_on(so_far);
    pass_on(hashing_.Take());
    return more;
  };
  request.on_progress = [&](const media::SampleOutcome& so_far) {
    last_known_ = so_far;
    return step(so_far);
  };
  const SteadyTime start = parts_.clock.Now();
  StatusOr<media::SampleOutcome> sampled =
      parts_.frames.Sample(request, context, [&](std::unique_ptr<media::Frame> frame) {
        hashing_.Add(std::move(frame));
        return step(last_known_);
      });
  decode_time_ = std::chrono::duration_cast<std::chrono::microseconds>(parts_.clock.Now() - start);
  pass_on(hashing_.TakeRest());
  if (lookup_) lookup_->Finish();
  return sampled;
}

}  // namespace tamiz::scan
