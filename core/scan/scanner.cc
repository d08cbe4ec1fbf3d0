#include "core/scan/scanner.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/base/random_id.h"
#include "core/match/matcher.h"
#include "core/media/file_format.h"
#include "core/scan/frame_hashing.h"
#include "core/scan/frame_lookup.h"
#include "core/scan/idempotency.h"
#include "core/scan/scan_reporter.h"

namespace tamiz::scan {
namespace {

using media::IncompleteCode;
using media::IncompleteReason;
using std::chrono::microseconds;

constexpr std::size_t kMaxRequestIdBytes = 128;
constexpr std::size_t kMaxLabels = 16;
constexpr std::size_t kMaxLabelBytes = 128;
constexpr std::size_t kMaxLists = 100;
constexpr std::size_t kMaxUriBytes = 8192;
constexpr std::chrono::milliseconds kMinProgressInterval{20};
constexpr std::chrono::milliseconds kMaxProgressInterval{60'000};

microseconds Since(SteadyTime start, SteadyTime now) {
  return std::chrono::duration_cast<microseconds>(now - start);
}

// Formats that are recognised and that no decoder of this build reads.
constexpr std::array kNeverDecoded = {media::FileFormat::kJpegXl, media::FileFormat::kJpeg2000,
                                      media::FileFormat::kAsf};

// Why `format` is not decoded; empty if it is.
std::string WhyNotDecoded(const media::FormatInfo& info, const Config& config) {
  if (std::ranges::find(kNeverDecoded, info.format) != kNeverDecoded.end()) {
    return fmt::format("{} is recognised, and this build does not decode it", info.name);
  }
  if (std::ranges::find(config.disabled_formats, info.name) != config.disabled_formats.end()) {
    return fmt::format("{} is switched off (scan.disabled_formats)", info.name);
  }
  return {};
}

// Reasons that another attempt may not meet: such an answer is not given a second time.
bool MayPass(IncompleteCode code) {
  switch (code) {
    case IncompleteCode::kDecoderCrashed:
    case IncompleteCode::kDecoderTimeout:
    case IncompleteCode::kMemoryLimit:
    case IncompleteCode::kTimeBudget:
    case IncompleteCode::kListUnavailable:
      return true;
    case IncompleteCode::kFormatUnknown:
    case IncompleteCode::kFormatDisabled:
    case IncompleteCode::kDecodeFailed:
    case IncompleteCode::kDecodeTruncated:
    case IncompleteCode::kPixelLimit:
    case IncompleteCode::kByteLimit:
    case IncompleteCode::kFrameLimit:
    case IncompleteCode::kLowQuality:
    case IncompleteCode::kEncrypted:
    case IncompleteCode::kNoVisualContent:
    case IncompleteCode::kMatchLimit:
      return false;
  }
  return true;
}

Status Fault(std::string_view field, std::string_view message) {
  return WithField(InvalidArgument(message), field);
}

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

// Everything beside the bytes that decides what is answered.
std::string OptionsOf(const ScanInput& input) {
  const media::SamplingRequest& sampling = input.sampling;
  const auto micros = [](const std::optional<microseconds>& time) { return time ? time->count() : -1; };
  std::string text = fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|", input.upload.has_value(), input.uri.size(),
                                 input.uri, sampling.preset ? static_cast<int>(*sampling.preset) : 0,
                                 sampling.mode ? static_cast<int>(*sampling.mode) : 0,
                                 micros(sampling.interval), micros(sampling.max_gap), micros(sampling.head),
                                 sampling.max_frames ? std::int64_t{*sampling.max_frames} : -1);
  text += input.return_hashes ? "h|" : "|";
  text += input.stop_on_match ? "s|" : "|";
  for (const std::string& list : input.lists) text += fmt::format("{}:{}|", list.size(), list);
  for (const auto& [key, value] : input.labels) {
    text += fmt::format("{}:{}={}:{}|", key.size(), key, value.size(), value);
  }
  return text;
}

media::SamplingDefaults DefaultsOf(const Config& config) {
  return {media::ParseSamplingPreset(config.sampling).value_or(media::SamplingPreset::kAdaptive),
          std::chrono::duration_cast<microseconds>(config.interval), config.max_frames};
}

// What the request asks for, or all that the lists to be consulted ask for: a list that says nothing wants
// the default.
media::SamplingPlan PlanFor(const media::SamplingRequest& request, const media::SamplingDefaults& defaults,
                            const lists::Catalog& catalog, const std::vector<std::string>& wanted) {
  if (request.ChoosesFrames()) return media::PlanOf(request, defaults);
  std::optional<media::SamplingPlan> plan;
  for (const auto& list : catalog.lists) {
    const lists::ListInfo& info = list->info;
    const bool named = wanted.empty() || std::ranges::any_of(wanted, [&](const std::string& name) {
                         return name == info.name || name == info.list_id;
                       });
    if (!named || info.policy.mode == lists::ListMode::kOff || info.kind != lists::ListKind::kBlock) continue;
    // The service's own test list has nothing to ask for.
    if (info.built_in && wanted.empty()) continue;
    media::SamplingRequest asked = info.policy.sampling;
    if (request.max_frames) asked.max_frames = request.max_frames;
    const media::SamplingPlan one = media::PlanOf(asked, defaults);
    plan = plan ? media::Union(*plan, one) : one;
  }
  return plan ? *plan : media::PlanOf(request, defaults);
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

std::string JoinCodes(const std::vector<IncompleteReason>& reasons) {
  std::string joined;
  for (const IncompleteReason& reason : reasons) {
    if (!joined.empty()) joined += ',';
    joined += media::ToString(reason.code);
  }
  return joined;
}

}  // namespace

struct Scanner::State {
  State(const Config& config, const Parts& given)
      : parts(given), answers(given.clock), current_config(std::make_shared<const Config>(config)) {}

