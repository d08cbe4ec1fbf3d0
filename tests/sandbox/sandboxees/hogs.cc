#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "core/sandbox/socket_message.h"
#include "tests/sandbox/sandboxees/sandboxee.h"

namespace tamiz::decoder::sandboxee {
namespace {

// Keeps the optimiser from finding out that nothing is done.
volatile std::uint64_t counter = 0;

// Grows as C++ code does.
void EatMemory(const DecodeJob&, ChannelSink&) {
  std::vector<std::unique_ptr<std::vector<std::uint8_t>>> eaten;
  for (;;) eaten.push_back(std::make_unique<std::vector<std::uint8_t>>(16u << 20, std::uint8_t{1}));
}

// Grows as C code does, which looks at what malloc returns.
void EatMemoryPolitely(const DecodeJob&, ChannelSink& sink) {
  for (;;) {
    void* block = std::malloc(16u << 20);
    if (block == nullptr) break;
    *static_cast<volatile char*>(block) = 1;
  }
  sink.Incomplete(media::IncompleteCode::kMemoryLimit, "a frame does not fit into memory");
}

void Spin(const DecodeJob&, ChannelSink&) {
  for (;;) counter = counter + 1;
}

// Catches the signal of the soft limit: the hard one stands.
void SpinOn(const DecodeJob&, ChannelSink&) {
  (void)std::signal(SIGXCPU, SIG_IGN);
  for (;;) counter = counter + 1;
}

void Sleep(const DecodeJob&, ChannelSink&) {
  sandbox::Release release{};
  (void)sandbox::ReceiveMessage(sandbox::kSocketFd, sandbox::WritableBytesOf(release), false);
}

// Gives signs of life until it is stopped.
void WorkForEver(const DecodeJob&, ChannelSink& sink) {
  for (std::int64_t i = 0;; ++i) {
    sink.Progress(std::chrono::microseconds(i));
    counter = counter + 1;
  }
}

// Threads until no more can be had.
void BombOfThreads(const DecodeJob&, ChannelSink& sink) {
  // They wait on a futex: pause is no system call of a decoder's, and would end this before the limit does.
  static const std::atomic<int> for_ever = 0;
  std::size_t made = 0;
  try {
    for (; made < 100'000; ++made) std::thread([] { for_ever.wait(0); }).detach();
  } catch (const std::system_error&) {
    sink.Incomplete(media::IncompleteCode::kMemoryLimit, "no more threads");
    return;
  }
  sink.Incomplete(media::IncompleteCode::kEncrypted, "SURVIVED");
}

void Segfault(const DecodeJob&, ChannelSink&) { *reinterpret_cast<volatile int*>(16) = 1; }
void Abort(const DecodeJob&, ChannelSink&) { std::abort(); }
void Throw(const DecodeJob&, ChannelSink&) { throw std::runtime_error("media code that throws"); }
void ThrowBadAlloc(const DecodeJob&, ChannelSink&) { throw std::bad_alloc(); }
void ExitQuietly(const DecodeJob&, ChannelSink&) { ::_exit(0); }
void ExitLoudly(const DecodeJob&, ChannelSink&) { ::_exit(9); }

// Until the guard page; the bound is past every stack and keeps the compiler from calling it endless.
void Overflow(std::uint64_t depth) {
  volatile char frame[4096];
  frame[depth % sizeof frame] = 1;
  if (depth < (1u << 20)) Overflow(depth + 1);
  frame[0] = 2;
}
void OverflowStack(const DecodeJob&, ChannelSink&) { Overflow(0); }

constexpr Behaviour kAll[] = {
    {"eat_memory", EatMemory},
    {"eat_memory_politely", EatMemoryPolitely},
    {"spin", Spin},
    {"spin_on", SpinOn},
    {"sleep", Sleep},
    {"work_for_ever", WorkForEver},
    {"bomb_of_threads", BombOfThreads},
    {"segfault", Segfault},
    {"abort", Abort},
    {"throw", Throw},
    {"throw_bad_alloc", ThrowBadAlloc},
    {"exit_quietly", ExitQuietly},
    {"exit_loudly", ExitLoudly},
    {"overflow_stack", OverflowStack},
};

}  // namespace

std::span<const Behaviour> Hogs() { return kAll; }

}  // namespace tamiz::decoder::sandboxee
