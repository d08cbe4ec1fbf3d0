// file:// URIs.
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace tamiz::source {

// The absolute path that a file URI (RFC 8089; `file:///path`, `file://localhost/path`, `file:/path`) names,
// decoded and without empty, "." and ".." segments (RFC 3986, section 5.2.4). INVALID_ARGUMENT with field
// "uri" for another scheme or host, a query or fragment, a broken escape, an encoded slash or NUL. Messages
// do not repeat the URI.
[[nodiscard]] StatusOr<std::string> PathOfFileUri(std::string_view uri);

// `path`, absolute, without empty, "." and ".." segments; what would go above the root stays at the root.
[[nodiscard]] std::string NormalPath(std::string_view path);

}  // namespace tamiz::source
