// Sending and receiving whole messages, with descriptors, over SOCK_SEQPACKET. Used on both sides.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <span>

#include "core/base/unique_fd.h"

namespace tamiz::sandbox {

inline constexpr std::size_t kMaxDescriptors = 2;

// Sends one message and copies of `fds` (at most kMaxDescriptors). 0 or errno; never SIGPIPE.
[[nodiscard]] int SendMessage(int socket, std::span<const std::byte> message, std::span<const int> fds = {},
                              int flags = 0);

struct Received {
  ssize_t bytes = 0;  // length of the message as sent, perhaps more than fitted; 0: closed; -1: see error
  int error = 0;      // errno
  std::array<UniqueFd, kMaxDescriptors> fds;
};

// Receives one message into `buffer`. Descriptors are close-on-exec; without `with_fds` the kernel closes any
// that were sent.
[[nodiscard]] Received ReceiveMessage(int socket, std::span<std::byte> buffer, bool with_fds, int flags = 0);

template <typename T>
[[nodiscard]] std::span<const std::byte> BytesOf(const T& message) {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::as_bytes(std::span<const T, 1>(&message, 1));
}
template <typename T>
[[nodiscard]] std::span<std::byte> WritableBytesOf(T& message) {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::as_writable_bytes(std::span<T, 1>(&message, 1));
}

}  // namespace tamiz::sandbox
