// One tamizd a data directory.
#pragma once

#include <string>

#include "core/base/status.h"
#include "core/base/unique_fd.h"

namespace tamiz::server {

// Held until destruction; the kernel gives it back when the process dies, however it dies.
class DataDirLock {
 public:
  // Makes the directory (0700) if it is not there. FAILED_PRECONDITION if another process has it, UNAVAILABLE
  // if it cannot be made or written.
  [[nodiscard]] static StatusOr<DataDirLock> Take(const std::string& data_dir);

 private:
  explicit DataDirLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace tamiz::server
