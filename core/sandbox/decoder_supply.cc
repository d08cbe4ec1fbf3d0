#include "core/sandbox/decoder_supply.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/base/log.h"
#include "core/sandbox/layers.h"
#include "core/sandbox/socket_message.h"

namespace tamiz::sandbox {
namespace {

using std::chrono::milliseconds;

// How long an upload waits for a decoder when none can be forked.
constexpr auto kTakeTimeout = std::chrono::seconds(10);
constexpr int kReadyTimeoutMs = 30'000;
constexpr milliseconds kFirstRetry{50};
constexpr milliseconds kLastRetry{5'000};
// Nothing depends on this wait ending; it only keeps every wait bounded.
constexpr milliseconds kIdleWait{60'000};

// Forking and preparing a spare competes with the upload that took the last one. A picture is done by then.
constexpr milliseconds kRefillDelay{25};

// Part of the first slot that is made ready together with the heap: a one-megapixel picture.
constexpr std::uint64_t kPreparedSlotBytes = 1280u << 10;

// True if the process is gone and reaped.
bool TryReap(const Decoder& decoder, int flags) {
  siginfo_t info{};
  const int rc = ::waitid(P_PIDFD, static_cast<id_t>(decoder.pidfd.get()), &info, WEXITED | flags);
  if (rc != 0) return errno != EINTR;  // ECHILD: somebody else reaped it
  return info.si_pid != 0;
}

bool IsReadable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, 0) > 0;
}

}  // namespace

DecoderSupply::DecoderSupply(const Config& config)
    : config_(config),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      required_layers_(kIndispensableLayers | LayersOf(config.required_layers).value_or(0)) {}

StatusOr<std::unique_ptr<DecoderSupply>> DecoderSupply::Start(const Config& config) {
  std::unique_ptr<DecoderSupply> supply(new DecoderSupply(config));
  if (!supply->wake_.valid()) return MakeError(StatusCode::kUnavailable, "no eventfd for the decoder supply");
  supply->supervisor_ = std::thread([raw = supply.get()] { raw->Run(); });
  Status status;
  {
    MutexLock lock(supply->mutex_);
    while (!supply->started_) supply->changed_.Wait(supply->mutex_);
    status = supply->start_status_;
  }
  TAMIZ_RETURN_IF_ERROR(status);
  return supply;
}

DecoderSupply::~DecoderSupply() {
  Stop();
  if (supervisor_.joinable()) supervisor_.join();
}

void DecoderSupply::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  Wake();
}

void DecoderSupply::Wake() {
  const std::uint64_t one = 1;
  // Full only if it is readable already.
  [[maybe_unused]] const ssize_t rc = ::write(wake_.get(), &one, sizeof one);
}

StatusOr<Decoder> DecoderSupply::Take(const CallContext& context) {
  // Both ends of the wait are bounded: by the context and by kTakeTimeout.
  const SteadyTime give_up = std::chrono::steady_clock::now() + kTakeTimeout;
  const std::stop_callback on_stop(context.stop, [this] {
    MutexLock lock(mutex_);
    changed_.NotifyAll();
  });
  StatusOr<Decoder> taken = MakeError(StatusCode::kUnavailable, "no decoder could be started");
  {
    MutexLock lock(mutex_);
    ++waiting_;
    bool asked = false;
    for (;;) {
      if (stopping_) {
        taken = MakeError(StatusCode::kUnavailable, "the decoder pool is stopped");
        break;
      }
      // A spare still at its preparation would keep the upload longer than a bare fork does.
      const auto ready = std::find_if(spares_.begin(), spares_.end(), [](const Decoder& spare) {
        return IsReadable(spare.channel->socket());
      });
      if (ready != spares_.end()) {
        taken = std::move(*ready);
        spares_.erase(ready);
        break;
      }
      if (!urgent_.empty()) {
        taken = std::move(urgent_.front());
        urgent_.pop_front();
        break;
      }
      const SteadyTime now = std::chrono::steady_clock::now();
      if (Status wanted = context.StillWanted(now); !wanted.ok()) {
        taken = wanted;
        break;
      }
      if (now >= give_up) break;
      if (!asked) {
        Wake();
        asked = true;
      }
      (void)changed_.WaitUntil(mutex_, std::min(give_up, context.deadline));
    }
    --waiting_;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (refill_at_ <= now) refill_at_ = now + kRefillDelay;
  }
  Wake();  // one spare less
  return taken;
}

