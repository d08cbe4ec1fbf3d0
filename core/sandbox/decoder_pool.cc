#include "core/sandbox/decoder_pool.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>
#include <thread>
#include <utility>

#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/sandbox/decoder_end.h"
#include "core/sandbox/decoder_supply.h"
#include "core/sandbox/layers.h"
#include "core/sandbox/message_check.h"
#include "core/sandbox/plan_wire.h"
#include "core/sandbox/socket_message.h"

namespace tamiz::sandbox {
namespace {

using media::IncompleteCode;
using media::IncompleteReason;
using media::SampleOutcome;
using media::SampleRequest;
using std::chrono::milliseconds;

// Decoders tried for one upload, should they die before they have it.
constexpr int kAttempts = 5;
// Decoders given to one upload, should one be killed from outside before it showed anything.
constexpr int kUploadAttempts = 2;
// From a fork to a confined decoder; milliseconds on an idle machine.
constexpr auto kReadyTimeout = std::chrono::seconds(30);
// A process whose channel is closed is all but dead.
constexpr auto kDyingTimeout = std::chrono::seconds(1);
// Address space for what grows by itself: stack, loader, the mapping's rounding.
constexpr std::uint64_t kSlackBytes = 16u << 20;

bool IsPicture(media::FileFormat format) {
  using media::FileFormat;
  switch (format) {
    case FileFormat::kJpeg:
    case FileFormat::kPng:
    case FileFormat::kGif:
    case FileFormat::kWebp:
    case FileFormat::kBmp:
    case FileFormat::kTiff:
    case FileFormat::kHeic:
    case FileFormat::kAvif:
    case FileFormat::kJpegXl:
    case FileFormat::kJpeg2000:
      return true;
    case FileFormat::kUnknown:
    case FileFormat::kMp4:
    case FileFormat::kMatroska:
    case FileFormat::kAvi:
    case FileFormat::kMpegTs:
    case FileFormat::kFlv:
    case FileFormat::kMpegPs:
    case FileFormat::kOgg:
    case FileFormat::kMp3:
    case FileFormat::kWav:
    case FileFormat::kFlac:
    case FileFormat::kAac:
    case FileFormat::kAsf:
      return false;
  }
  return false;
}

std::string BesideThisProgram() {
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0 || length == sizeof path) return "tamiz-decoder";
  const std::string_view self(path, static_cast<std::size_t>(length));
  return std::string(self.substr(0, self.rfind('/') + 1)) + "tamiz-decoder";
}

template <typename T>
Status InRange(const char* key, T value, T low, T high, const char* unit = "") {
  if (value >= low && value <= high) return OkStatus();
  return WithField(
      InvalidArgument(fmt::format("decode.{} is {}{}; allowed is {} to {}", key, value, unit, low, high)),
      std::string("decode.") + key);
}

// Threads cost memory and a start; a video of less is done before they pay.
constexpr std::uint64_t kThreadedBytes = 4u << 20;

std::uint32_t ThreadsFor(const Config& config, const SampleRequest& request, std::size_t running) {
  if (IsPicture(request.format) || request.size_bytes < kThreadedBytes) return 1;
  const std::uint32_t most =
      config.decoder_threads > 0 ? config.decoder_threads : std::max(1U, std::thread::hardware_concurrency());
  return std::max<std::uint32_t>(1, most / static_cast<std::uint32_t>(std::max<std::size_t>(running, 1)));
}

// What one call of Sample ended with.
struct End {
  ExitReason reason = ExitReason::kFinished;
  std::optional<IncompleteReason> incomplete;
  Status status;               // not OK: the call's answer
  bool before_upload = false;  // the decoder had not got the upload yet: another may have it
  bool from_outside = false;   // somebody else killed it

  static End Finished() { return {}; }
  static End Broken(std::string_view rule) {
    return {ExitReason::kCrashed,
            IncompleteReason{IncompleteCode::kDecoderCrashed,
                             fmt::format("the decoder broke the protocol: {}", rule)},
            OkStatus()};
  }
  static End NoDecoder(std::string_view why) {
    return {ExitReason::kCrashed, std::nullopt, MakeError(StatusCode::kUnavailable, why), true};
  }
};

}  // namespace

