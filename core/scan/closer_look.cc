#include "core/scan/closer_look.h"

#include <algorithm>
#include <utility>

#include "core/base/log.h"
#include "core/scan/frame_pass.h"

namespace tamiz::scan {
namespace {

using std::chrono::microseconds;

// All frames of the most time, in as many tracks as are looked at.
constexpr std::uint32_t kMostCloserFrames = 4 * (kMostCloserTime / kCloserInterval);

}  // namespace

match::CloserLookLimits CloserLimits(const media::SampleOutcome& first) {
  match::CloserLookLimits limits{kMostCloserTime, kCloserLeadIn};
  const double seconds = static_cast<double>(first.media.duration.count()) * 1e-6;
  const double pictures = static_cast<double>(first.counts.seen) + static_cast<double>(first.counts.skipped);
  const double pixels = pictures * first.media.width * first.media.height;
  if (seconds > 0 && pixels > 0) {
    const double affordable = static_cast<double>(kMostCloserPixels) / (pixels / seconds);
    const double most = std::chrono::duration<double>(kMostCloserTime).count();
    limits.most = microseconds(static_cast<std::int64_t>(std::min(affordable, most) * 1e6));
  }
  return limits;
}

SteadyTime CloserDeadline(SteadyTime now, SteadyTime budget_end, SteadyTime caller_deadline) {
  return now + (std::min(budget_end, caller_deadline) - now) / 2;
}

void LookCloser(const Scanner::Parts& parts, const media::SampleRequest& request,
                const media::SampleOutcome& first, match::Matching& matching, const CallContext& context,
                const std::function<bool(bool may_ask)>& go_on, ScanOutput& output) {
  const media::SamplingPlan& plan = request.plan;
  const bool as_close = plan.regular && plan.exact && !plan.spread && plan.interval <= kCloserInterval;
  if (plan.every_frame || as_close) return;
  // Times of stills and animations say little, and they were looked at whole.
  if (first.media.duration <= microseconds(0) || first.media.animated || first.frames_delivered == 0) return;
  const SteadyTime start = parts.clock.Now();
  std::vector<media::TimeSpan> spans = matching.WorthACloserLook(
      {.duration = first.media.duration, .frame_interval = request.plan.Spacing()}, CloserLimits(first));
  output.timings.match += std::chrono::duration_cast<microseconds>(parts.clock.Now() - start);
  if (spans.empty()) return;

  media::SampleRequest closer = request;
  closer.plan = media::SamplingPlan();
  closer.plan.interval = kCloserInterval;
  closer.plan.max_frames = kMostCloserFrames;
  closer.plan.regular = false;
  closer.plan.exact = false;  // beside the spans
  closer.plan.spans = spans;
  closer.max_total_pixels = 2 * kMostCloserPixels;

  matching.BeginCloserLook();
  FramePass pass(parts, &matching, {});
  bool ended = false;  // no more was wanted
  bool out_of_time = false;
  const StatusOr<media::SampleOutcome> sampled = pass.Run(
      closer, context,
      [&](const media::SampleOutcome&) {
        out_of_time = parts.clock.Now() >= context.deadline;
        ended = ended || !go_on(pass.MayAsk());
        return !ended && !out_of_time;
      },
      nullptr);
  output.timings.decode += pass.decode_time();
  output.timings.hash += pass.hashing().hash_time();
  output.timings.match += pass.lookup_time();
  output.closer.spans = std::move(spans);
  output.closer.frames = pass.hashing().frames();
  output.closer.outcome = "finished";
  if (!sampled.ok()) {
    output.closer.outcome = sampled.status().code() == StatusCode::kDeadlineExceeded ? "cut_off" : "failed";
  } else if (out_of_time) {
    output.closer.outcome = "cut_off";
  } else if (!ended && !sampled->reasons.empty()) {
    // Damage that the pass before met as well is none of this one.
    const auto is_new = [&](const media::IncompleteReason& reason) {
      return std::ranges::find(first.reasons, reason.code, &media::IncompleteReason::code) ==
             first.reasons.end();
    };
    const auto found = std::ranges::find_if(sampled->reasons, is_new);
    if (found != sampled->reasons.end()) {
      output.closer.outcome = found->code == media::IncompleteCode::kPixelLimit ||
                                      found->code == media::IncompleteCode::kFrameLimit
                                  ? "cut_off"
                                  : "failed";
    }
  }
}

}  // namespace tamiz::scan
