// Secrets stand in files of their own and are read when they are needed, so that they can be rotated.
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace tamiz::net {

// The file's text without white space around it. FAILED_PRECONDITION (SECRET_UNREADABLE) if it cannot be
// read, is empty, larger than 64 KiB, or holds a control character, which must not get into a header. `key`
// names the setting in messages; the secret never is in them.
[[nodiscard]] StatusOr<std::string> ReadSecret(const std::string& path, std::string_view key);

}  // namespace tamiz::net