void DecoderSupply::Bury(Decoder decoder) {
  decoder.Kill();
  {
    MutexLock lock(mutex_);
    if (!stopping_) {
      to_bury_.push_back(std::move(decoder));
      refill_at_ = SteadyTime();
    }
  }
  // Given to the supervisor, it has no pidfd here any more.
  if (!decoder.pidfd.valid()) {  // NOLINT(bugprone-use-after-move)
    Wake();
    return;
  }
  while (!TryReap(decoder, 0)) {
  }
}

SlotGeometry DecoderSupply::Geometry(bool prepared) const {
  SlotGeometry geometry;
  geometry.count = config_.frame_slots;
  geometry.bytes = SlotBytes(config_.max_frame_pixels, config_.max_dimension);
  if (prepared && config_.prepared_bytes > 0) {
    geometry.prepared_bytes = std::min(geometry.bytes, kPreparedSlotBytes);
  }
  return geometry;
}

Status DecoderSupply::StartZygote() {
  TAMIZ_ASSIGN_OR_RETURN(zygote_, ZygoteProcess::Start(config_.program));
  return OkStatus();
}

Status DecoderSupply::ProveConfinement() {
  TAMIZ_ASSIGN_OR_RETURN(Decoder decoder, zygote_->Spawn(Geometry(true), config_.prepared_bytes));
  pollfd ready{decoder.channel->socket(), POLLIN, 0};
  int rc = 0;
  do {
    rc = ::poll(&ready, 1, kReadyTimeoutMs);
  } while (rc < 0 && errno == EINTR);
  DecoderMessage message{};
  const Received received =
      ReceiveMessage(decoder.channel->socket(), WritableBytesOf(message), false, MSG_DONTWAIT);
  decoder.Kill();
  while (!TryReap(decoder, 0)) {
  }
  if (received.bytes != static_cast<ssize_t>(sizeof message) || message.kind != MessageKind::kReady) {
    return MakeError(
        StatusCode::kUnavailable,
        "no decoder could be confined: seccomp filters, no_new_privs and resource limits are needed");
  }
  layers_ = message.ready.layers;
  if (const std::string missing = MissingLayers(required_layers_, layers_); !missing.empty()) {
    return MakeError(
        StatusCode::kUnavailable,
        fmt::format("{}. Asked for by decode.required_layers: give the machine what is missing, or "
                    "take it from the list and live with less",
                    missing));
  }
  const SlotGeometry geometry = Geometry(false);
  address_space_bytes_ = zygote_->address_space_bytes() + geometry.bytes * geometry.count;
  return OkStatus();
}

bool DecoderSupply::Replenish() {
  for (;;) {
    bool urgent = false;
    {
      MutexLock lock(mutex_);
      if (stopping_) return true;
      // Uploads that wait go first, with a bare decoder: preparing one takes longer than its page faults.
      urgent = waiting_ > urgent_.size();
      if (!urgent && (spares_.size() + urgent_.size() >= config_.spare_decoders ||
                      std::chrono::steady_clock::now() < refill_at_)) {
        return true;
      }
    }
    StatusOr<Decoder> decoder = zygote_->Spawn(Geometry(!urgent), urgent ? 0 : config_.prepared_bytes);
    if (!decoder.ok()) {
      LogWarn("a decoder could not be forked", {{"reason", Message(decoder.status())}});
      return false;
    }
    {
      MutexLock lock(mutex_);
      (urgent ? urgent_ : spares_).push_back(*std::move(decoder));
    }
    if (urgent) changed_.NotifyAll();
  }
}

void DecoderSupply::Reap(std::vector<Decoder>& dead) {
  std::erase_if(dead, [](const Decoder& decoder) { return TryReap(decoder, WNOHANG); });
}

