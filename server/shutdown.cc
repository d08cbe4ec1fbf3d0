#include "server/shutdown.h"

#include "core/base/log.h"

namespace tamiz::server {

bool ShutDown(const ShutdownSteps& steps, std::chrono::milliseconds drain_time) {
  const auto started = std::chrono::steady_clock::now();
  const auto until = started + drain_time;
  LogInfo("shutting down", {{"drain_ms", static_cast<std::int64_t>(drain_time.count())}});
  // Load balancers first, so that no new work comes; then the calls that run, whose scans are cancelled when
  // time is up; decoders only when no scan waits for them; the store last, for scans record what they found.
  steps.say_not_serving();
  steps.stop_rpc(until);
  const bool drained = steps.drain_scans(until);
  steps.kill_decoders();
  steps.stop_background();
  steps.stop_http();
  steps.close_store();
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  LogInfo("shut down", {{"drained", drained}, {"took_ms", static_cast<std::int64_t>(took.count())}});
  return drained;
}

}  // namespace tamiz::server
