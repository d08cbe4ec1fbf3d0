#include "core/sandbox/decoder_end.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <csignal>

#include "core/sandbox/protocol.h"

namespace tamiz::sandbox {

using media::IncompleteCode;

std::string_view ToString(ExitReason reason) {
  switch (reason) {
    case ExitReason::kFinished:
      return "finished";
    case ExitReason::kCrashed:
      return "crashed";
    case ExitReason::kKilledBySeccomp:
      return "seccomp";
    case ExitReason::kTimeout:
      return "timeout";
    case ExitReason::kMemoryLimit:
      return "memory_limit";
    case ExitReason::kCancelled:
      return "cancelled";
  }
  return "crashed";
}

DecoderEnd Classify(const ProcessEnd& end, std::chrono::seconds cpu_limit) {
  const DecoderEnd out_of_memory{ExitReason::kMemoryLimit,
                                 {IncompleteCode::kMemoryLimit, "the decoder ran into its memory limit"}};
  const DecoderEnd out_of_time{
      ExitReason::kTimeout,
      {IncompleteCode::kDecoderTimeout,
       fmt::format("the decoder used its {} s of processor time", cpu_limit.count())}};
  if (end.code == CLD_EXITED) {
    if (end.status == kExitOutOfMemory) return out_of_memory;
    return {ExitReason::kCrashed,
            {IncompleteCode::kDecoderCrashed,
             fmt::format("the decoder exited ({}) without a result", end.status)}};
  }
  switch (end.status) {
    case SIGSYS:
      return {ExitReason::kKilledBySeccomp,
              {IncompleteCode::kDecoderCrashed, "the decoder tried a forbidden system call"}};
    case SIGXCPU:
      return out_of_time;
    case SIGKILL:
      // Not by us: either RLIMIT_CPU's hard limit or the kernel's out-of-memory killer, for which decoders
      // are the first choice.
      if (end.cpu >= cpu_limit) return out_of_time;
      return {
          ExitReason::kMemoryLimit,
          {IncompleteCode::kMemoryLimit, "the decoder was killed from outside, likely for lack of memory"}};
    default:
      return {ExitReason::kCrashed,
              {IncompleteCode::kDecoderCrashed, fmt::format("the decoder crashed (signal {})", end.status)}};
  }
}

}  // namespace tamiz::sandbox
