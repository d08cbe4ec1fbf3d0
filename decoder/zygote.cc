#include "decoder/zygote.h"

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "core/sandbox/plan_wire.h"
#include "core/sandbox/protocol.h"
#include "core/sandbox/socket_message.h"
#include "decoder/channel_sink.h"
#include "decoder/confinement.h"
#include "decoder/frame_sink.h"
#include "decoder/seccomp_policy.h"

#ifdef TAMIZ_SANITIZED
// A confined process cannot look for leaks, which needs ptrace, nor start a symbolizer.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0:symbolize=0:allocator_may_return_null=1";
}
#endif

namespace tamiz::decoder {
namespace {

using sandbox::kSocketFd;
using sandbox::Received;

struct Zygote {
  pid_t server = 0;
  std::uint32_t layers = 0;
  std::vector<sock_filter> policy;
  int null_fd = -1;
};

// Before anything is allocated. Every upload has a heap of its own that is thrown away with its process, so
// memory is never given back in between: giving back and taking again is what page faults are made of.
void TuneHeap() {
  ::mallopt(M_ARENA_MAX, 1);  // threads share what was prepared
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
  ::mallopt(M_TOP_PAD, 1 << 20);
}

// The kernel's out-of-memory killer shall find decoders before the server. Raising needs no privilege.
void OfferToOutOfMemoryKiller() {
  const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t rc = ::write(fd, "1000", 4);
  ::close(fd);
}

std::uint64_t AddressSpaceBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  unsigned long pages = 0;
  if (file == nullptr) return 1u << 30;
  if (std::fscanf(file, "%lu", &pages) != 1) pages = (1u << 30) / 4096;
  std::fclose(file);
  return std::uint64_t{pages} * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// fork(), but the child is a child of the server, which can then wait for it and learn how it ended without
// asking the zygote, even if that is gone. clone3 would do too, but container engines answer it with ENOSYS.
pid_t ForkForServer() {
  // glibc keeps a thread's id in a place that its own fork() refreshes. The kernel knows the place.
  int* tid_address = nullptr;
  (void)::prctl(PR_GET_TID_ADDRESS, &tid_address, 0, 0, 0);
  unsigned long flags = CLONE_PARENT | SIGCHLD;
  if (tid_address != nullptr) flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
#if defined(__x86_64__)
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, tid_address, 0));
#else
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, 0, tid_address));
#endif
}

[[noreturn]] void ExitOutOfMemory() { ::_exit(sandbox::kExitOutOfMemory); }

// Touches heap that the upload will need, so that it takes no page faults then.
void PrepareHeap(std::uint64_t bytes) {
  if (bytes == 0) return;
  void* block = std::malloc(bytes);
  if (block == nullptr) return;
  // Not memset, which the compiler may drop together with malloc and free.
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  auto* const first = static_cast<volatile char*>(block);
  for (std::uint64_t at = 0; at < bytes; at += page) first[at] = 0;
  std::free(block);
}

struct Slots {
  std::uint8_t* data = nullptr;
  std::uint64_t bytes = 0;
};

