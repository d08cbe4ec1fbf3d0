#include "core/scan/upload_look.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/scan/closer_look.h"
#include "core/scan/frame_pass.h"

namespace tamiz::scan {
namespace {

using media::IncompleteCode;
using media::IncompleteReason;
using std::chrono::microseconds;

microseconds Since(SteadyTime start, SteadyTime now) {
  return std::chrono::duration_cast<microseconds>(now - start);
}

// Formats that are recognised and that no decoder of this build reads.
constexpr std::array kNeverDecoded = {media::FileFormat::kJpegXl, media::FileFormat::kJpeg2000,
                                      media::FileFormat::kAsf};

// A URI's scheme as a metric names it.
std::string SchemeOf(std::string_view uri) {
  std::string scheme(uri.substr(0, std::min(uri.find(':'), std::size_t{8})));
  std::ranges::transform(scheme, scheme.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return scheme;
}

std::string_view OutcomeOf(const Status& fetched) {
  switch (fetched.code()) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kOutOfRange:
      return "too_large";
    case StatusCode::kInvalidArgument:
      return "bad_uri";
    case StatusCode::kPermissionDenied:
    case StatusCode::kFailedPrecondition:
      return "refused";
    case StatusCode::kNotFound:
      return "not_found";
    case StatusCode::kResourceExhausted:
      return "no_capacity";
    case StatusCode::kDeadlineExceeded:
      return "deadline";
    case StatusCode::kCancelled:
      return "cancelled";
    default:
      return "unavailable";
  }
}

// Keeps the first look at each frame, as shown, borders kept.
void KeepHashes(const std::vector<match::FrameEvidence>& looks, std::vector<FrameHash>& hashes) {
  for (const match::FrameEvidence& look : looks) {
    if (hashes.empty() || hashes.back().index != look.index) {
      if (look.repeated) {
        const auto original =
            std::find_if(hashes.rbegin(), hashes.rend(), [](const FrameHash& h) { return !h.repeated; });
        if (original != hashes.rend()) original->span = look.time - original->time;
      }
      hashes.push_back({look.index, look.time, look.pdq, look.part, look.repeated});
    }
  }
}

IncompleteReason TimeBudgetReason(const Config& config) {
  return {IncompleteCode::kTimeBudget,
          fmt::format("not everything was looked at within {} ms (scan.time_budget)",
                      config.time_budget.count())};
}

// A bit for each format in which parts of uploads are not decoded.
std::uint64_t FormatsOff(const Config& config) {
  std::uint64_t bits = 0;
  for (const media::FormatInfo& info : media::AllFormats()) {
    if (!WhyNotDecoded(info, config).empty()) bits |= std::uint64_t{1} << static_cast<unsigned>(info.format);
  }
  return bits;
}

// Where the time line of an upload and its parts ends; zero if nothing moves.
microseconds EndOfTime(const media::SampleOutcome& outcome) {
  microseconds end = outcome.media.duration;
  for (const media::MediaPart& part : outcome.parts) {
    if (part.duration.count() > 0 || part.start.count() > 0) end = std::max(end, part.start + part.duration);
  }
  return end;
}

// What was seen of the time, and what was not.
void StateCoverage(const media::SampleOutcome& outcome, ScanOutput& output) {
  const microseconds duration = outcome.media.duration;
  microseconds missed{0};
  const auto add = [&](microseconds start, microseconds end) {
    // Of a track that is told to last for less than it does, the stated end is none.
    if (end <= start) return;
    if (!output.unseen.empty() && output.unseen.back().end >= start) {
      missed += std::max(end - output.unseen.back().end, microseconds(0));
      output.unseen.back().end = std::max(output.unseen.back().end, end);
      return;
    }
    missed += end - start;
    output.unseen.push_back({start, end});
  };
  std::vector<media::TimeSpan> spans = outcome.unseen;
  std::ranges::sort(spans, {}, &media::TimeSpan::start);
  const auto bounded = [&](microseconds time) {
    return duration.count() > 0 ? std::clamp(time, microseconds(0), duration) : time;
  };
  for (const media::TimeSpan& span : spans) add(bounded(span.start), bounded(span.end));
  // Parts have reasons of their own.
  const bool whole = std::ranges::all_of(outcome.reasons, [](const auto& reason) { return reason.part > 0; });
  std::uint64_t frames = outcome.frames_delivered;
  for (const media::MediaPart& part : outcome.parts) frames -= std::min(frames, part.frames);
  if (whole && !output.stopped_on_match) {
    output.time_covered = frames > 0 ? 1 : 0;
  } else if (duration > microseconds(0)) {
    const microseconds seen =
        frames > 0 ? std::clamp(outcome.last_time, microseconds(0), duration) : microseconds(0);
    add(seen, duration);
    output.time_covered =
        static_cast<double>((duration - missed).count()) / static_cast<double>(duration.count());
  } else {
    // A still of which something was seen, or a duration that nobody knows.
    output.time_covered = frames > 0 && !outcome.media.animated ? 1 : 0;
  }
}

}  // namespace

std::string WhyNotDecoded(const media::FormatInfo& info, const Config& config) {
  if (std::ranges::find(kNeverDecoded, info.format) != kNeverDecoded.end()) {
    return fmt::format("{} is recognised, and this build does not decode it", info.name);
  }
  if (std::ranges::find(config.disabled_formats, info.name) != config.disabled_formats.end()) {
    return fmt::format("{} is switched off (scan.disabled_formats)", info.name);
  }
  return {};
}

ScanTimes TimesOf(const Config& config, const CallContext& caller, SteadyTime now) {
  ScanTimes times;
  times.started = now;
  times.budget_end = times.started + config.time_budget;
  const auto grace =
      std::min<std::chrono::milliseconds>(config.time_budget / 10, std::chrono::milliseconds(500));
  times.context = caller;
  times.context.deadline = std::min(caller.deadline, times.budget_end + grace);
  return times;
}

bool UploadLook::OutOfBudget(const Status& status) const {
  return status.code() == StatusCode::kDeadlineExceeded && caller_.StillWanted(parts_.clock.Now()).ok();
}

StatusOr<bool> UploadLook::BringIn(ScanInput& input) {
  std::vector<IncompleteReason>& reasons = looked_.end.reasons;
  if (input.not_brought_in) {
    reasons.push_back(*input.not_brought_in);
    return false;
  }
  if (!input.upload) {
    const SteadyTime start = parts_.clock.Now();
    StatusOr<source::Upload> fetched = parts_.fetcher.Fetch(input.uri, times_.context);
    looked_.output.timings.fetch = Since(start, parts_.clock.Now());
    parts_.metrics.Fetched(SchemeOf(input.uri), OutcomeOf(fetched.status()));
    if (fetched.ok()) {
      input.upload = *std::move(fetched);
    } else if (Reason(fetched.status()) == "BYTE_LIMIT") {
      reasons.push_back({IncompleteCode::kByteLimit, Message(fetched.status())});
      return false;
    } else if (OutOfBudget(fetched.status())) {
      reasons.push_back(TimeBudgetReason(config_));
      return false;
    } else {
      return fetched.status();
    }
  }
  looked_.output.size_bytes = input.upload->size_bytes;
  if (!input.internal) parts_.metrics.UploadBytes(input.upload->size_bytes);
  return true;
}

StatusOr<Looked> UploadLook::Look(ScanInput& input) {
  TAMIZ_ASSIGN_OR_RETURN(const bool is_there, BringIn(input));
  if (!is_there) return std::move(looked_);
  source::Upload& upload = *input.upload;
  digests_.value = upload.digests;
  digests_.ready = !upload.digests_pending;
  work::ComputePool::Group digesting(parts_.compute, 1);
  if (upload.digests_pending) {
    digesting.Run([&] {
      digests_.value = source::DigestsOf(upload);
      digests_.ready.store(true, std::memory_order_release);
    });
  }
  const Status frames = LookAtFrames(input);
  digesting.Wait();
  TAMIZ_RETURN_IF_ERROR(frames);
  if (!digests_.value.ok()) return digests_.value.status();
  upload.digests = *digests_.value;
  upload.digests_pending = false;
  looked_.output.digests = *digests_.value;
  if (wanted_.matching != nullptr) (void)TakeStock(input);
  return std::move(looked_);
}

bool UploadLook::TakeStock(const ScanInput& input) {
  match::Matching& matching = *wanted_.matching;
  if (!digests_.looked_up && digests_.ready.load(std::memory_order_acquire) && digests_.value.ok()) {
    digests_.looked_up = true;
    matching.SetDigests({*digests_.value, {}});
  }
  if (!wanted_.reporter->wanted() && !input.stop_on_match) return false;
  const match::UploadEnd& so_far = looked_.end;
  for (const match::Match& match : matching.TakeNews(so_far.duration, so_far.frame_interval)) {
    wanted_.reporter->Found(match);
  }
  return input.stop_on_match && matching.IsSettled();
}

bool UploadLook::IsDecoded(const source::Upload& upload) {
  format_ = media::DetectFormat(upload.head);
  const media::FormatInfo* info = media::FindFormat(format_);
  if (info == nullptr) {
    looked_.end.reasons.push_back(
        {IncompleteCode::kFormatUnknown,
         upload.size_bytes == 0 ? "the upload is empty" : "no known format begins like this upload"});
    return false;
  }
  looked_.output.format = info->name;
  looked_.output.media_type = info->media_type;
  if (std::string why = WhyNotDecoded(*info, config_); !why.empty()) {
    looked_.end.reasons.push_back({IncompleteCode::kFormatDisabled, std::move(why)});
    return false;
  }
  return true;
}

Status UploadLook::LookAtFrames(const ScanInput& input) {
  ScanOutput& output = looked_.output;
  const source::Upload& upload = *input.upload;
  if (!IsDecoded(upload)) return OkStatus();

  media::SampleRequest request;
  request.content_fd = upload.fd.get();
  request.size_bytes = upload.size_bytes;
  request.format = format_;
  request.plan = wanted_.plan;
  request.formats_off = FormatsOff(config_);

  // An upload that is known by its digest need not be decoded.
  if (wanted_.matching != nullptr && TakeStock(input)) {
    output.stopped_on_match = true;
    looked_.end.settled_early = true;
    return OkStatus();
  }

  FramePass pass(parts_, wanted_.matching, wanted_.crops);
  const auto show = [&](const std::vector<match::FrameEvidence>& looks) {
    if (wanted_.hashes) KeepHashes(looks, output.hashes);
    for (const match::FrameEvidence& look : looks) {
      if (wanted_.crops.empty() || look.index != 0 || look.kind != hash::LookKind::kRegion) continue;
      output.crops.push_back({look.rect, look.pdq.hashes[0], look.pdq.quality});
    }
  };
  bool stopped_by_budget = false;
  looked_.end.frame_interval = request.plan.Spacing();
  const auto go_on = [&](const media::SampleOutcome& so_far) {
    stopped_by_budget = parts_.clock.Now() >= times_.budget_end;
    looked_.end.duration = EndOfTime(so_far);
    if (wanted_.matching == nullptr) return !stopped_by_budget;
    if (pass.MayAsk()) output.stopped_on_match = TakeStock(input);
    wanted_.reporter->Progress({.frames_planned = so_far.frames_planned,
                                .frames_decoded = pass.hashing().frames(),
                                .frames_hashed = pass.frames_looked_up(),
                                .time_reached = std::max(so_far.last_time, pass.hashing().last_time()),
                                .duration = looked_.end.duration,
                                .size_bytes = upload.size_bytes});
    return !stopped_by_budget && !output.stopped_on_match;
  };
  StatusOr<media::SampleOutcome> sampled = pass.Run(request, times_.context, go_on, show);
  output.timings.decode = pass.decode_time();
  output.timings.hash = pass.hashing().hash_time();
  output.timings.match = pass.lookup_time();
  output.frames_repeated = pass.hashing().repeats();

  // What was seen, and what was not.
  media::SampleOutcome outcome;
  const bool came_to_an_end = sampled.ok();
  if (came_to_an_end) {
    outcome = *std::move(sampled);
    if (stopped_by_budget) outcome.reasons.push_back(TimeBudgetReason(config_));
  } else if (OutOfBudget(sampled.status())) {
    outcome = pass.last_known();
    outcome.frames_delivered = pass.hashing().frames();
    outcome.last_time = std::max(outcome.last_time, pass.hashing().last_time());
    outcome.reasons.push_back(TimeBudgetReason(config_));
  } else {
    return sampled.status();
  }
  TAMIZ_RETURN_IF_ERROR(caller_.StillWanted(parts_.clock.Now()));
  StateOutcome(outcome, request.plan);

  const bool whole = came_to_an_end && !stopped_by_budget && !output.stopped_on_match;
  if (!config_.closer_look || wanted_.matching == nullptr || !whole) return OkStatus();
  CallContext context = caller_;
  context.deadline = CloserDeadline(parts_.clock.Now(), times_.budget_end, caller_.deadline);
  const std::uint64_t frames_looked_up = pass.frames_looked_up();
  LookCloser(
      parts_, request, outcome, *wanted_.matching, context,
      [&](bool may_ask) {
        const bool settled = may_ask && TakeStock(input);
        wanted_.reporter->Progress({.frames_planned = outcome.frames_planned,
                                    .frames_decoded = outcome.frames_delivered,
                                    .frames_hashed = frames_looked_up,
                                    .time_reached = outcome.last_time,
                                    .duration = looked_.end.duration,
                                    .size_bytes = upload.size_bytes});
        return !settled;
      },
      output);
  return caller_.StillWanted(parts_.clock.Now());
}

void UploadLook::StateOutcome(const media::SampleOutcome& outcome, const media::SamplingPlan& plan) {
  ScanOutput& output = looked_.output;
  StateCoverage(outcome, output);
  output.plan = plan;
  output.media = outcome.media;
  output.frames_planned = outcome.frames_planned;
  output.frames_decoded = outcome.frames_delivered;
  output.pictures = outcome.counts;
  output.parts = outcome.parts;
  output.unrecognised_bytes = outcome.unrecognised_bytes;
  match::UploadEnd& end = looked_.end;
  const bool moving = EndOfTime(outcome) > microseconds(0) || outcome.media.animated ||
                      std::ranges::any_of(outcome.parts, &media::MediaPart::animated);
  end.duration = EndOfTime(outcome);
  end.settled_early = output.stopped_on_match;
  end.frame_interval = moving ? plan.Spacing() : microseconds(0);
  if (moving && plan.every_frame && outcome.frames_delivered > 0 && !output.stopped_on_match)
    end.frame_interval = end.duration / static_cast<std::int64_t>(outcome.frames_delivered);
  end.reasons.insert(end.reasons.end(), outcome.reasons.begin(), outcome.reasons.end());
}

}  // namespace tamiz::scan