  std::shared_ptr<const calibration::Calibration> calibration() const {
    MutexLock lock(mutex);
    return current_calibration;
  }
  std::shared_ptr<const Config> config() const {
    MutexLock lock(mutex);
    return current_config;
  }

  // What is known of an upload once it was looked at.
  struct Looked {
    ScanOutput output;     // all but the conclusion
    match::UploadEnd end;  // its reasons are what could not be looked at
  };

  struct Wanted {
    bool hashes = false;  // keep them for the answer
    media::SamplingPlan plan;
    std::vector<match::RelativeRect> crops;  // parts to hash as well
    match::Matching* matching = nullptr;     // where frames and digests are looked up; null: nowhere
    ScanReporter* reporter = nullptr;        // told of progress and matches if there is a matching
  };

  // Digests that are computed beside the decoder, if nobody has computed them before.
  struct PendingDigests {
    StatusOr<hash::Digests> value = hash::Digests{};
    std::atomic<bool> ready{false};
    bool looked_up = false;  // by the thread that scans
  };

  // One scan's limits of time.
  struct Times {
    SteadyTime started;
    SteadyTime budget_end;  // TIME_BUDGET after it
    // The caller's deadline or a little after the end of the budget, whichever comes first: frames that come
    // after the budget end decoding in order, a decoder that sends none is stopped by this.
    CallContext context;
  };

  Times TimesOf(const Config& config, const CallContext& caller) const {
    Times times;
    times.started = parts.clock.Now();
    times.budget_end = times.started + config.time_budget;
    const auto grace =
        std::min<std::chrono::milliseconds>(config.time_budget / 10, std::chrono::milliseconds(500));
    times.context = caller;
    times.context.deadline = std::min(caller.deadline, times.budget_end + grace);
    return times;
  }

  // True if `status` says that the scan's own time is over while the caller still waits.
  bool OutOfBudget(const Status& status, const CallContext& caller) const {
    return status.code() == StatusCode::kDeadlineExceeded && caller.StillWanted(parts.clock.Now()).ok();
  }

