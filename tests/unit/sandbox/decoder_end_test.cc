#include "core/sandbox/decoder_end.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

#include "core/sandbox/protocol.h"

namespace tamiz::sandbox {
namespace {

using media::IncompleteCode;
using std::chrono::microseconds;
using std::chrono::seconds;

TEST(DecoderEnd, EachWayToEndHasItsReason) {
  struct Row {
    ProcessEnd end;
    ExitReason reason;
    IncompleteCode code;
    const char* detail;
  };
  const microseconds little{1000};
  const Row rows[] = {
      {{CLD_KILLED, SIGSYS, little},
       ExitReason::kKilledBySeccomp,
       IncompleteCode::kDecoderCrashed,
       "forbidden system call"},
      {{CLD_DUMPED, SIGSYS, little},
       ExitReason::kKilledBySeccomp,
       IncompleteCode::kDecoderCrashed,
       "forbidden system call"},
      {{CLD_KILLED, SIGXCPU, seconds(10)}, ExitReason::kTimeout, IncompleteCode::kDecoderTimeout, "10 s"},
      {{CLD_KILLED, SIGKILL, seconds(11)}, ExitReason::kTimeout, IncompleteCode::kDecoderTimeout, "10 s"},
      {{CLD_KILLED, SIGKILL, little, true},
       ExitReason::kMemoryLimit,
       IncompleteCode::kMemoryLimit,
       "lack of memory"},
      {{CLD_KILLED, SIGKILL, little},
       ExitReason::kCrashed,
       IncompleteCode::kDecoderCrashed,
       "killed from outside"},
      {{CLD_EXITED, kExitOutOfMemory, little},
       ExitReason::kMemoryLimit,
       IncompleteCode::kMemoryLimit,
       "memory limit"},
      {{CLD_KILLED, SIGSEGV, little}, ExitReason::kCrashed, IncompleteCode::kDecoderCrashed, "signal 11"},
      {{CLD_KILLED, SIGABRT, little}, ExitReason::kCrashed, IncompleteCode::kDecoderCrashed, "signal 6"},
      {{CLD_EXITED, 0, little}, ExitReason::kCrashed, IncompleteCode::kDecoderCrashed, "exited (0)"},
      {{CLD_EXITED, 1, little}, ExitReason::kCrashed, IncompleteCode::kDecoderCrashed, "exited (1)"},
  };
  for (const Row& row : rows) {
    const DecoderEnd end = Classify(row.end, seconds(10));
    EXPECT_EQ(ToString(end.reason), ToString(row.reason));
    EXPECT_EQ(end.incomplete.code, row.code);
    EXPECT_NE(end.incomplete.detail.find(row.detail), std::string::npos) << end.incomplete.detail;
  }
}

// Only what says nothing about the upload is tried again.
TEST(DecoderEnd, FromOutsideIsOnlyWhatNobodyHereDid) {
  const microseconds little{1000};
  EXPECT_TRUE(Classify({CLD_KILLED, SIGKILL, little}, seconds(10)).from_outside);
  EXPECT_FALSE(Classify({CLD_KILLED, SIGKILL, little, true}, seconds(10)).from_outside);
  EXPECT_FALSE(Classify({CLD_KILLED, SIGKILL, seconds(10)}, seconds(10)).from_outside);
  EXPECT_FALSE(Classify({CLD_KILLED, SIGSEGV, little}, seconds(10)).from_outside);
  EXPECT_FALSE(Classify({CLD_EXITED, 0, little}, seconds(10)).from_outside);
}

TEST(DecoderEnd, ReasonsAreLabels) {
  EXPECT_EQ(ToString(ExitReason::kFinished), "finished");
  EXPECT_EQ(ToString(ExitReason::kCrashed), "crashed");
  EXPECT_EQ(ToString(ExitReason::kKilledBySeccomp), "seccomp");
  EXPECT_EQ(ToString(ExitReason::kTimeout), "timeout");
  EXPECT_EQ(ToString(ExitReason::kMemoryLimit), "memory_limit");
  EXPECT_EQ(ToString(ExitReason::kCancelled), "cancelled");
}

}  // namespace
}  // namespace tamiz::sandbox
