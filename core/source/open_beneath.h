// Opens files below a directory and nowhere else.
#pragma once

#include <string>

#include "core/base/status.h"
#include "core/base/unique_fd.h"

namespace tamiz::source {

enum class Resolver {
  kBest,      // openat2, or the walk where that does not exist (old kernels, old seccomp filters)
  kByWalking  // component by component, refusing every symlink; for tests
};

// Opens the regular file `relative` below `directory` for reading, without ever waiting for a FIFO or a
// device. Symlinks that stay below the directory are followed (by openat2 only), all others refused:
// PERMISSION_DENIED. NOT_FOUND if there is none; INVALID_ARGUMENT if it is not a regular file; UNAVAILABLE
// otherwise. Messages hold no names. Thread-safe.
[[nodiscard]] StatusOr<UniqueFd> OpenBeneath(int directory, const std::string& relative,
                                             Resolver resolver = Resolver::kBest);

}  // namespace tamiz::source
