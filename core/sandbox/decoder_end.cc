#include "core/sandbox/decoder_end.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>

#include "core/base/unique_fd.h"
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
      // are the first choice, or somebody with the right to.
      if (end.cpu >= cpu_limit) return out_of_time;
      if (end.memory_was_short) {
        return {ExitReason::kMemoryLimit,
                {IncompleteCode::kMemoryLimit, "the kernel killed the decoder for lack of memory"}};
      }
      return {ExitReason::kCrashed,
              {IncompleteCode::kDecoderCrashed, "the decoder was killed from outside"},
              true};
    default:
      return {ExitReason::kCrashed,
              {IncompleteCode::kDecoderCrashed, fmt::format("the decoder crashed (signal {})", end.status)}};
  }
}

std::uint64_t OutOfMemoryKills() {
  // Counts the kills of memory control groups, and so of containers, too.
  const UniqueFd file(::open("/proc/vmstat", O_RDONLY | O_CLOEXEC));
  char text[16384];
  const ssize_t bytes = file.valid() ? ::read(file.get(), text, sizeof text) : -1;
  if (bytes <= 0) return 0;
  const std::string_view all(text, static_cast<std::size_t>(bytes));
  constexpr std::string_view kName = "\noom_kill ";
  const std::size_t at = all.find(kName);
  if (at == std::string_view::npos) return 0;
  std::uint64_t count = 0;
  (void)std::from_chars(all.data() + at + kName.size(), all.data() + all.size(), count);
  return count;
}

}  // namespace tamiz::sandbox
