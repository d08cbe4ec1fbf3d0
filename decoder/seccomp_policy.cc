#include "decoder/seccomp_policy.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/unique_fd.h"
#include "core/sandbox/protocol.h"

namespace tamiz::decoder {
namespace {

using enum SyscallAction;

constexpr std::uint64_t kAllBits = ~std::uint64_t{0};
// File descriptors are ints: the kernel ignores the upper half.
constexpr std::uint64_t kIntBits = 0xffffffff;

constexpr ArgumentRule Is(unsigned index, std::uint64_t value) { return {index, kAllBits, value}; }
constexpr ArgumentRule IsInt(unsigned index, std::uint64_t value) { return {index, kIntBits, value}; }
constexpr ArgumentRule Bits(unsigned index, std::uint64_t mask, std::uint64_t value) {
  return {index, mask, value};
}

constexpr std::uint64_t kThread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
constexpr std::uint64_t kNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

constexpr SyscallRule kPolicy[] = {
    // Memory, never executable.
    {SYS_brk, kAllow, "heap", {}, {}},
    {SYS_mmap, kAllow, "heap, stacks of threads, and the upload: never executable, never shared",
     Bits(2, PROT_EXEC, 0), Bits(3, MAP_TYPE, MAP_PRIVATE)},
    {SYS_munmap, kAllow, "heap", {}, {}},
    {SYS_mremap, kAllow, "realloc; keeps the protection", {}, {}},
    {SYS_madvise, kAllow, "heap", {}, {}},
    {SYS_mprotect, kAllow, "guard pages of threads", Bits(2, PROT_EXEC, 0), {}},

    // The channel.
    {SYS_recvmsg, kAllow, "the job and slots given back", IsInt(0, sandbox::kSocketFd), {}},
    {SYS_sendto, kAllow, "frames and findings; no address", IsInt(0, sandbox::kSocketFd), Is(4, 0)},
    {SYS_close, kAllow, "the upload's descriptor once it is mapped", {}, {}},
#ifndef TAMIZ_SANITIZED
    {SYS_write,
     kAllow,
     "standard error, which is /dev/null: libraries complain before they abort",
     IsInt(0, STDERR_FILENO),
     {}},
#endif
    {SYS_writev, kAllow, "the same, by glibc", IsInt(0, STDERR_FILENO), {}},

    // Threads: libheif's decoders start them even when told not to, and video may be decoded by several.
    {SYS_clone,
     kAllow,
     "threads only: no process, no namespace",
     Bits(0, kThread | kNamespaces, kThread),
     {}},
    {SYS_clone3,
     kRefuseUnknown,
     "its flags are in memory, out of a filter's sight; glibc falls back to clone",
     {},
     {}},
    {SYS_set_robust_list, kAllow, "start of a thread", {}, {}},
    {SYS_rseq, kAllow, "start of a thread", {}, {}},
    {SYS_rt_sigprocmask, kAllow, "start of a thread", {}, {}},
    {SYS_rt_sigaction, kAllow, "start of a thread; RLIMIT_CPU's hard limit cannot be caught", {}, {}},
    {SYS_rt_sigreturn, kAllow, "end of a signal handler", {}, {}},
    {SYS_futex, kAllow, "locks", {}, {}},
    {SYS_restart_syscall, kAllow, "a wait that was stopped and continued", {}, {}},
    {SYS_gettid, kAllow, "locks", {}, {}},
    {SYS_getpid, kAllow, "abort", {}, {}},
    {SYS_prctl, kAllow, "names of threads", IsInt(0, PR_SET_NAME), {}},
    {SYS_sched_yield, kAllow, "locks that spin", {}, {}},
    {SYS_sched_getaffinity, kAllow, "libraries count the processors", {}, {}},
    {SYS_exit, kAllow, "end of a thread", {}, {}},
    {SYS_exit_group, kAllow, "end", {}, {}},

    // Harmless questions.
    {SYS_clock_gettime, kAllow, "where the vDSO does not answer", {}, {}},
    {SYS_gettimeofday, kAllow, "where the vDSO does not answer", {}, {}},
    {SYS_getrusage, kAllow, "libraries measure themselves", {}, {}},
    {SYS_sysinfo, kAllow, "glibc's qsort asks how much memory there is", {}, {}},
    {SYS_getrandom, kAllow, "seeds", {}, {}},

    // Refused without killing: honest decoders try these and live without.
    {SYS_openat,
     kRefuseAccess,
     "MPEG-TS opens iconv's tables, MP4 with a creation time /etc/localtime",
     {},
     {}},
    {SYS_newfstatat, kRefuseAccess, "as openat", {}, {}},
#ifdef SYS_open  // newer architectures have only the calls above
    {SYS_open, kRefuseAccess, "as openat", {}, {}},
    {SYS_stat, kRefuseAccess, "as openat", {}, {}},
    {SYS_access, kRefuseAccess, "as openat", {}, {}},
    {SYS_readlink, kRefuseAccess, "as openat", {}, {}},
#endif
    {SYS_tgkill,
     kRefusePermission,
     "abort: it then ends as a crash, which it is, and not as a violation",
     {},
     {}},

#ifdef TAMIZ_SANITIZED
    // What the sanitizers' run time needs, in builds that are never deployed.
    {SYS_write,
     kAllow,
     "SANITIZED BUILD: reports; probes for readable memory by writing it to a pipe",
     {},
     {}},
    {SYS_pipe2, kAllow, "SANITIZED BUILD: the same", {}, {}},
    {SYS_sigaltstack, kAllow, "SANITIZED BUILD: stacks for its signal handlers", {}, {}},
    {SYS_readlinkat, kRefuseAccess, "SANITIZED BUILD: names for its report", {}, {}},
    {SYS_ioctl, kRefusePermission, "SANITIZED BUILD: is the report for a terminal", {}, {}},
    {SYS_sched_getparam, kRefusePermission, "SANITIZED BUILD: start of a thread", {}, {}},
#endif
};

std::uint32_t ToSeccomp(SyscallAction action) {
  switch (action) {
    case kAllow:
      return SCMP_ACT_ALLOW;
    case kRefuseAccess:
      return SCMP_ACT_ERRNO(EACCES);
    case kRefusePermission:
      return SCMP_ACT_ERRNO(EPERM);
    case kRefuseUnknown:
      return SCMP_ACT_ERRNO(ENOSYS);
  }
  return SCMP_ACT_KILL_PROCESS;
}

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_KILL_PROCESS)) {}
  ~Filter() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  [[nodiscard]] scmp_filter_ctx get() const { return context_; }

 private:
  scmp_filter_ctx context_;
};

}  // namespace

