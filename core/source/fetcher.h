// Brings in what a URI names.
#pragma once

#include <memory>
#include <string_view>

#include "core/base/call_context.h"
#include "core/source/upload.h"

namespace tamiz::source {

// Thread-safe. Errors: INVALID_ARGUMENT for a URI that cannot be used (field "uri"), PERMISSION_DENIED
// outside the configured roots or through a symlink, NOT_FOUND, UNAVAILABLE, OUT_OF_RANGE (reason
// BYTE_LIMIT).
class Fetcher {
 public:
  virtual ~Fetcher() = default;
  [[nodiscard]] virtual StatusOr<Upload> Fetch(std::string_view uri, const CallContext& context) = 0;
};

// file:// below the configured roots, resolved with openat2 so that no symlink leads out; where the kernel or
// a seccomp filter has no openat2, no symlink is followed at all. The file is copied, so what happens to it
// later changes nothing. INVALID_ARGUMENT if a root is not a directory that can be opened. `config` and
// `budget` outlive it.
[[nodiscard]] StatusOr<std::unique_ptr<Fetcher>> MakeFetcher(const Config& config, ByteBudget& budget,
                                                             DigestMode digests = DigestMode::kNow);

}  // namespace tamiz::source
