// A second, closer look at an upload where a known video may be.
#pragma once

#include <chrono>
#include <functional>

#include "core/base/call_context.h"
#include "core/match/matcher.h"
#include "core/media/frame_source.h"
#include "core/scan/scanner.h"

namespace tamiz::scan {

// Frames of a closer look are so far apart: no known moment is further than half of it from one. With a
// quarter of a second, copies whose camera moves fast stay possible matches; with a sixteenth little is
// gained.
inline constexpr std::chrono::milliseconds kCloserInterval{125};
// It looks at so much of the upload's time at most …
inline constexpr std::chrono::seconds kMostCloserTime{120};
// … and no more than has so many pixels in its pictures: eight seconds of a processor, half a minute of
// 1080p. Where key frames are so rare that twice as many have to be decoded, it ends.
inline constexpr std::uint64_t kMostCloserPixels = 2'000'000'000;
// What decoding from the key frame before a span costs on average, as time: half a customary group of
// pictures.
inline constexpr std::chrono::seconds kCloserLeadIn{4};

// How much of an upload that was looked at once may be looked at closely.
[[nodiscard]] match::CloserLookLimits CloserLimits(const media::SampleOutcome& first);

// When a closer look that begins now has to end: half of the time left, so that the answer is given in time.
[[nodiscard]] SteadyTime CloserDeadline(SteadyTime now, SteadyTime budget_end, SteadyTime caller_deadline);

// Decodes the spans that `matching` finds worth it and looks their frames up there. `request` and `first`:
// the pass before, which was whole. `go_on`: told between two frames whether the matching may be asked; false
// ends it. Times are added to `output.timings`, what was done is in `output.closer`. However it ends, what
// the pass before found stays as it is.
void LookCloser(const Scanner::Parts& parts, const media::SampleRequest& request,
                const media::SampleOutcome& first, match::Matching& matching, const CallContext& context,
                const std::function<bool(bool may_ask)>& go_on, ScanOutput& output);

}  // namespace tamiz::scan