std::span<const SyscallRule> SyscallPolicy() { return kPolicy; }

std::vector<sock_filter> CompilePolicy() {
  const Filter filter;
  if (filter.get() == nullptr) return {};
  // Another architecture's system calls (32 bit) have other numbers: no way around the table.
  if (seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0) return {};
  for (const SyscallRule& rule : kPolicy) {
    scmp_arg_cmp arguments[2];
    unsigned count = 0;
    for (const std::optional<ArgumentRule>& argument : {rule.only_if, rule.and_if}) {
      if (!argument.has_value()) continue;
      arguments[count++] = scmp_arg_cmp{argument->index, SCMP_CMP_MASKED_EQ, argument->mask, argument->value};
    }
    if (seccomp_rule_add_array(filter.get(), ToSeccomp(rule.action), rule.number, count, arguments) != 0)
      return {};
  }
  const UniqueFd file(::memfd_create("policy", MFD_CLOEXEC));
  if (!file.valid() || seccomp_export_bpf(filter.get(), file.get()) != 0) return {};
  const off_t bytes = ::lseek(file.get(), 0, SEEK_END);
  if (bytes <= 0 || bytes % static_cast<off_t>(sizeof(sock_filter)) != 0) return {};
  std::vector<sock_filter> program(static_cast<std::size_t>(bytes) / sizeof(sock_filter));
  if (::pread(file.get(), program.data(), static_cast<std::size_t>(bytes), 0) != bytes) return {};
  return program;
}

}  // namespace tamiz::decoder
