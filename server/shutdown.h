// The order in which the service ends, in one place.
#pragma once

#include <chrono>
#include <functional>

namespace tamiz::server {

// What each step does; App fills them in.
struct ShutdownSteps {
  std::function<void()> say_not_serving;  // health, /healthz
  std::function<void(std::chrono::steady_clock::time_point)>
      stop_rpc;  // no new calls; waits for running ones
  std::function<bool(std::chrono::steady_clock::time_point)> drain_scans;  // true if none is left
  std::function<void()> stop_background;                                   // self-test, housekeeping
  std::function<void()> kill_decoders;
  std::function<void()> stop_http;
  std::function<void()> close_store;
};

// Runs the steps in order. Scans that were accepted have `drain_time` to finish; what then still runs is cut
// off with its decoder. True if everything finished by itself.
bool ShutDown(const ShutdownSteps& steps, std::chrono::milliseconds drain_time);

}  // namespace tamiz::server
