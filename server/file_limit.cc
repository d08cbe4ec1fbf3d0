#include "server/file_limit.h"

#include <sys/resource.h>

#include "core/base/log.h"

namespace tamiz::server {
namespace {

constexpr rlim_t kLittle = 4096;

}  // namespace

std::uint64_t RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  if (limit.rlim_cur < kLittle) {
    LogWarn(
        "few file descriptors are allowed: connections beyond them are not answered; raise the limit (ulimit "
        "-n)",
        {{"limit", static_cast<std::int64_t>(limit.rlim_cur)}});
  }
  return limit.rlim_cur;
}

}  // namespace tamiz::server
