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
#include "core/scan/idempotency.h"
#include "core/scan/scan_outcome.h"
#include "core/scan/scan_plan.h"
#include "core/scan/scan_reporter.h"
#include "core/scan/upload_look.h"

namespace tamiz::scan {
namespace {

using media::IncompleteCode;
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

  StatusOr<ScanOutput> ScanOnce(ScanInput& input, const std::string& scan_id, const CallContext& caller,
                                SteadyTime admitted_at, ScanObserver* observer);
  // Tells of what matches too much.
  void CountHits(const match::Conclusion& conclusion, const lists::Catalog& catalog, std::uint64_t upload);

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

StatusOr<ScanOutput> Scanner::State::ScanOnce(ScanInput& input, const std::string& scan_id,
                                              const CallContext& caller, SteadyTime admitted_at,
                                              ScanObserver* observer) {
  const std::shared_ptr<const Config> config = this->config();
  const ScanTimes times = TimesOf(*config, caller, parts.clock.Now());
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
  const UploadLook::Wanted wanted{.hashes = input.return_hashes,
                                  .plan = PlanFor(input.sampling, DefaultsOf(*config), *catalog, input.lists),
                                  .matching = &matching,
                                  .reporter = &reporter};
  StatusOr<Looked> looked = UploadLook(parts, *config, caller, times, wanted).Look(input);
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

  Record(parts, input, *config, output);
  Report(parts, input, caller, output);
  if (!input.internal) CountHits(output.conclusion, *catalog, match::UploadNumber(output.digests));
  if (begun.ticket != nullptr &&
      std::ranges::none_of(output.conclusion.reasons, [](const auto& r) { return MayPass(r.code); })) {
    const auto& sha256 = output.digests.sha256;
    begun.ticket->Complete(by_uri ? std::string() : std::string(sha256.begin(), sha256.end()), output,
                           config->idempotency_ttl);
  }
  return output;
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
  const ScanTimes times = TimesOf(*config, context, state_->parts.clock.Now());
  TAMIZ_RETURN_IF_ERROR(context.StillWanted(times.started));
  // Hashes that leave the service become entries of lists: they are those that everybody computes.
  media::SamplingDefaults defaults = DefaultsOf(*config);
  defaults.preset = media::SamplingPreset::kExact;
  const UploadLook::Wanted wanted{
      .hashes = true, .plan = media::PlanOf(input.sampling, defaults), .crops = std::move(crops)};
  StatusOr<Looked> looked = UploadLook(state_->parts, *config, context, times, wanted).Look(input);
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
