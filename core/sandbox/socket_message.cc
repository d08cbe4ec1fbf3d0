#include "core/sandbox/socket_message.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace tamiz::sandbox {
namespace {

constexpr std::size_t kControlBytes = CMSG_SPACE(kMaxDescriptors * sizeof(int));

}  // namespace

int SendMessage(int socket, std::span<const std::byte> message, std::span<const int> fds, int flags) {
  if (fds.size() > kMaxDescriptors) return EINVAL;
  if (fds.empty()) {
    // send, not sendmsg: a confined decoder has no sendmsg.
    while (::send(socket, message.data(), message.size(), MSG_NOSIGNAL | flags) < 0) {
      if (errno != EINTR) return errno;
    }
    return 0;
  }
  iovec data{const_cast<std::byte*>(message.data()), message.size()};
  alignas(cmsghdr) char control[kControlBytes] = {};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
  while (::sendmsg(socket, &header, MSG_NOSIGNAL | flags) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

Received ReceiveMessage(int socket, std::span<std::byte> buffer, bool with_fds, int flags) {
  iovec data{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[kControlBytes] = {};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (with_fds) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  Received received;
  do {
    received.bytes = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_TRUNC | flags);
    // ECONNRESET: the other end closed without reading all that we sent. The kernel says so once, ahead of
    // what it had sent us before; that still counts.
  } while (received.bytes < 0 && (errno == EINTR || errno == ECONNRESET));
  if (received.bytes < 0) {
    received.error = errno;
    return received;
  }
  if (!with_fds) return received;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count && i < kMaxDescriptors; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      received.fds[i].Reset(fd);
    }
  }
  return received;
}

}  // namespace tamiz::sandbox