  StatusOr<Looked> Look(ScanInput& input, const Config& config, const CallContext& caller, const Times& times,
                        const Wanted& wanted);
  Status LookAtFrames(const ScanInput& input, const Config& config, const CallContext& caller,
                      const Times& times, const Wanted& wanted, PendingDigests& digests, Looked& looked);
  // Looks up digests as soon as they are there and tells of news. True if the verdict is settled and more
  // frames are not wanted.
  bool TakeStock(const ScanInput& input, const Wanted& wanted, const match::UploadEnd& so_far,
                 PendingDigests& digests);
  StatusOr<ScanOutput> ScanOnce(ScanInput& input, const std::string& scan_id, const CallContext& caller,
                                SteadyTime admitted_at, ScanObserver* observer);
  void Record(const ScanInput& input, const Config& config, const ScanOutput& output);
  // Tells of what matches too much.
  void CountHits(const match::Conclusion& conclusion, const lists::Catalog& catalog, std::uint64_t upload);
  void Report(const ScanInput& input, const CallContext& caller, const ScanOutput& output);

  const Parts parts;
  AnswerCache answers;
  match::HitBreaker breaker;
  mutable Mutex mutex;
  std::shared_ptr<const Config> current_config TAMIZ_GUARDED_BY(mutex);
  std::shared_ptr<const calibration::Calibration> current_calibration TAMIZ_GUARDED_BY(mutex) =
      calibration::BuiltIn();
};

Scanner::Scanner(const Config& config, const Parts& parts) : state_(std::make_unique<State>(config, parts)) {}
Scanner::~Scanner() = default;

// Brings the bytes in and looks at everything that is in them. Looks nothing up.
StatusOr<Scanner::State::Looked> Scanner::State::Look(ScanInput& input, const Config& config,
                                                      const CallContext& caller, const Times& times,
                                                      const Wanted& wanted) {
  Looked looked;
  ScanOutput& output = looked.output;
  if (input.not_brought_in) {
    looked.end.reasons.push_back(*input.not_brought_in);
    return looked;
  }
  if (!input.upload) {
    const SteadyTime start = parts.clock.Now();
    StatusOr<source::Upload> fetched = parts.fetcher.Fetch(input.uri, times.context);
    output.timings.fetch = Since(start, parts.clock.Now());
    parts.metrics.Fetched(SchemeOf(input.uri), OutcomeOf(fetched.status()));
    if (fetched.ok()) {
      input.upload = *std::move(fetched);
    } else if (Reason(fetched.status()) == "BYTE_LIMIT") {
      looked.end.reasons.push_back({IncompleteCode::kByteLimit, Message(fetched.status())});
      return looked;
    } else if (OutOfBudget(fetched.status(), caller)) {
      looked.end.reasons.push_back(TimeBudgetReason(config));
      return looked;
    } else {
      return fetched.status();
    }
  }
  source::Upload& upload = *input.upload;
  output.size_bytes = upload.size_bytes;
  if (!input.internal) parts.metrics.UploadBytes(upload.size_bytes);

  PendingDigests digests;
  digests.value = upload.digests;
  digests.ready = !upload.digests_pending;
  work::ComputePool::Group digesting(parts.compute, 1);
  if (upload.digests_pending) {
    digesting.Run([&] {
      digests.value = source::DigestsOf(upload);
      digests.ready.store(true, std::memory_order_release);
    });
  }
  const Status frames = LookAtFrames(input, config, caller, times, wanted, digests, looked);
  digesting.Wait();
  TAMIZ_RETURN_IF_ERROR(frames);
  if (!digests.value.ok()) return digests.value.status();
  upload.digests = *digests.value;
  upload.digests_pending = false;
  output.digests = *digests.value;
  if (wanted.matching != nullptr) (void)TakeStock(input, wanted, looked.end, digests);
  return looked;
}

bool Scanner::State::TakeStock(const ScanInput& input, const Wanted& wanted, const match::UploadEnd& so_far,
                               PendingDigests& digests) {
  match::Matching& matching = *wanted.matching;
  if (!digests.looked_up && digests.ready.load(std::memory_order_acquire) && digests.value.ok()) {
    digests.looked_up = true;
    matching.SetDigests({*digests.value, {}});
  }
  if (!wanted.reporter->wanted() && !input.stop_on_match) return false;
  for (const match::Match& match : matching.TakeNews(so_far.duration, so_far.frame_interval)) {
    wanted.reporter->Found(match);
  }
  return input.stop_on_match && matching.IsSettled();
}

Status Scanner::State::LookAtFrames(const ScanInput& input, const Config& config, const CallContext& caller,
                                    const Times& times, const Wanted& wanted, PendingDigests& digests,
                                    Looked& looked) {
  ScanOutput& output = looked.output;
  const source::Upload& upload = *input.upload;

  // The format, by its signature.
  const media::FileFormat format = media::DetectFormat(upload.head);
  const media::FormatInfo* info = media::FindFormat(format);
  if (info == nullptr) {
    looked.end.reasons.push_back(
        {IncompleteCode::kFormatUnknown,
         upload.size_bytes == 0 ? "the upload is empty" : "no known format begins like this upload"});
    return OkStatus();
  }
  output.format = info->name;
  output.media_type = info->media_type;
  if (std::string why = WhyNotDecoded(*info, config); !why.empty()) {
    looked.end.reasons.push_back({IncompleteCode::kFormatDisabled, std::move(why)});
    return OkStatus();
  }

  // The frames: hashed while the next ones are decoded.
  media::SampleRequest request;
  request.content_fd = upload.fd.get();
  request.size_bytes = upload.size_bytes;
  request.format = format;
  request.plan = wanted.plan;
  request.formats_off = FormatsOff(config);

  // An upload that is known by its digest need not be decoded.
  if (wanted.matching != nullptr && TakeStock(input, wanted, looked.end, digests)) {
    output.stopped_on_match = true;
    looked.end.settled_early = true;
    return OkStatus();
  }

  std::optional<hash::LookOptions> wanted_looks;
  if (wanted.matching != nullptr) wanted_looks = wanted.matching->WantedLooks();
  FrameHashing hashing(parts.compute, parts.clock, wanted_looks);
  hashing.AlsoHash(wanted.crops);
  std::optional<FrameLookup> lookup;
  if (wanted.matching != nullptr) lookup.emplace(parts.compute, parts.clock, *wanted.matching);
  const auto pass_on = [&](std::vector<match::FrameEvidence>&& looks) {
    if (wanted.hashes) KeepHashes(looks, output.hashes);
    for (const match::FrameEvidence& look : looks) {
      if (wanted.crops.empty() || look.index != 0 || look.kind != hash::LookKind::kRegion) continue;
      output.crops.push_back({look.rect, look.pdq.hashes[0], look.pdq.quality});
    }
    if (lookup) lookup->Add(std::move(looks));
  };

  bool stopped_by_budget = false;
  looked.end.frame_interval = request.plan.Spacing();
  // What is done between two frames. False ends decoding.
  const auto go_on = [&](const media::SampleOutcome& so_far) {
    stopped_by_budget = parts.clock.Now() >= times.budget_end;
    looked.end.duration = EndOfTime(so_far);
    // Before the next batch is begun: while one is looked up nobody else may ask.
    if (lookup && lookup->Idle() != nullptr) {
      output.stopped_on_match = TakeStock(input, wanted, looked.end, digests);
    }
    pass_on(hashing.Take());
    if (!lookup) return !stopped_by_budget;
    wanted.reporter->Progress({.frames_planned = so_far.frames_planned,
                               .frames_decoded = hashing.frames(),
                               .frames_hashed = lookup->frames_done(),
                               .time_reached = std::max(so_far.last_time, hashing.last_time()),
                               .duration = looked.end.duration,
                               .size_bytes = upload.size_bytes});
    return !stopped_by_budget && !output.stopped_on_match;
  };
  media::SampleOutcome last_known;
  request.on_progress = [&](const media::SampleOutcome& so_far) {
    last_known = so_far;
    return go_on(so_far);
  };
  const SteadyTime decode_start = parts.clock.Now();
  StatusOr<media::SampleOutcome> sampled =
      parts.frames.Sample(request, times.context, [&](std::unique_ptr<media::Frame> frame) {
        hashing.Add(std::move(frame));
        return go_on(last_known);
      });
  output.timings.decode = Since(decode_start, parts.clock.Now());
  pass_on(hashing.TakeRest());
  if (lookup) {
    lookup->Finish();
    output.timings.match = lookup->lookup_time();
  }

  // What was seen, and what was not.
  media::SampleOutcome outcome;
  if (sampled.ok()) {
    outcome = *std::move(sampled);
    if (stopped_by_budget) outcome.reasons.push_back(TimeBudgetReason(config));
  } else if (OutOfBudget(sampled.status(), caller)) {
    outcome = last_known;
    outcome.frames_delivered = hashing.frames();
    outcome.last_time = std::max(outcome.last_time, hashing.last_time());
    outcome.reasons.push_back(TimeBudgetReason(config));
  } else {
    return sampled.status();
  }
  TAMIZ_RETURN_IF_ERROR(caller.StillWanted(parts.clock.Now()));
  StateCoverage(outcome, output);
  output.plan = request.plan;
  output.media = outcome.media;
  output.frames_planned = outcome.frames_planned;
  output.frames_decoded = outcome.frames_delivered;
  output.timings.hash = hashing.hash_time();
  output.frames_repeated = hashing.repeats();
  output.pictures = outcome.counts;
  output.parts = outcome.parts;
  output.unrecognised_bytes = outcome.unrecognised_bytes;
  const bool moving = EndOfTime(outcome) > microseconds(0) || outcome.media.animated ||
                      std::ranges::any_of(outcome.parts, &media::MediaPart::animated);
  looked.end.duration = EndOfTime(outcome);
  looked.end.settled_early = output.stopped_on_match;
  looked.end.frame_interval = moving ? request.plan.Spacing() : microseconds(0);
  if (moving && request.plan.every_frame && outcome.frames_delivered > 0 && !output.stopped_on_match) {
    looked.end.frame_interval = looked.end.duration / static_cast<std::int64_t>(outcome.frames_delivered);
  }
  looked.end.reasons.insert(looked.end.reasons.end(), outcome.reasons.begin(), outcome.reasons.end());
  return OkStatus();
}

StatusOr<ScanOutput> Scanner::State::ScanOnce(ScanInput& input, const std::string& scan_id,
                                              const CallContext& caller, SteadyTime admitted_at,
                                              ScanObserver* observer) {
  const std::shared_ptr<const Config> config = this->config();
  const Times times = TimesOf(*config, caller);
  TAMIZ_RETURN_IF_ERROR(caller.StillWanted(times.started));

  // One snapshot of the lists for the whole scan.
  const std::shared_ptr<const lists::Catalog> catalog = parts.lists.Current();
  for (const std::string& wanted : input.lists) {
    const bool unavailable = std::ranges::any_of(
        catalog->unavailable,
        [&](const lists::UnavailableList& list) { return list.name == wanted || list.list_id == wanted; });
    if (!unavailable && catalog->Find(wanted) == nullptr) {
      return WithField(NotFound(fmt::format("there is no list \"{}\"", wanted)), "lists");
    }
  }

  ScanReporter reporter(observer, parts.clock, input.progress_interval);
  AnswerCache::Begun begun;
  if (!input.request_id.empty() && config->idempotency_ttl.count() > 0 && !input.not_brought_in) {
    const auto content = [&]() -> StatusOr<std::string> {
      if (!input.upload) return std::string();
      if (input.upload->digests_pending) {
        TAMIZ_ASSIGN_OR_RETURN(input.upload->digests, source::DigestsOf(*input.upload));
        input.upload->digests_pending = false;
      }
      const auto& sha256 = input.upload->digests.sha256;
      return std::string(sha256.begin(), sha256.end());
    };
    StatusOr<AnswerCache::Begun> answer =
        answers.Begin({input.request_id, OptionsOf(input), catalog->generation}, caller, content);
    if (!answer.ok()) return answer.status();
    begun = *std::move(answer);
    if (begun.replay != nullptr) {
      reporter.Concluded(begun.replay->conclusion);
      return *begun.replay;
    }
  }
  const bool by_uri = !input.upload.has_value();

  TAMIZ_ASSIGN_OR_RETURN(match::Matching matching,
                         match::Matching::Start(*catalog, input.lists, parts.clock.WallNow(), calibration()));
  reporter.Progress({});
  StatusOr<Looked> looked = Look(input, *config, caller, times,
                                 {.hashes = input.return_hashes,
                                  .plan = PlanFor(input.sampling, DefaultsOf(*config), *catalog, input.lists),
                                  .matching = &matching,
                                  .reporter = &reporter});
  if (!looked.ok()) return looked.status();
  ScanOutput output = std::move(looked->output);
  output.scan_id = scan_id;
  output.request_id = input.request_id;

  const SteadyTime match_start = parts.clock.Now();
  output.conclusion = matching.Finish(std::move(looked->end));
  reporter.Concluded(output.conclusion);

  const SteadyTime finished = parts.clock.Now();
  output.timings.match += Since(match_start, finished);
  output.timings.queue = std::max(microseconds(0), Since(admitted_at, times.started));
  output.timings.total = std::max(microseconds(0), Since(admitted_at, finished));
  output.timings.started_at = parts.clock.WallNow() - Since(times.started, finished);

  Record(input, *config, output);
  Report(input, caller, output);
  if (!input.internal) CountHits(output.conclusion, *catalog, match::UploadNumber(output.digests));
  if (begun.ticket != nullptr &&
      std::ranges::none_of(output.conclusion.reasons, [](const auto& r) { return MayPass(r.code); })) {
    const auto& sha256 = output.digests.sha256;
    begun.ticket->Complete(by_uri ? std::string() : std::string(sha256.begin(), sha256.end()), output,
                           config->idempotency_ttl);
  }
  return output;
}

// Written before the answer leaves: whoever was told of a match finds it in the records. A store that cannot
// write must not turn a match into an error, so a failure is logged and counted, and the answer goes out.
void Scanner::State::Record(const ScanInput& input, const Config& config, const ScanOutput& output) {
  const match::Conclusion& found = output.conclusion;
  if (!config.record_matches || input.internal || (found.matches.empty() && found.suppressions.empty()))
    return;
  store::ScanRecord record;
  record.scan_id = output.scan_id;
  record.request_id = output.request_id;
  record.at = parts.clock.WallNow();
  record.verdict = match::ToString(output.conclusion.verdict);
  record.confidence = output.conclusion.confidence;
  record.labels = input.labels;
  for (const match::Match& match : output.conclusion.matches) {
    record.hits.push_back({match.list_id, match.list_version, match.entry_id, match.distance, match.shadow});
  }
  for (const match::Suppression& suppression : found.suppressions) {
    const auto& [match, by] = suppression;
    record.hits.push_back(
        {match.list_id, match.list_version, match.entry_id, match.distance, false, by.list_id, by.entry_id});
  }
  if (const Status status = parts.store.Record(record); !status.ok()) {
    LogError("a match could not be recorded",
             {{"scan_id", output.scan_id}, {"verdict", record.verdict}, {"error", Message(status)}});
    parts.metrics.ScanFailed("RECORD_LOST");
  }
}

void Scanner::State::CountHits(const match::Conclusion& conclusion, const lists::Catalog& catalog,
                               std::uint64_t upload) {
  if (!parts.on_trip || conclusion.matches.empty()) return;
  const SteadyTime now = parts.clock.Now();
  for (const match::HitBreaker::Trip& trip : breaker.Count(conclusion, catalog, upload, now)) {
    if (const Status status = parts.on_trip(trip); !status.ok()) {
      LogWarn("a breaker reached its limit and could not be tripped",
              {{"list", trip.list_name}, {"entry", trip.entry_id}, {"error", Message(status)}});
      breaker.Forget(trip.list_id, trip.entry_id);
    }
  }
}

// An allow list that takes too much away is as bad as a list that finds too little: say which entry did it.
void LogSuppressions(const ScanOutput& output) {
  for (const match::Suppression& suppression : output.conclusion.suppressions) {
    LogInfo("an allow list took a match away",
            {{"scan_id", output.scan_id},
             {"list", suppression.taken_away.list_name},
             {"entry", suppression.taken_away.entry_id},
             {"allow_list", suppression.by.list_name},
             {"allow_version", static_cast<std::int64_t>(suppression.by.list_version)},
             {"allow_entry", suppression.by.entry_id}});
  }
}

void Scanner::State::Report(const ScanInput& input, const CallContext& caller, const ScanOutput& output) {
  const match::Conclusion& conclusion = output.conclusion;
  if (!input.internal) {
    parts.metrics.ScanFinished(match::ToString(conclusion.verdict));
    for (const IncompleteReason& reason : conclusion.reasons) {
      parts.metrics.Incomplete(media::ToString(reason.code));
    }
    parts.metrics.Frames(output.frames_decoded, conclusion.frames_hashed, conclusion.frames_low_quality);
    for (const match::Match& match : conclusion.matches) {
      parts.metrics.Matched(match.list_name, match.shadow ? "shadow" : "enforce");
    }
    for (const match::NearMisses& near : conclusion.near_misses) {
      parts.metrics.NearMisses(near.list_name, near.review, near.dropped);
    }
    if (conclusion.suppressed > 0) parts.metrics.Suppressed(conclusion.suppressed);
    LogSuppressions(output);
    parts.metrics.StageTook(metrics::Stage::kQueue, output.timings.queue);
    if (output.timings.fetch.count() > 0) {
      parts.metrics.StageTook(metrics::Stage::kFetch, output.timings.fetch);
    }
    parts.metrics.StageTook(metrics::Stage::kDecode, output.timings.decode);
    parts.metrics.StageTook(metrics::Stage::kHash, output.timings.hash);
    parts.metrics.StageTook(metrics::Stage::kMatch, output.timings.match);
    parts.metrics.StageTook(metrics::Stage::kTotal, output.timings.total);
  }
  // The request's own names and labels stay out: their content is the caller's.
  LogInfo("scan finished", {{"scan_id", output.scan_id},
                            {"verdict", std::string(match::ToString(conclusion.verdict))},
                            {"reason", JoinCodes(conclusion.reasons)},
                            {"matches", static_cast<std::int64_t>(conclusion.matches.size())},
                            {"suppressed", std::int64_t{conclusion.suppressed}},
                            {"stopped_on_match", output.stopped_on_match},
                            {"format", output.format},
                            {"bytes", static_cast<std::int64_t>(output.size_bytes)},
                            {"frames", static_cast<std::int64_t>(output.frames_decoded)},
                            {"frames_hashed", static_cast<std::int64_t>(conclusion.frames_hashed)},
                            {"generation", static_cast<std::int64_t>(conclusion.generation)},
                            {"total_ms", static_cast<double>(output.timings.total.count()) / 1000},
                            {"self_test", input.internal},
                            {"trace_parent", caller.trace_parent}});
}

StatusOr<ScanOutput> Scanner::Scan(ScanInput input, const CallContext& context, SteadyTime admitted_at,
                                   ScanObserver* observer) {
  const std::string scan_id = NewUuid();
  StatusOr<ScanOutput> output = state_->ScanOnce(input, scan_id, context, admitted_at, observer);
  if (!output.ok()) {
    const std::string code = absl::StatusCodeToString(output.status().code());
    state_->parts.metrics.ScanFailed(code);
    LogInfo("scan failed", {{"scan_id", scan_id},
                            {"code", code},
                            {"reason", Reason(output.status())},
                            {"trace_parent", context.trace_parent}});
  }
  return output;
}

StatusOr<ScanOutput> Scanner::Hash(ScanInput input, const CallContext& context, SteadyTime admitted_at,
                                   std::vector<match::RelativeRect> crops) {
  const std::shared_ptr<const Config> config = state_->config();
  const State::Times times = state_->TimesOf(*config, context);
  TAMIZ_RETURN_IF_ERROR(context.StillWanted(times.started));
  // Hashes that leave the service become entries of lists: they are those that everybody computes.
  media::SamplingDefaults defaults = DefaultsOf(*config);
  defaults.preset = media::SamplingPreset::kExact;
  StatusOr<State::Looked> looked = state_->Look(
      input, *config, context, times,
      {.hashes = true, .plan = media::PlanOf(input.sampling, defaults), .crops = std::move(crops)});
  if (!looked.ok()) {
    state_->parts.metrics.ScanFailed(absl::StatusCodeToString(looked.status().code()));
    return looked.status();
  }
  ScanOutput output = std::move(looked->output);
  output.scan_id = NewUuid();
  output.request_id = input.request_id;
  output.conclusion.reasons = std::move(looked->end.reasons);
  for (const FrameHash& frame : output.hashes) {
    ++(frame.pdq.quality >= match::kDefaultQualityFloor ? output.conclusion.frames_hashed
                                                        : output.conclusion.frames_low_quality);
  }
  const SteadyTime finished = state_->parts.clock.Now();
  output.timings.queue = std::max(microseconds(0), Since(admitted_at, times.started));
  output.timings.total = std::max(microseconds(0), Since(admitted_at, finished));
  output.timings.started_at = state_->parts.clock.WallNow() - Since(times.started, finished);
  return output;
}

StatusOr<match::Conclusion> Scanner::Lookup(const match::Evidence& evidence,
                                            const std::vector<std::string>& lists) {
  const std::shared_ptr<const lists::Catalog> catalog = state_->parts.lists.Current();
  StatusOr<match::Conclusion> conclusion =
      match::Conclude(evidence, *catalog, lists, {}, state_->parts.clock.WallNow(), state_->calibration());
  if (!conclusion.ok()) return conclusion;
  for (const match::Match& match : conclusion->matches) {
    state_->parts.metrics.Matched(match.list_name, match.shadow ? "shadow" : "enforce");
  }
  for (const match::NearMisses& near : conclusion->near_misses) {
    state_->parts.metrics.NearMisses(near.list_name, near.review, near.dropped);
  }
  if (conclusion->suppressed > 0) state_->parts.metrics.Suppressed(conclusion->suppressed);
  state_->CountHits(*conclusion, *catalog, match::UploadNumber(evidence));
  return conclusion;
}

void Scanner::ForgetHits(std::string_view list_id, std::string_view entry_id) {
  state_->breaker.Forget(list_id, entry_id);
}

Status Scanner::Validate(const ScanInput& input) const {
  const std::shared_ptr<const Config> config = state_->config();
  if (input.request_id.size() > kMaxRequestIdBytes) {
    return Fault("request_id", fmt::format("request_id has {} bytes; at most {} are accepted",
                                           input.request_id.size(), kMaxRequestIdBytes));
  }
  if (input.uri.size() > kMaxUriBytes) {
    return Fault("uri",
                 fmt::format("uri has {} bytes; at most {} are accepted", input.uri.size(), kMaxUriBytes));
  }
  if (input.lists.size() > kMaxLists) {
    return Fault("lists",
                 fmt::format("{} lists are named; at most {} are accepted", input.lists.size(), kMaxLists));
  }
  if (input.labels.size() > kMaxLabels) {
    return Fault("labels",
                 fmt::format("{} labels; at most {} are accepted", input.labels.size(), kMaxLabels));
  }
  for (const auto& [key, value] : input.labels) {
    if (key.empty() || key.size() > kMaxLabelBytes || value.size() > kMaxLabelBytes) {
      return Fault("labels",
                   fmt::format("a label's key has 1 to {0} bytes and its value at most {0}", kMaxLabelBytes));
    }
  }
  if (input.progress_interval < kMinProgressInterval || input.progress_interval > kMaxProgressInterval) {
    return Fault("progress_interval", fmt::format("progress_interval is {} ms; 20 ms to 60 s are accepted",
                                                  input.progress_interval.count()));
  }
  return input.sampling.Validate(config->max_frames);
}

void Scanner::Reconfigure(const Config& config) {
  {
    MutexLock lock(state_->mutex);
    state_->current_config = std::make_shared<const Config>(config);
  }
  state_->answers.Clear();
}

void Scanner::SetCalibration(std::shared_ptr<const calibration::Calibration> calibration) {
  {
    MutexLock lock(state_->mutex);
    state_->current_calibration = std::move(calibration);
  }
  state_->answers.Clear();
}

std::shared_ptr<const calibration::Calibration> Scanner::calibration() const { return state_->calibration(); }

std::string Scanner::WhyDisabled(media::FileFormat format) const {
  const media::FormatInfo* info = media::FindFormat(format);
  return info == nullptr ? "not a format" : WhyNotDecoded(*info, *state_->config());
}

}  // namespace tamiz::scan
