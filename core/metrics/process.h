// What the kernel says of this process.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tamiz::metrics {

struct ProcessReading {
  double cpu_seconds = 0;
  double start_time_seconds = 0;  // since the epoch
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double open_fds = 0;
  double max_fds = 0;
};

// Nothing if /proc cannot be read. Decoders are processes of their own and not counted. Thread-safe.
[[nodiscard]] std::optional<ProcessReading> ReadProcess();

}  // namespace tamiz::metrics
