#include "server/quota.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tamiz::server {
namespace {

using Seconds = std::chrono::duration<double>;

// Nobody knows when a call of the same caller will end.
constexpr std::chrono::milliseconds kInFlightRetry{100};

Status Exceeded(std::string_view what, std::string_view reason, std::chrono::milliseconds retry) {
  return WithRetryDelay(
      MakeError(
          StatusCode::kResourceExhausted,
          fmt::format("over this caller's quota of {}; the operator sets it in [[auth.principal]]", what),
          reason),
      retry);
}

std::chrono::milliseconds TimeFor(double amount, double per_second) {
  return std::chrono::milliseconds(
      std::max<std::int64_t>(1, std::llround(std::ceil(amount / per_second * 1000))));
}

}  // namespace

void Quota::Bucket::Fill(double per_second, SteadyTime now) {
  level = std::min(per_second, level + Seconds(now - at).count() * per_second);
  at = now;
}

Quota::Quota(const QuotaLimits& limits, const Clock& clock) : clock_(clock), limits_(limits) {
  calls_ = {static_cast<double>(limits.calls_per_second), clock.Now()};
  bytes_ = {static_cast<double>(limits.bytes_per_second), clock.Now()};
}

void Quota::SetLimits(const QuotaLimits& limits) {
  MutexLock lock(mutex_);
  const SteadyTime now = clock_.Now();
  // What was not limited starts full.
  if (limits_.calls_per_second == 0) calls_ = {static_cast<double>(limits.calls_per_second), now};
  if (limits_.bytes_per_second == 0) bytes_ = {static_cast<double>(limits.bytes_per_second), now};
  limits_ = limits;
}

Status Quota::TakeFromRates() {
  const SteadyTime now = clock_.Now();
  if (limits_.bytes_per_second != 0) {
    const auto rate = static_cast<double>(limits_.bytes_per_second);
    bytes_.Fill(rate, now);
    if (bytes_.level < 0) {
      return Exceeded(fmt::format("{} bytes per second", limits_.bytes_per_second), "QUOTA_BYTES_PER_SECOND",
                      TimeFor(-bytes_.level, rate));
    }
  }
  if (limits_.calls_per_second != 0) {
    const auto rate = static_cast<double>(limits_.calls_per_second);
    calls_.Fill(rate, now);
    if (calls_.level < 1) {
      return Exceeded(fmt::format("{} calls per second", limits_.calls_per_second), "QUOTA_CALLS_PER_SECOND",
                      TimeFor(1 - calls_.level, rate));
    }
    calls_.level -= 1;
  }
  return OkStatus();
}

Status Quota::BeginCall() {
  MutexLock lock(mutex_);
  if (limits_.calls_in_flight != 0 && in_flight_ >= limits_.calls_in_flight) {
    return Exceeded(fmt::format("{} calls at one time", limits_.calls_in_flight), "QUOTA_CALLS_IN_FLIGHT",
                    kInFlightRetry);
  }
  TAMIZ_RETURN_IF_ERROR(TakeFromRates());
  ++in_flight_;
  return OkStatus();
}

void Quota::EndCall() {
  MutexLock lock(mutex_);
  --in_flight_;
}

Status Quota::TakeOne() {
  MutexLock lock(mutex_);
  return TakeFromRates();
}

void Quota::AddBytes(std::uint64_t bytes) {
  MutexLock lock(mutex_);
  if (limits_.bytes_per_second == 0) return;
  bytes_.Fill(static_cast<double>(limits_.bytes_per_second), clock_.Now());
  bytes_.level -= static_cast<double>(bytes);
}

}  // namespace tamiz::server
