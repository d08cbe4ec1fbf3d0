#include "core/sandbox/zygote_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/sandbox/socket_message.h"

namespace tamiz::sandbox {
namespace {

// Dynamic linking and warming up take well under a second on an idle machine.
constexpr int kStartTimeoutMs = 30'000;
constexpr int kForkTimeoutMs = 10'000;

int PidfdOpen(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

void PidfdKill(int pidfd) { (void)::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0); }

Status Unavailable(std::string_view what) { return MakeError(StatusCode::kUnavailable, what); }

// Waits for one message of type T.
template <typename T>
Status Await(int socket, int timeout_ms, T& message, const char* what) {
  pollfd waiting{socket, POLLIN, 0};
  int rc = 0;
  do {
    rc = ::poll(&waiting, 1, timeout_ms);
  } while (rc < 0 && errno == EINTR);
  if (rc <= 0) return Unavailable(fmt::format("the decoder program did not {} in {} ms", what, timeout_ms));
  const Received received = ReceiveMessage(socket, WritableBytesOf(message), false, MSG_DONTWAIT);
  if (received.bytes <= 0)
    return Unavailable(fmt::format("the decoder program ended before it could {}", what));
  if (received.bytes != static_cast<ssize_t>(sizeof message)) {
    return Unavailable("the decoder program is of another version");
  }
  return OkStatus();
}

class SpawnActions {
 public:
  SpawnActions() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

}  // namespace

void Decoder::Kill() const { PidfdKill(pidfd.get()); }

StatusOr<std::unique_ptr<ZygoteProcess>> ZygoteProcess::Start(const std::string& program) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return Unavailable(fmt::format("no socket for the decoder program: {}", std::strerror(errno)));
  }
  UniqueFd near(ends[0]);
  UniqueFd far(ends[1]);

  SpawnActions spawn;
  posix_spawn_file_actions_adddup2(&spawn.actions, far.get(), kSocketFd);
  posix_spawn_file_actions_addopen(&spawn.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&spawn.actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&spawn.actions, kSocketFd + 1);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&spawn.attributes, &none);
  posix_spawnattr_setsigdefault(&spawn.attributes, &all);
  posix_spawnattr_setflags(&spawn.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  // Nothing of our environment: it may hold secrets. Huge pages make fresh heap cheaper (bench/sandbox).
  char tunables[] = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1";
  char* const environment[] = {tunables, nullptr};
  std::string name = "tamiz-decoder";
  char* const arguments[] = {name.data(), nullptr};
  pid_t pid = 0;
  const int rc =
      ::posix_spawn(&pid, program.c_str(), &spawn.actions, &spawn.attributes, arguments, environment);
  if (rc != 0) {
    return Unavailable(fmt::format("cannot start the decoder program '{}': {}", program, std::strerror(rc)));
  }
  far.Reset();
  UniqueFd pidfd(PidfdOpen(pid));
  if (!pidfd.valid()) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return Unavailable(fmt::format("no pidfd for the decoder program: {}", std::strerror(error)));
  }
  std::unique_ptr<ZygoteProcess> zygote(new ZygoteProcess(pid, std::move(pidfd), std::move(near)));
  ZygoteHello hello{};
  TAMIZ_RETURN_IF_ERROR(Await(zygote->socket_.get(), kStartTimeoutMs, hello, "start"));
  if (hello.version != kProtocolVersion) return Unavailable("the decoder program is of another version");
  zygote->address_space_bytes_ = hello.address_space_bytes;
  return zygote;
}

ZygoteProcess::~ZygoteProcess() {
  PidfdKill(pidfd_.get());
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

StatusOr<Decoder> ZygoteProcess::Spawn(const SlotGeometry& geometry, std::uint64_t prepared_bytes) {
  FrameChannel::FarEnd far_end;
  Decoder decoder;
  TAMIZ_ASSIGN_OR_RETURN(decoder.channel, FrameChannel::Create(geometry, far_end));
  const SpawnRequest request{geometry.count, 0, geometry.bytes, prepared_bytes, geometry.prepared_bytes};
  const int fds[] = {far_end.socket.get(), far_end.slots.get()};
  if (const int error = SendMessage(socket_.get(), BytesOf(request), fds); error != 0) {
    return Unavailable(fmt::format("the zygote does not listen: {}", std::strerror(error)));
  }
  SpawnReply reply{};
  TAMIZ_RETURN_IF_ERROR(Await(socket_.get(), kForkTimeoutMs, reply, "fork"));
  if (reply.pid <= 0) {
    return MakeError(StatusCode::kResourceExhausted,
                     fmt::format("no process for a decoder: {}", std::strerror(reply.error)));
  }
  decoder.pid = reply.pid;
  // The pid cannot have been given to another: only we can reap it.
  decoder.pidfd = UniqueFd(PidfdOpen(decoder.pid));
  if (!decoder.pidfd.valid()) {
    const int error = errno;
    ::kill(decoder.pid, SIGKILL);
    ::waitpid(decoder.pid, nullptr, 0);
    return MakeError(StatusCode::kResourceExhausted,
                     fmt::format("no pidfd for a decoder: {}", std::strerror(error)));
  }
  return decoder;
}

}  // namespace tamiz::sandbox
