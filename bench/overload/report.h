// What came out, as a table and as a picture.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/overload/arrivals.h"

namespace tamiz::bench {

// One step of the sweep.
struct Step {
  double offered = 0;      // requests per second
  double of_capacity = 0;  // the same, in multiples of the capacity
  double goodput = 0;      // scans answered per second
  double refused = 0;      // refusals per second
  double late_or_failed = 0;
  double scanned_p50_ms = 0, scanned_p99_ms = 0;
  double refused_p50_ms = 0, refused_p99_ms = 0;
  std::uint64_t resident_bytes = 0;                              // the most that the server held
  double server_cores = 0, decoder_cores = 0, client_cores = 0;  // processor time by wall time
};

// `lane`: only its samples; LANE_UNSPECIFIED: all.
[[nodiscard]] Step Summarise(const std::vector<Sample>& samples, const Load& load, double capacity,
                             std::uint64_t resident_bytes, v1::Lane lane = v1::LANE_UNSPECIFIED);

// Latency of scans after the load went.
struct Recovery {
  double second = 0;  // from the end of the overload
  double p50_ms = 0;
};
[[nodiscard]] std::vector<Recovery> RecoveryOf(const std::vector<Sample>& samples, double every_seconds);

[[nodiscard]] std::string Markdown(const std::vector<Step>& steps);
[[nodiscard]] std::string Csv(const std::vector<Step>& steps);
// Goodput and refusals, latencies, and the time after.
[[nodiscard]] std::string Svg(const std::vector<Step>& steps, const std::vector<Recovery>& recovery);

}  // namespace tamiz::bench