Slots MapSlots(int fd, const sandbox::SpawnRequest& request) {
  if (request.slot_count == 0 || request.slot_count > sandbox::kMaxSlots) return {};
  Slots slots;
  slots.bytes = request.slot_bytes * request.slot_count;
  void* mapped = ::mmap(nullptr, slots.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return {};
  slots.data = static_cast<std::uint8_t*>(mapped);
  (void)::madvise(mapped, slots.bytes, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
  if (request.prepared_slot_bytes > 0)
    (void)::madvise(mapped, request.prepared_slot_bytes, MADV_POPULATE_WRITE);
#endif
  return slots;
}

void SendReady(std::uint32_t layers) {
  sandbox::DecoderMessage message;
  std::memset(static_cast<void*>(&message), 0, sizeof message);
  message.kind = sandbox::MessageKind::kReady;
  message.ready.layers = layers;
  if (sandbox::SendMessage(kSocketFd, sandbox::BytesOf(message)) != 0) ::_exit(sandbox::kExitServerGone);
}

// Serves the one upload, confined.
void Serve(const Slots& slots, std::uint32_t slot_count) {
  sandbox::Job job{};
  Received received = sandbox::ReceiveMessage(kSocketFd, sandbox::WritableBytesOf(job), true);
  if (received.bytes != static_cast<ssize_t>(sizeof job)) ::_exit(sandbox::kExitServerGone);

  DecodeJob decode;
  decode.format = static_cast<media::FileFormat>(job.format);
  decode.plan = sandbox::ReadPlan(job);
  decode.formats_off = job.formats_off;
  decode.limits.max_frame_pixels = job.max_frame_pixels;
  decode.limits.max_dimension = job.max_dimension;
  decode.limits.max_total_pixels = job.max_total_pixels;
  decode.limits.max_packets = job.max_packets;
  decode.limits.threads = job.threads;

  ChannelSink sink(kSocketFd, {slots.data, slots.bytes}, slot_count, decode.limits, job.max_frames);
  if (job.size_bytes == 0) {
    sink.Incomplete(media::IncompleteCode::kDecodeFailed, "the upload is empty");
    sink.Finish();
    return;
  }
  // Small uploads are mapped at once; of long videos only what is read.
  constexpr std::uint64_t kMapAtOnce = 32u << 20;
  const int populate = job.size_bytes <= kMapAtOnce ? MAP_POPULATE : 0;
  void* content =
      ::mmap(nullptr, job.size_bytes, PROT_READ, MAP_PRIVATE | populate, received.fds[0].get(), 0);
  if (content == MAP_FAILED) {
    sink.Incomplete(media::IncompleteCode::kMemoryLimit, "the upload could not be mapped");
    sink.Finish();
    return;
  }
  received.fds[0].Reset();
  decode.content = {static_cast<const std::uint8_t*>(content), job.size_bytes};
  try {
    Decode(decode, sink);
  } catch (const std::bad_alloc&) {
    ExitOutOfMemory();
  }
  sink.Finish();
}

[[noreturn]] void RunDecoder(const Zygote& zygote, const sandbox::SpawnRequest& request, UniqueFd socket,
                             UniqueFd slots_fd) {
  const Slots slots = MapSlots(slots_fd.get(), request);
  if (slots.data == nullptr) ::_exit(sandbox::kExitOutOfMemory);
  // The zygote's socket goes, the channel takes its place; then no other descriptor is left.
  if (::dup2(socket.Release(), kSocketFd) != kSocketFd) ::_exit(sandbox::kExitNotConfined);
  (void)slots_fd.Release();
#ifndef TAMIZ_SANITIZED
  // What a hostile decoder says on standard error must not stand in the server's log.
  (void)::dup2(STDOUT_FILENO, STDERR_FILENO);
#endif
  ::syscall(SYS_close_range, kSocketFd + 1, ~0u, 0);
  std::set_new_handler(ExitOutOfMemory);
  PrepareHeap(request.prepared_bytes);
  const std::uint32_t layers = ConfineDecoder(zygote.server, zygote.policy, zygote.layers);
  if (layers == 0) ::_exit(sandbox::kExitNotConfined);
  SendReady(layers);
  Serve(slots, request.slot_count);
  ::_exit(sandbox::kExitDone);
}

}  // namespace

int RunZygote() {
  struct stat socket {};
  if (::fstat(kSocketFd, &socket) != 0 || !S_ISSOCK(socket.st_mode)) {
    std::fputs("tamiz-decoder is started by tamizd; it does nothing by itself\n", stderr);
    return 2;
  }
  TuneHeap();
  OfferToOutOfMemoryKiller();
  Zygote zygote;
  const std::uint32_t namespaces = EnterNamespaces();
  // The server may die at any time; that it closes its socket would tell us too, but not during the warm-up.
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  zygote.server = ::getppid();

  WarmUp();
  ::malloc_trim(0);
  zygote.policy = CompilePolicy();
  const sandbox::ZygoteHello hello{sandbox::kProtocolVersion, 0, AddressSpaceBytes()};
  zygote.layers = ConfineZygote(namespaces);
  if (sandbox::SendMessage(kSocketFd, sandbox::BytesOf(hello)) != 0) return 1;

  for (;;) {
    sandbox::SpawnRequest request{};
    Received received = sandbox::ReceiveMessage(kSocketFd, sandbox::WritableBytesOf(request), true);
    if (received.bytes == 0) return 0;
    if (received.bytes != static_cast<ssize_t>(sizeof request)) return 1;
    const pid_t pid = ForkForServer();
    if (pid == 0) RunDecoder(zygote, request, std::move(received.fds[0]), std::move(received.fds[1]));
    const sandbox::SpawnReply reply{pid > 0 ? pid : 0, pid > 0 ? 0 : errno};
    if (sandbox::SendMessage(kSocketFd, sandbox::BytesOf(reply)) != 0) return 1;
  }
}

}  // namespace tamiz::decoder
