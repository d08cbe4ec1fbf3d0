// Bytes of a request as an upload.
#pragma once

#include <string_view>

#include "core/scan/scanner.h"
#include "core/source/upload.h"

namespace tamiz::server {

// Sets `input.upload` to the sealed `content`, or `input.not_brought_in` where it is larger than allowed.
// Blocks on memory or disk. Errors: RESOURCE_EXHAUSTED by the budget, UNAVAILABLE if memory or disk fails.
[[nodiscard]] Status BringIn(std::string_view content, const source::Config& config,
                             source::ByteBudget& budget, scan::ScanInput& input);

// True for the error by which a source says that an upload is too large; `input.not_brought_in` is set then.
[[nodiscard]] bool TakeByteLimit(const Status& status, scan::ScanInput& input);

}  // namespace tamiz::server
