#include "server/data_dir_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace tamiz::server {

StatusOr<DataDirLock> DataDirLock::Take(const std::string& data_dir) {
  std::error_code error;
  if (std::filesystem::create_directories(data_dir, error)) {
    std::filesystem::permissions(data_dir, std::filesystem::perms::owner_all, error);
  }
  if (error) {
    return MakeError(StatusCode::kUnavailable,
                     fmt::format("cannot make the data directory {}: {}; set data_dir or "
                                 "--data-dir to one that can be written",
                                 data_dir, error.message()));
  }
  const std::string path = data_dir + "/lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return MakeError(StatusCode::kUnavailable,
                     fmt::format("cannot write to the data directory: {}: {}", path, std::strerror(errno)));
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> pid{};
    const ssize_t got = ::pread(fd.get(), pid.data(), pid.size() - 1, 0);
    std::string holder(pid.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    return MakeError(
        StatusCode::kFailedPrecondition,
        fmt::format("another tamizd (process {}) uses the data directory {}; stop it, or give this one "
                    "a directory of its own",
                    holder.empty() ? "unknown" : holder, data_dir));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  // For people only: the lock is what counts.
  if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0) {
    return MakeError(StatusCode::kUnavailable,
                     fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  }
  return DataDirLock(std::move(fd));
}

}  // namespace tamiz::server
