// The zygote as its server sees it: a program started once that forks decoders on request.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/status.h"
#include "core/base/unique_fd.h"
#include "core/sandbox/frame_channel.h"
#include "core/sandbox/protocol.h"

namespace tamiz::sandbox {

// One decoder process. It is a child of this process, not of the zygote, so its exit status is ours to wait
// for even if the zygote is gone.
struct Decoder {
  pid_t pid = 0;
  UniqueFd pidfd;
  std::shared_ptr<FrameChannel> channel;

  void Kill() const;
};

// Not thread-safe. All of its life must be on one thread that outlives the decoders: the kernel ties their
// parent-death signal to the thread that started the zygote, not to the process.
class ZygoteProcess {
 public:
  // Starts `program` and waits for it to be warm. UNAVAILABLE says what failed.
  [[nodiscard]] static StatusOr<std::unique_ptr<ZygoteProcess>> Start(const std::string& program);
  // Ends the zygote; decoders live on.
  ~ZygoteProcess();
  ZygoteProcess(const ZygoteProcess&) = delete;
  ZygoteProcess& operator=(const ZygoteProcess&) = delete;

  // Forks a decoder. An error means that the zygote is of no use any more.
  [[nodiscard]] StatusOr<Decoder> Spawn(const SlotGeometry& geometry, std::uint64_t prepared_bytes);

  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Address space of a decoder before it does anything, without its slots.
  [[nodiscard]] std::uint64_t address_space_bytes() const { return address_space_bytes_; }

 private:
  ZygoteProcess(pid_t pid, UniqueFd pidfd, UniqueFd socket)
      : pid_(pid), pidfd_(std::move(pidfd)), socket_(std::move(socket)) {}

  const pid_t pid_;
  const UniqueFd pidfd_;
  const UniqueFd socket_;
  std::uint64_t address_space_bytes_ = 0;
};

}  // namespace tamiz::sandbox
