#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string_view>

#include "tests/sandbox/sandboxees/sandboxee.h"

// Each tries one thing. Those that must be killed for it report what they got if they survive: any message is
// a failure of the test.
namespace tamiz::decoder::sandboxee {
namespace {

void Survived(ChannelSink& sink) { sink.Incomplete(media::IncompleteCode::kEncrypted, "SURVIVED"); }

// Must fail without a kill: libraries probe.
void OpenFile(const DecodeJob&, ChannelSink& sink) {
  for (const char* path : {"/etc/passwd", "/proc/self/mem", "/dev/null", "."}) {
    if (::open(path, O_RDONLY) >= 0) return Survived(sink);
  }
  if (::syscall(SYS_open, "/etc/passwd", O_RDONLY) >= 0) return Survived(sink);
  if (::access("/etc/passwd", F_OK) == 0) return Survived(sink);
  sink.Incomplete(media::IncompleteCode::kDecodeFailed, "refused");
}

// What the server knows is in its memory, its environment and its descriptors.
void ReadTheServer(const DecodeJob&, ChannelSink& sink) {
  for (const pid_t server : {ServerPid(), pid_t{1}}) {
    for (const char* what : {"mem", "environ", "maps", "fd", "cmdline", "root"}) {
      char path[64];
      (void)std::snprintf(path, sizeof path, "/proc/%d/%s", server, what);
      if (::open(path, O_RDONLY) >= 0 || ::open(path, O_PATH) >= 0) return Survived(sink);
    }
  }
  sink.Incomplete(media::IncompleteCode::kDecodeFailed, "refused");
}

// Nothing of the server's environment, where secrets may be, came along.
void ReadEnvironment(const DecodeJob&, ChannelSink& sink) {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (std::string_view(*entry).substr(0, 15) != "GLIBC_TUNABLES=") return Survived(sink);
  }
  sink.Incomplete(media::IncompleteCode::kDecodeFailed, "refused");
}

void Connect(const DecodeJob&, ChannelSink& sink) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  (void)::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  Survived(sink);
}

void Fork(const DecodeJob&, ChannelSink& sink) {
  if (::fork() == 0) ::_exit(0);
  Survived(sink);
}

void ForkRaw(const DecodeJob&, ChannelSink& sink) {
  if (::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0) == 0) ::_exit(0);
  Survived(sink);
}

void NewNamespace(const DecodeJob&, ChannelSink& sink) {
  (void)::syscall(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_NEWUSER, nullptr, nullptr,
                  nullptr, 0);
  Survived(sink);
}

void Exec(const DecodeJob&, ChannelSink& sink) {
  char* const nothing[] = {nullptr};
  (void)::execve("/bin/true", nothing, nothing);
  Survived(sink);
}

void Ptrace(const DecodeJob&, ChannelSink& sink) {
  (void)::ptrace(PTRACE_ATTACH, ServerPid(), nullptr, nullptr);
  Survived(sink);
}

void KillParent(const DecodeJob&, ChannelSink& sink) {
  (void)::kill(ServerPid(), SIGKILL);
  Survived(sink);
}

// Pid 1 stands for any process: the number does not matter to the filter.
void Kill(const DecodeJob&, ChannelSink& sink) {
  (void)::kill(1, 0);
  Survived(sink);
}

void ReadOtherMemory(const DecodeJob&, ChannelSink& sink) {
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{&byte, 1};
  (void)::syscall(SYS_process_vm_readv, ::getpid(), &here, 1, &there, 1, 0);
  Survived(sink);
}

void ExecutableMemory(const DecodeJob&, ChannelSink& sink) {
  (void)::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Survived(sink);
}

void MakeExecutable(const DecodeJob&, ChannelSink& sink) {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  (void)::mprotect(page, 4096, PROT_READ | PROT_EXEC);
  Survived(sink);
}

void IoUring(const DecodeJob&, ChannelSink& sink) {
  (void)::syscall(SYS_io_uring_setup, 1, nullptr);
  Survived(sink);
}

void WriteStdout(const DecodeJob&, ChannelSink& sink) {
  (void)!::write(STDOUT_FILENO, "x", 1);
  Survived(sink);
}

void PassDescriptor(const DecodeJob&, ChannelSink& sink) {
  msghdr message{};
  (void)::sendmsg(sandbox::kSocketFd, &message, 0);
  Survived(sink);
}

void RaiseLimit(const DecodeJob&, ChannelSink& sink) {
  const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  (void)::setrlimit(RLIMIT_CPU, &none);
  Survived(sink);
}

void BecomeDumpable(const DecodeJob&, ChannelSink& sink) {
  (void)::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  Survived(sink);
}

void WriteUpload(const DecodeJob& job, ChannelSink& sink) {
  // The mapping of the upload itself: read-only, and private at that.
  auto* bytes = const_cast<std::uint8_t*>(job.content.data());
  const auto page = reinterpret_cast<std::uintptr_t>(bytes) & ~std::uintptr_t{4095};
  (void)::mprotect(reinterpret_cast<void*>(page), 4096, PROT_READ | PROT_WRITE);
  bytes[0] = 'X';  // ours alone
  sink.Incomplete(media::IncompleteCode::kDecodeFailed, "refused");
}

// No descriptor is there but the standard ones and the channel.
void FindDescriptors(const DecodeJob&, ChannelSink& sink) {
  char byte = 0;
  for (int fd = sandbox::kSocketFd + 1; fd < 64; ++fd) {
    // close is the only call that a filter lets through for any descriptor: it must find nothing.
    if (::close(fd) == 0) return Survived(sink);
  }
  (void)byte;
  sink.Incomplete(media::IncompleteCode::kDecodeFailed, "refused");
}

constexpr Behaviour kAll[] = {
    {"open_file", OpenFile},
    {"read_the_server", ReadTheServer},
    {"read_environment", ReadEnvironment},
    {"connect", Connect},
    {"fork", Fork},
    {"fork_raw", ForkRaw},
    {"new_namespace", NewNamespace},
    {"exec", Exec},
    {"ptrace", Ptrace},
    {"kill_parent", KillParent},
    {"kill", Kill},
    {"read_other_memory", ReadOtherMemory},
    {"executable_memory", ExecutableMemory},
    {"make_executable", MakeExecutable},
    {"io_uring", IoUring},
    {"write_stdout", WriteStdout},
    {"pass_descriptor", PassDescriptor},
    {"raise_limit", RaiseLimit},
    {"become_dumpable", BecomeDumpable},
    {"write_upload", WriteUpload},
    {"find_descriptors", FindDescriptors},
};

}  // namespace

std::span<const Behaviour> Escapes() { return kAll; }

}  // namespace tamiz::decoder::sandboxee
