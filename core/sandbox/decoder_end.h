// Why a decoder process ended, told from its exit status.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/media/incomplete.h"
#include "core/sandbox/decoder_pool.h"

namespace tamiz::sandbox {

// As waitid(2) tells it.
struct ProcessEnd {
  int code = 0;    // CLD_EXITED, CLD_KILLED, CLD_DUMPED
  int status = 0;  // exit code or signal
  std::chrono::microseconds cpu{0};
  // Whether the kernel killed a process for lack of memory meanwhile.
  bool memory_was_short = false;
};

struct DecoderEnd {
  ExitReason reason = ExitReason::kCrashed;
  media::IncompleteReason incomplete{media::IncompleteCode::kDecoderCrashed, {}};
  // Killed by somebody else: it says nothing about the upload.
  bool from_outside = false;
};

// For a decoder that ended by itself without its last message. `cpu_limit` is what RLIMIT_CPU was set to.
[[nodiscard]] DecoderEnd Classify(const ProcessEnd& end, std::chrono::seconds cpu_limit);

// How many processes this machine's kernel has killed for lack of memory since it started; 0 if it does not
// say.
[[nodiscard]] std::uint64_t OutOfMemoryKills();

}  // namespace tamiz::sandbox
