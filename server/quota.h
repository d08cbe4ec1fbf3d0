// How much one caller may ask for.
#pragma once

#include <cstdint>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/status.h"

namespace tamiz::server {

// 0: no limit.
struct QuotaLimits {
  std::uint32_t calls_per_second = 0;
  std::uint32_t calls_in_flight = 0;
  std::uint64_t bytes_per_second = 0;
};

// Each rate allows a burst of one second's worth. Bytes are known only when they have come, so they may be
// overdrawn, by one call's; what is over is paid off before the next call. Errors are RESOURCE_EXHAUSTED with
// reason QUOTA_CALLS_PER_SECOND, QUOTA_CALLS_IN_FLIGHT or QUOTA_BYTES_PER_SECOND and the time until it is
// worth trying again. Thread-safe.
class Quota {
 public:
  // `clock` outlives it.
  Quota(const QuotaLimits& limits, const Clock& clock);
  // Calls in flight stay counted.
  void SetLimits(const QuotaLimits& limits);

  // If OK, EndCall follows.
  [[nodiscard]] Status BeginCall();
  void EndCall();
  // One more piece of work within a call that has begun.
  [[nodiscard]] Status TakeOne();
  void AddBytes(std::uint64_t bytes);

 private:
  // Fills up with time, to one second's worth.
  struct Bucket {
    double level = 0;
    SteadyTime at;
    void Fill(double per_second, SteadyTime now);
  };
  Status TakeFromRates() TAMIZ_REQUIRES(mutex_);

  const Clock& clock_;
  Mutex mutex_;
  QuotaLimits limits_ TAMIZ_GUARDED_BY(mutex_);
  Bucket calls_ TAMIZ_GUARDED_BY(mutex_);
  Bucket bytes_ TAMIZ_GUARDED_BY(mutex_);
  std::uint32_t in_flight_ TAMIZ_GUARDED_BY(mutex_) = 0;
};

}  // namespace tamiz::server
