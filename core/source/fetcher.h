// Brings in what a URI names.
#pragma once

#include <memory>
#include <string_view>

#include "core/base/call_context.h"
#include "core/source/upload.h"

namespace tamiz::source {

// Thread-safe. Errors: INVALID_ARGUMENT for a URI that cannot be used (field "uri"), PERMISSION_DENIED
// outside the configured roots, through a symlink, for a host, address or bucket that is not allowed, or by
// the source itself, NOT_FOUND, UNAVAILABLE, FAILED_PRECONDITION for a source that refuses or is set up
// wrongly, OUT_OF_RANGE (reason BYTE_LIMIT).
class Fetcher {
 public:
  virtual ~Fetcher() = default;
  [[nodiscard]] virtual StatusOr<Upload> Fetch(std::string_view uri, const CallContext& context) = 0;
};

// file:// below the configured roots, resolved with openat2 so that no symlink leads out; where the kernel or
// a seccomp filter has no openat2, no symlink is followed at all. The file is copied, so what happens to it
// later changes nothing. http://, https:// and s3:// from the sources that `config` names (remote_fetcher.h).
// INVALID_ARGUMENT if a root is not a directory that can be opened or a source is set up wrongly,
// FAILED_PRECONDITION if a file of credentials cannot be read. `config` and `budget` outlive it.
[[nodiscard]] StatusOr<std::unique_ptr<Fetcher>> MakeFetcher(const Config& config, ByteBudget& budget,
                                                             DigestMode digests = DigestMode::kNow);

}  // namespace tamiz::source