void DecoderSupply::Sleep(milliseconds most) {
  std::vector<pollfd> waiting;
  waiting.push_back({wake_.get(), POLLIN, 0});
  if (zygote_ != nullptr) waiting.push_back({zygote_->pidfd(), POLLIN, 0});
  for (const Decoder& decoder : dying_) waiting.push_back({decoder.pidfd.get(), POLLIN, 0});
  {
    MutexLock lock(mutex_);
    // A spare may be taken and closed while we poll: its descriptor may then be another's, and we wake for
    // nothing.
    for (const Decoder& decoder : spares_) waiting.push_back({decoder.pidfd.get(), POLLIN, 0});
  }
  (void)::poll(waiting.data(), waiting.size(), static_cast<int>(most.count()));
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t rc = ::read(wake_.get(), &count, sizeof count);
}

void DecoderSupply::Run() {
  Status status = StartZygote();
  if (status.ok()) status = ProveConfinement();
  {
    MutexLock lock(mutex_);
    started_ = true;
    start_status_ = status;
  }
  changed_.NotifyAll();

  milliseconds retry = kFirstRetry;
  SteadyTime not_before = SteadyTime();
  while (status.ok()) {
    bool spare_died = false;
    {
      MutexLock lock(mutex_);
      if (stopping_) break;
      std::move(to_bury_.begin(), to_bury_.end(), std::back_inserter(dying_));
      to_bury_.clear();
      for (std::deque<Decoder>* idle : {&spares_, &urgent_}) {
        for (auto spare = idle->begin(); spare != idle->end();) {
          if (IsReadable(spare->pidfd.get())) {
            spare_died = true;
            dying_.push_back(std::move(*spare));
            spare = idle->erase(spare);
          } else {
            ++spare;
          }
        }
      }
      // Forked for an upload that then found a spare, or went away: serves as a spare.
      while (waiting_ == 0 && !urgent_.empty()) {
        spares_.push_back(std::move(urgent_.front()));
        urgent_.pop_front();
      }
    }
    Reap(dying_);
    if (zygote_ != nullptr && IsReadable(zygote_->pidfd())) {
      LogWarn("the zygote died; starting another");
      zygote_.reset();
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    if (spare_died) {
      // Killed for lack of memory, most likely: do not fork on the spot into the same lack.
      LogWarn("a spare decoder died");
      not_before = now + retry;
      retry = std::min(2 * retry, kLastRetry);
    }
    bool failed = false;
    if (now >= not_before) {
      if (zygote_ == nullptr) {
        const Status started = StartZygote();
        failed = !started.ok();
        if (failed) LogWarn("the zygote could not be started", {{"reason", Message(started)}});
      }
      if (zygote_ != nullptr && !Replenish()) {
        failed = true;
        zygote_.reset();  // a fresh one is the surest remedy, and rare enough
      }
      if (failed) {
        not_before = now + retry;
        retry = std::min(2 * retry, kLastRetry);
      } else if (!spare_died) {
        retry = kFirstRetry;
      }
    }
    SteadyTime until = std::chrono::steady_clock::now() + kIdleWait;
    if (now < not_before || failed) until = std::min(until, not_before);
    {
      MutexLock lock(mutex_);
      if (spares_.size() < config_.spare_decoders) until = std::min(until, std::max(refill_at_, not_before));
    }
    const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
    Sleep(std::max(left, milliseconds(1)));
  }

  std::deque<Decoder> last;
  {
    MutexLock lock(mutex_);
    stopping_ = true;  // from now on Bury reaps by itself
    last.swap(spares_);
    std::move(urgent_.begin(), urgent_.end(), std::back_inserter(last));
    urgent_.clear();
    std::move(to_bury_.begin(), to_bury_.end(), std::back_inserter(last));
    to_bury_.clear();
  }
  std::move(dying_.begin(), dying_.end(), std::back_inserter(last));
  dying_.clear();
  for (const Decoder& decoder : last) {
    decoder.Kill();
    while (!TryReap(decoder, 0)) {
    }
  }
  zygote_.reset();
}

}  // namespace tamiz::sandbox