Status Validate(const Config& config) {
  using std::chrono::seconds;
  TAMIZ_RETURN_IF_ERROR(
      InRange<std::int64_t>("wall_time", config.wall_time.count(), 100, std::int64_t{3600} * 1000, " ms"));
  TAMIZ_RETURN_IF_ERROR(InRange<std::int64_t>("cpu_time", config.cpu_time.count(), 1, 3600, " s"));
  TAMIZ_RETURN_IF_ERROR(
      InRange<std::int64_t>("still_cpu_time", config.still_cpu_time.count(), 1, 3600, " s"));
  TAMIZ_RETURN_IF_ERROR(InRange<std::uint64_t>("memory_bytes", config.memory_bytes, std::uint64_t{64} << 20,
                                               std::uint64_t{64} << 30));
  TAMIZ_RETURN_IF_ERROR(
      InRange<std::uint64_t>("max_frame_pixels", config.max_frame_pixels, 1, std::uint64_t{1} << 30));
  TAMIZ_RETURN_IF_ERROR(InRange<std::uint32_t>("max_dimension", config.max_dimension, 1, 65'535));
  TAMIZ_RETURN_IF_ERROR(
      InRange<std::uint64_t>("max_total_pixels", config.max_total_pixels, 1, std::uint64_t{1} << 50));
  TAMIZ_RETURN_IF_ERROR(InRange<std::uint64_t>("max_packets", config.max_packets, 1, std::uint64_t{1} << 40));
  TAMIZ_RETURN_IF_ERROR(InRange<std::uint32_t>("decoder_threads", config.decoder_threads, 0, 64));
  TAMIZ_RETURN_IF_ERROR(InRange<std::uint32_t>("spare_decoders", config.spare_decoders, 0, 64));
  TAMIZ_RETURN_IF_ERROR(
      InRange<std::uint64_t>("prepared_bytes", config.prepared_bytes, 0, std::uint64_t{1} << 30));
  TAMIZ_RETURN_IF_ERROR(InRange<std::uint32_t>("frame_slots", config.frame_slots, 1, kMaxSlots));
  if (const auto layers = LayersOf(config.required_layers); !layers.ok()) {
    return WithField(InvalidArgument(fmt::format("decode.required_layers: {}", Message(layers.status()))),
                     "decode.required_layers");
  }
  return OkStatus();
}

struct DecoderPool::State {
  Config config;
  std::unique_ptr<DecoderSupply> supply;
  std::function<void(ExitReason)> listener;
  std::atomic<std::uint64_t> out_of_memory_kills{OutOfMemoryKills()};

  Mutex mutex;
  bool stopped TAMIZ_GUARDED_BY(mutex) = false;
  // Wake descriptors of the calls that run.
  std::set<int> running TAMIZ_GUARDED_BY(mutex);
};

namespace {

// Shows what the frame before it showed.
class RepeatedFrame final : public media::Frame {
 public:
  [[nodiscard]] media::LumaView luma() const override { return {}; }
};

// One call of Sample: a decoder, its messages, its end.
class Run {
 public:
  Run(const Config& config, const DecoderSupply& supply, const SampleRequest& request,
      const CallContext& context, const DecoderPool::FrameSink& sink, int wake, Decoder& decoder,
      std::atomic<std::uint64_t>& out_of_memory_kills, std::uint32_t threads, SampleOutcome& outcome)
      : config_(config),
        supply_(supply),
        request_(request),
        context_(context),
        sink_(sink),
        wake_(wake),
        decoder_(decoder),
        out_of_memory_kills_(out_of_memory_kills),
        threads_(threads),
        outcome_(outcome),
        check_(MessageLimits{config.frame_slots, SlotBytes(config.max_frame_pixels, config.max_dimension),
                             config.max_frame_pixels, config.max_dimension, request.plan.max_frames,
                             request.size_bytes}),
        cpu_limit_(IsPicture(request.format) ? config.still_cpu_time : config.cpu_time) {}

  // Drives the decoder to its end. The caller buries it, unless `reaped`.
  End Drive(const std::function<bool()>& stopped) {
    if (std::optional<End> end = AwaitReady(stopped)) return *std::move(end);
    if (!Limit()) return End::NoDecoder("a decoder's limits could not be set");
    if (SendJob() != 0) return End::NoDecoder("a decoder died before its upload");
    const SteadyTime started = std::chrono::steady_clock::now();
    last_sign_ = started;
    const SteadyTime wall_end = started + config_.wall_time;
    for (;;) {
      DecoderMessage message;
      const Received received =
          ReceiveMessage(decoder_.channel->socket(), WritableBytesOf(message), false, MSG_DONTWAIT);
      if (received.bytes > 0) {
        if (std::optional<End> end = Handle(message, received.bytes)) return *std::move(end);
        // A stream of messages must not keep us from looking at the clock.
        if (std::optional<End> end = Interrupted(wall_end, stopped)) return *std::move(end);
        continue;
      }
      if (received.bytes == 0 || received.error != EAGAIN) return Died();
      Poll(std::min(wall_end, context_.deadline));
      if (std::optional<End> end = Interrupted(wall_end, stopped)) return *std::move(end);
    }
  }

  [[nodiscard]] bool reaped() const { return reaped_; }

 private:
  // Waits for a message, the decoder's end, a wake-up or `until`.
  void Poll(SteadyTime until) {
    const auto left = std::max(until - std::chrono::steady_clock::now(), SteadyTime::duration::zero());
    const auto bounded = std::min<SteadyTime::duration>(left, std::chrono::minutes(1));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(bounded);
    const timespec timeout{static_cast<time_t>(seconds.count()),
                           static_cast<long>((bounded - seconds).count())};
    pollfd fds[] = {{decoder_.channel->socket(), POLLIN, 0}, {wake_, POLLIN, 0}};
    (void)::ppoll(fds, std::size(fds), &timeout, nullptr);
  }

  std::optional<End> AwaitReady(const std::function<bool()>& stopped) {
    const SteadyTime give_up = std::chrono::steady_clock::now() + kReadyTimeout;
    for (;;) {
      DecoderMessage message;
      const Received received =
          ReceiveMessage(decoder_.channel->socket(), WritableBytesOf(message), false, MSG_DONTWAIT);
      if (received.bytes > 0) {
        if (!check_.Admit(message, received.bytes, 0).empty() ||
            (message.ready.layers & supply_.required_layers()) != supply_.required_layers()) {
          return End::NoDecoder("a decoder could not be confined");
        }
        layers_ = message.ready.layers;
        return std::nullopt;
      }
      if (received.bytes == 0 || received.error != EAGAIN)
        return End::NoDecoder("a decoder died before its upload");
      const SteadyTime now = std::chrono::steady_clock::now();
      if (Status wanted = context_.StillWanted(now); !wanted.ok()) {
        return End{ExitReason::kCancelled, std::nullopt, wanted};
      }
      if (stopped()) return Stopped();
      if (now >= give_up) return End::NoDecoder("a decoder did not get ready in time");
      Poll(std::min(give_up, context_.deadline));
    }
  }

  // Limits that depend on the upload. By the server, since the decoder may not change its own once confined.
  bool Limit() {
    const auto seconds = static_cast<rlim_t>(cpu_limit_.count());
    // Soft before hard, so that the signal says what happened.
    const rlimit cpu{seconds, seconds + 1};
    bool ok = ::prlimit(decoder_.pid, RLIMIT_CPU, &cpu, nullptr) == 0;
    if ((layers_ & static_cast<std::uint32_t>(Layer::kAddressSpace)) != 0) {
      const rlim_t bytes =
          supply_.address_space_bytes() + config_.memory_bytes + request_.size_bytes + kSlackBytes;
      const rlimit space{bytes, bytes};
      ok = ok && ::prlimit(decoder_.pid, RLIMIT_AS, &space, nullptr) == 0;
    }
    return ok;
  }

  int SendJob() {
    Job job{};
    job.size_bytes = request_.size_bytes;
    job.max_frame_pixels = config_.max_frame_pixels;
    job.max_total_pixels = config_.max_total_pixels;
    if (request_.max_total_pixels > 0)
      job.max_total_pixels = std::min(job.max_total_pixels, request_.max_total_pixels);
    job.max_packets = config_.max_packets;
    job.formats_off = request_.formats_off;
    WritePlan(request_.plan, job);
    job.max_dimension = config_.max_dimension;
    job.threads = threads_;
    job.format = static_cast<std::uint32_t>(request_.format);
    const int fds[] = {request_.content_fd};
    return SendMessage(decoder_.channel->socket(), BytesOf(job), fds, MSG_DONTWAIT);
  }

  // An end if `message` is the last or a lie, or nobody wants more.
  std::optional<End> Handle(const DecoderMessage& message, std::int64_t bytes) {
    const std::string_view broken = check_.Admit(message, bytes, decoder_.channel->leased());
    if (!broken.empty()) return End::Broken(broken);
    switch (message.kind) {
      case MessageKind::kReady:
        return std::nullopt;
      case MessageKind::kMedia:
        outcome_.media = ToMediaInfo(message.media);
        return Tell();
      case MessageKind::kPlanned:
        outcome_.frames_planned = message.planned.frames;
        return Tell();
      case MessageKind::kFrame: {
        last_sign_ = std::chrono::steady_clock::now();
        outcome_.frames_delivered = check_.distinct_frames();
        Reached(message.frame.time_micros);
        std::unique_ptr<media::Frame> frame = decoder_.channel->Lease(message.frame);
        CountInPart(*frame);
        if (!sink_(std::move(frame))) return End{ExitReason::kCancelled, std::nullopt, {}};
        return std::nullopt;
      }
      case MessageKind::kProgress:
        last_sign_ = std::chrono::steady_clock::now();
        Reached(message.progress.time_micros);
        return Tell();
      case MessageKind::kIncomplete:
        outcome_.reasons.push_back(ToReason(message.incomplete));
        outcome_.reasons.back().part = part();
        return std::nullopt;
      case MessageKind::kFinished:
        outcome_.counts = {message.finished.seen, message.finished.skipped, message.finished.rejected};
        outcome_.unrecognised_bytes = message.finished.unrecognised_bytes;
        return End::Finished();
      case MessageKind::kRepeat: {
        last_sign_ = std::chrono::steady_clock::now();
        outcome_.frames_delivered = check_.distinct_frames();
        Reached(message.repeat.time_micros);
        auto frame = std::make_unique<RepeatedFrame>();
        frame->index = message.repeat.index;
        frame->time = std::chrono::microseconds(message.repeat.time_micros);
        frame->is_repeat = true;
        CountInPart(*frame);
        if (!sink_(std::move(frame))) return End{ExitReason::kCancelled, std::nullopt, {}};
        return std::nullopt;
      }
      case MessageKind::kUnseen:
        outcome_.unseen.push_back({std::chrono::microseconds(message.unseen.start_micros),
                                   std::chrono::microseconds(message.unseen.end_micros)});
        return std::nullopt;
      case MessageKind::kPart:
        last_sign_ = std::chrono::steady_clock::now();
        if (message.part.index > part()) outcome_.parts.emplace_back();
        outcome_.parts.back() = ToMediaPart(message.part);
        return Tell();
    }
    return End::Broken("a message of unknown kind");
  }

  // An end if nobody wants more.
  std::optional<End> Tell() {
    if (!request_.on_progress || request_.on_progress(outcome_)) return std::nullopt;
    return End{ExitReason::kCancelled, std::nullopt, {}};
  }

  // The part that the decoder is at.
  [[nodiscard]] std::uint32_t part() const { return static_cast<std::uint32_t>(outcome_.parts.size()); }

  void CountInPart(media::Frame& frame) {
    frame.part = part();
    if (frame.part == 0) {
      frame.is_still = outcome_.media.duration.count() == 0 && !outcome_.media.animated;
      return;
    }
    frame.is_still = outcome_.parts.back().duration.count() == 0 && !outcome_.parts.back().animated;
    // Variants of a frame count once.
    const std::uint64_t index = std::uint64_t{frame.index} + 1;
    if (index > counted_) ++outcome_.parts.back().frames;
    counted_ = index;
  }

  void Reached(std::int64_t micros) {
    if (part() > 0) return;
    outcome_.last_time = std::max(outcome_.last_time, std::chrono::microseconds(micros));
  }

  std::optional<End> Interrupted(SteadyTime wall_end, const std::function<bool()>& stopped) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (stopped()) return Stopped();
    if (Status wanted = context_.StillWanted(now); !wanted.ok()) {
      return End{ExitReason::kCancelled, std::nullopt, wanted};
    }
    if (now < wall_end) return std::nullopt;
    // Slow but honest work ends by the budget; silence is a hang.
    const bool at_work = now - last_sign_ < config_.wall_time / 4;
    const std::string limit = fmt::format("{} ms (decode.wall_time)", config_.wall_time.count());
    return End{ExitReason::kTimeout,
               at_work ? IncompleteReason{IncompleteCode::kTimeBudget, "decoding was stopped after " + limit}
                       : IncompleteReason{IncompleteCode::kDecoderTimeout,
                                          "the decoder gave no result within " + limit},
               OkStatus()};
  }

  static End Stopped() {
    return {ExitReason::kCancelled, std::nullopt,
            MakeError(StatusCode::kUnavailable, "the decoder pool is stopped")};
  }

  // The channel is closed without a last message: asks the process why.
  End Died() {
    const SteadyTime give_up = std::chrono::steady_clock::now() + kDyingTimeout;
    pollfd gone{decoder_.pidfd.get(), POLLIN, 0};
    for (;;) {
      const auto left = std::chrono::ceil<milliseconds>(give_up - std::chrono::steady_clock::now()).count();
      const int rc = ::poll(&gone, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
      if (rc > 0) break;
      if (rc < 0 && errno == EINTR) continue;
      return End::Broken("it closed its channel");  // and lives
    }
    siginfo_t info{};
    rusage usage{};
    // The raw call: glibc's does not pass the resource usage on.
    if (::syscall(SYS_waitid, P_PIDFD, decoder_.pidfd.get(), &info, WEXITED | WNOHANG, &usage) != 0 ||
        info.si_pid == 0) {
      return End::Broken("it ended and left no status");
    }
    reaped_ = true;
    ProcessEnd ended;
    ended.code = info.si_code;
    ended.status = info.si_status;
    const auto micros = [](const timeval& time) {
      return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    ended.cpu = micros(usage.ru_utime) + micros(usage.ru_stime);
    // Killed: by the kernel, if its count has grown since somebody last looked.
    if (ended.code != CLD_EXITED && ended.status == SIGKILL) {
      const std::uint64_t kills = OutOfMemoryKills();
      ended.memory_was_short = out_of_memory_kills_.exchange(kills) != kills;
    }
    DecoderEnd end = Classify(ended, cpu_limit_);
    return {end.reason, std::move(end.incomplete), OkStatus(), false, end.from_outside};
  }

  const Config& config_;
  const DecoderSupply& supply_;
  const SampleRequest& request_;
  const CallContext& context_;
  const DecoderPool::FrameSink& sink_;
  const int wake_;
  Decoder& decoder_;
  std::atomic<std::uint64_t>& out_of_memory_kills_;
  const std::uint32_t threads_;
  SampleOutcome& outcome_;
  MessageCheck check_;
  const std::chrono::seconds cpu_limit_;
  std::uint32_t layers_ = 0;
  SteadyTime last_sign_;
  std::uint64_t counted_ = 0;  // frames of parts: index of the last one, plus one
  bool reaped_ = false;
};

void Ring(int wake) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t rc = ::write(wake, &one, sizeof one);
}

}  // namespace

StatusOr<std::unique_ptr<DecoderPool>> DecoderPool::Start(const Config& config) {
  TAMIZ_RETURN_IF_ERROR(Validate(config));
  auto state = std::make_shared<State>();
  state->config = config;
  if (state->config.program.empty()) state->config.program = BesideThisProgram();
  TAMIZ_ASSIGN_OR_RETURN(state->supply, DecoderSupply::Start(state->config));
  return std::unique_ptr<DecoderPool>(new DecoderPool(std::move(state)));
}

DecoderPool::DecoderPool(std::shared_ptr<State> state) : state_(std::move(state)) {}

DecoderPool::~DecoderPool() { Stop(); }

void DecoderPool::Stop() {
  {
    MutexLock lock(state_->mutex);
    state_->stopped = true;
    for (const int wake : state_->running) Ring(wake);
  }
  state_->supply->Stop();
}

void DecoderPool::OnExit(std::function<void(ExitReason)> listener) { state_->listener = std::move(listener); }

std::vector<std::string> DecoderPool::layers() const { return LayerNames(state_->supply->layers()); }

StatusOr<SampleOutcome> DecoderPool::Sample(const SampleRequest& request, const CallContext& context,
                                            const FrameSink& sink) {
  // The call may outlive Stop, never the pool; the copy keeps what it uses together all the same.
  const std::shared_ptr<State> state = state_;
  TAMIZ_RETURN_IF_ERROR(context.StillWanted(std::chrono::steady_clock::now()));
  const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return MakeError(StatusCode::kUnavailable, "no eventfd for a decoder");
  {
    MutexLock lock(state->mutex);
    if (state->stopped) return MakeError(StatusCode::kUnavailable, "the decoder pool is stopped");
    state->running.insert(wake.get());
  }
  const auto stopped = [&state] {
    MutexLock lock(state->mutex);
    return state->stopped;
  };

  // A large video has the processors that other uploads leave.
  const auto threads = [&] {
    MutexLock lock(state->mutex);
    return ThreadsFor(state->config, request, state->running.size());
  };

  SampleOutcome outcome;
  const Status status = [&]() -> Status {
    int uploads = 0;
    for (int attempt = 1;; ++attempt) {
      TAMIZ_ASSIGN_OR_RETURN(Decoder decoder, state->supply->Take(context));
      const std::stop_callback on_stop(context.stop, [fd = wake.get()] { Ring(fd); });
      Run run(state->config, *state->supply, request, context, sink, wake.get(), decoder,
              state->out_of_memory_kills, threads(), outcome);
      End end = run.Drive(stopped);
      // Nothing waits for the funeral: a decoder that is finished takes a while to give its memory back.
      if (!run.reaped()) state->supply->Bury(std::move(decoder));
      if (state->listener) state->listener(end.reason);
      // Spares can die while they wait, all at once if memory is short. That says nothing about the upload.
      if (end.before_upload && attempt < kAttempts) continue;
      if (!end.before_upload) ++uploads;
      // Nor does it if somebody kills one, as long as the sink has seen nothing: then all is as it was.
      if (end.from_outside && outcome.frames_delivered == 0 && uploads < kUploadAttempts) {
        LogWarn("a decoder was killed from outside; another gets its upload");
        outcome = {};
        continue;
      }
      if (end.incomplete.has_value()) {
        outcome.reasons.push_back(*std::move(end.incomplete));
        outcome.reasons.back().part = static_cast<std::uint32_t>(outcome.parts.size());
      }
      return end.status;
    }
  }();
  {
    MutexLock lock(state->mutex);
    state->running.erase(wake.get());
  }
  TAMIZ_RETURN_IF_ERROR(status);
  return outcome;
}

}  // namespace tamiz::sandbox
