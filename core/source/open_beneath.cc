#include "core/source/open_beneath.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace tamiz::source {
namespace {

constexpr int kOpenFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
// A rename elsewhere in the tree during the look-up makes openat2 give up with EAGAIN.
constexpr int kAttempts = 16;

Status LeadsOut() {
  return MakeError(StatusCode::kPermissionDenied, "the path leads out of the roots in source.file_roots");
}

Status NotRegular() { return InvalidArgument("not a regular file"); }

Status FromErrno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return NotFound("no such file below the roots in source.file_roots");
    case EXDEV:  // RESOLVE_BENEATH
    case ELOOP:
      return LeadsOut();
    case EACCES:
    case EPERM:
      return MakeError(StatusCode::kPermissionDenied, "the service may not read the file");
    case ENAMETOOLONG:
      return InvalidArgument("the path is too long");
    case ENXIO:  // a socket
      return NotRegular();
    default:
      return MakeError(StatusCode::kUnavailable,
                       fmt::format("cannot open the file: {}", std::strerror(error)));
  }
}

int OpenAt2(int directory, const char* path) {
  open_how how{};
  how.flags = static_cast<decltype(how.flags)>(kOpenFlags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  int fd = -1;
  for (int attempt = 0; attempt < kAttempts && fd < 0; ++attempt) {
    fd = static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof how));
    if (fd < 0 && errno != EAGAIN && errno != EINTR) break;
  }
  return fd;
}

StatusOr<UniqueFd> Walk(int directory, std::string_view relative) {
  UniqueFd here;
  int at = directory;
  while (true) {
    const std::size_t slash = relative.find('/');
    const std::string name(relative.substr(0, slash));
    if (name == "..") return LeadsOut();
    if (slash == std::string_view::npos) {
      const int fd = ::openat(at, name.c_str(), kOpenFlags | O_NOFOLLOW);
      if (fd < 0) return FromErrno(errno);
      return UniqueFd(fd);
    }
    UniqueFd next(::openat(at, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) return FromErrno(errno);
    struct stat info {};
    if (::fstat(next.get(), &info) != 0) return FromErrno(errno);
    if (S_ISLNK(info.st_mode)) return LeadsOut();
    here = std::move(next);
    at = here.get();
    relative.remove_prefix(slash + 1);
  }
}

StatusOr<UniqueFd> Open(int directory, const std::string& relative, Resolver resolver) {
  static std::atomic<bool> has_openat2{true};
  if (resolver == Resolver::kBest && has_openat2.load(std::memory_order_relaxed)) {
    const int fd = OpenAt2(directory, relative.c_str());
    if (fd >= 0) return UniqueFd(fd);
    // Old seccomp filters answer EPERM to system calls that they do not know; openat2 itself never does here.
    if (errno != ENOSYS && errno != EPERM) return FromErrno(errno);
    has_openat2.store(false, std::memory_order_relaxed);
  }
  return Walk(directory, relative);
}

}  // namespace

StatusOr<UniqueFd> OpenBeneath(int directory, const std::string& relative, Resolver resolver) {
  TAMIZ_ASSIGN_OR_RETURN(UniqueFd fd, Open(directory, relative, resolver));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return FromErrno(errno);
  if (!S_ISREG(info.st_mode)) return NotRegular();
  return fd;
}

}  // namespace tamiz::source
