#include "decoder/seccomp_policy.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <set>

namespace tamiz::decoder {
namespace {

TEST(SeccompPolicy, EveryEntryHasAReasonAndStandsOnce) {
  std::set<int> seen;
  for (const SyscallRule& rule : SyscallPolicy()) {
    EXPECT_FALSE(rule.why.empty()) << rule.number;
    EXPECT_TRUE(seen.insert(rule.number).second) << rule.number;
  }
}

// Whoever widens the policy by one of these has to come by here.
TEST(SeccompPolicy, NeverAllowsTheWaysOut) {
  const int never[] = {SYS_socket,
                       SYS_connect,
                       SYS_execve,
                       SYS_execveat,
                       SYS_fork,
                       SYS_vfork,
                       SYS_ptrace,
                       SYS_kill,
                       SYS_tkill,
                       SYS_process_vm_readv,
                       SYS_process_vm_writev,
                       SYS_io_uring_setup,
                       SYS_bpf,
                       SYS_userfaultfd,
                       SYS_memfd_create,
                       SYS_ftruncate,
                       SYS_fcntl,
                       SYS_dup,
                       SYS_dup2,
                       SYS_sendmsg,
                       SYS_read,
                       SYS_pread64,
                       SYS_pwrite64,
                       SYS_prlimit64,
                       SYS_setrlimit,
                       SYS_seccomp,
                       SYS_unshare,
                       SYS_setns,
                       SYS_mount,
                       SYS_keyctl,
                       SYS_perf_event_open,
                       SYS_shmget,
                       SYS_shmat,
                       SYS_pidfd_open,
                       SYS_setpriority};
  for (const SyscallRule& rule : SyscallPolicy()) {
    EXPECT_EQ(std::count(std::begin(never), std::end(never), rule.number), 0) << rule.number;
  }
}

TEST(SeccompPolicy, DangerousCallsAreAllowedOnlyWithConditions) {
  for (const int number :
       {SYS_mmap, SYS_mprotect, SYS_clone, SYS_prctl, SYS_writev, SYS_recvmsg, SYS_sendto}) {
    const auto rules = SyscallPolicy();
    const auto rule =
        std::find_if(rules.begin(), rules.end(), [&](const auto& r) { return r.number == number; });
    ASSERT_NE(rule, rules.end());
    EXPECT_TRUE(rule->only_if.has_value()) << number;
  }
}

TEST(SeccompPolicy, CompilesToAProgramThatTheKernelTakes) {
  const std::vector<sock_filter> program = CompilePolicy();
  EXPECT_GT(program.size(), SyscallPolicy().size());
  EXPECT_LT(program.size(), 4096u);  // BPF_MAXINSNS
}

}  // namespace
}  // namespace tamiz::decoder
