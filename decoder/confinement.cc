#include "decoder/confinement.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "core/sandbox/protocol.h"

namespace tamiz::decoder {
namespace {

using sandbox::Layer;

constexpr std::uint32_t Bit(Layer layer) { return static_cast<std::uint32_t>(layer); }

bool SetLimit(int resource, rlim_t value) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) return false;
  if (limit.rlim_max < value) value = limit.rlim_max;  // lower is as good
  limit = {value, value};
  return ::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit) == 0;
}

// Tasks of the user, all of its processes and threads, beyond which a decoder gets no further thread. The
// system call policy allows no processes, and address space bounds honest threads; this bounds those that
// share a stack. It binds nobody else, and has no effect on root.
constexpr rlim_t kMaxUserTasks = 4096;

bool SetResourceLimits() {
  bool ok = true;
  // Descriptors: three standard ones, the socket, and those of one job or one request.
  ok = SetLimit(RLIMIT_NOFILE, 16) && ok;
  // No file can grow; does not concern shared memory, whose size is sealed.
  ok = SetLimit(RLIMIT_FSIZE, 0) && ok;
  // A core would put an upload on disk.
  ok = SetLimit(RLIMIT_CORE, 0) && ok;
  ok = SetLimit(RLIMIT_STACK, rlim_t{8} << 20) && ok;
  ok = SetLimit(RLIMIT_MEMLOCK, 0) && ok;
  ok = SetLimit(RLIMIT_MSGQUEUE, 0) && ok;
  // RLIMIT_NPROC follows in the decoder, since it would keep the zygote from forking. RLIMIT_CPU and
  // RLIMIT_AS depend on the upload: the server sets them.
  return ok;
}

bool DropCapabilities() {
  for (int capability = 0; capability <= 63; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) break;  // not privileged, or past the last
  }
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  if (::syscall(SYS_capset, &header, none) != 0) return false;
  __user_cap_data_struct now[2] = {};
  header = {_LINUX_CAPABILITY_VERSION_3, 0};
  if (::syscall(SYS_capget, &header, now) != 0) return false;
  return (now[0].effective | now[0].permitted | now[1].effective | now[1].permitted) == 0;
}

// Landlock by system call: Debian 12's libc and headers know less than kernels that may run us.
// Facts: Documentation/userspace-api/landlock.rst.
constexpr long kLandlockCreateRuleset = 444;
constexpr long kLandlockRestrictSelf = 446;
constexpr std::uint32_t kLandlockVersion = 1;

struct LandlockRuleset {
  std::uint64_t handled_files;
  std::uint64_t handled_network;
  std::uint64_t scoped;
};

// Denies everything that this kernel's Landlock can deny.
bool DenyAllByLandlock() {
  const long abi = ::syscall(kLandlockCreateRuleset, nullptr, 0, kLandlockVersion);
  if (abi < 1) return false;
  LandlockRuleset ruleset{};
  // Bits added by ABI: 13 at first, then refer (2), truncate (3), ioctl on devices (5).
  int file_bits = 13;
  if (abi >= 2) file_bits = 14;
  if (abi >= 3) file_bits = 15;
  if (abi >= 5) file_bits = 16;
  ruleset.handled_files = (std::uint64_t{1} << file_bits) - 1;
  if (abi >= 4) ruleset.handled_network = 3;  // bind and connect TCP
  if (abi >= 6) ruleset.scoped = 3;           // abstract sockets, signals
  std::size_t size = sizeof ruleset.handled_files;
  if (abi >= 4) size += sizeof ruleset.handled_network;
  if (abi >= 6) size += sizeof ruleset.scoped;
  const int fd = static_cast<int>(::syscall(kLandlockCreateRuleset, &ruleset, size, 0));
  if (fd < 0) return false;
  const bool ok = ::syscall(kLandlockRestrictSelf, fd, 0) == 0;
  ::close(fd);
  return ok;
}

// Leaves nothing below / but an empty directory, in our own mount namespace.
bool EmptyRoot() {
  // Nothing that follows is to be seen outside.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  constexpr unsigned long kBare = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  // Any directory does that is always there. The old root comes to lie below the new one and is let go.
  if (::mount("none", "/proc", "tmpfs", kBare, "size=4k,nr_inodes=2,mode=0555") != 0) return false;
  if (::chdir("/proc") != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0) return false;
  if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) return false;
  return ::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kBare, nullptr) == 0;
}

}  // namespace

std::uint32_t EnterNamespaces() {
  // The first gives an unprivileged process the right to the others; a privileged one has it anyway.
  constexpr std::pair<int, Layer> kNamespaces[] = {
      {CLONE_NEWUSER, Layer::kUserNamespace}, {CLONE_NEWNET, Layer::kNetworkNamespace},
      {CLONE_NEWIPC, Layer::kIpcNamespace},   {CLONE_NEWUTS, Layer::kUtsNamespace},
      {CLONE_NEWNS, Layer::kMountNamespace},
  };
  std::uint32_t layers = 0;
  for (const auto& [flag, layer] : kNamespaces) {
    if (::unshare(flag) == 0) layers |= Bit(layer);
  }
  return layers;
}

std::uint32_t ConfineZygote(std::uint32_t namespaces) {
  std::uint32_t layers = namespaces;
  // Needs the capabilities and the mount calls that go below.
  if ((layers & Bit(Layer::kMountNamespace)) != 0 && !EmptyRoot()) layers &= ~Bit(Layer::kMountNamespace);
  if (SetResourceLimits()) layers |= Bit(Layer::kResourceLimits);
  if (DropCapabilities()) layers |= Bit(Layer::kNoCapabilities);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) layers |= Bit(Layer::kNoNewPrivileges);
  if (DenyAllByLandlock()) layers |= Bit(Layer::kLandlock);
  // After the capabilities, whose change resets it. Keeps siblings of the same user from ptrace and
  // /proc/PID/mem.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) layers |= Bit(Layer::kNotDumpable);
#ifndef TAMIZ_SANITIZED
  // AddressSanitizer reserves terabytes of address space: this layer is not for its builds.
  layers |= Bit(Layer::kAddressSpace);
#endif
  return layers;
}

std::uint32_t ConfineDecoder(pid_t server, std::span<const sock_filter> policy,
                             std::uint32_t inherited_layers) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return 0;
  // It may have died before the line above.
  if (::getppid() != server) return 0;
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 0;
  if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) inherited_layers &= ~Bit(Layer::kNotDumpable);
  if (!SetLimit(RLIMIT_NPROC, kMaxUserTasks)) return 0;
  sock_fprog program{static_cast<unsigned short>(policy.size()), const_cast<sock_filter*>(policy.data())};
  if (policy.empty() || ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return 0;
  return inherited_layers | Bit(Layer::kSeccomp);
}

}  // namespace tamiz::decoder
