// http and https URIs, read strictly: what two programs could read differently is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace tamiz::net {

enum class Scheme { kHttps, kHttp };

[[nodiscard]] std::string_view ToString(Scheme scheme);
[[nodiscard]] std::uint16_t DefaultPort(Scheme scheme);

struct HttpUri {
  Scheme scheme = Scheme::kHttps;
  // A name in lower case, or an address: dotted decimals, or IPv6 as inet_ntop writes it, without brackets.
  std::string host;
  bool host_is_address = false;
  std::uint16_t port = 443;
  // Path and query as given; begins with '/'.
  std::string target = "/";

  // As a client sends it: the port only if it is not the scheme's own.
  [[nodiscard]] std::string Text() const;
  [[nodiscard]] bool SameOrigin(const HttpUri& other) const;
};

// INVALID_ARGUMENT, with one of these reasons; messages do not repeat the URI.
//   URI_TOO_LONG            more than 8192 bytes
//   URI_SCHEME              another scheme, or none
//   URI_AUTHORITY           not scheme://host
//   URI_CONTROL_CHARACTER   a control character, a space or another byte that a URI cannot hold, also encoded
//   URI_BACKSLASH           \ which some programs read as /
//   URI_FRAGMENT            # and what follows
//   URI_USER_INFO           user:password@
//   URI_ESCAPE              a % that no two hexadecimal digits follow
//   URI_HOST                an empty or malformed name or address, an escape or zone in it
//   URI_HOST_NOT_ASCII      letters beyond ASCII: the xn-- form must be written
//   URI_HOST_NUMBER         an address as one number, in octal, hexadecimal or with parts missing
//   URI_TRAILING_DOT        a host that ends in a dot
//   URI_PORT                not 1 … 65535 in plain decimals
[[nodiscard]] StatusOr<HttpUri> ParseHttpUri(std::string_view text);

// What `reference`, the value of a Location header, means beside `base` (RFC 3986, section 5.2): absolute,
// with authority only, or a path. Its fragment is dropped. Errors as ParseHttpUri.
[[nodiscard]] StatusOr<HttpUri> ResolveReference(const HttpUri& base, std::string_view reference);

// A host name or address as a URI's host part writes it (IPv6 in brackets), checked and normalised; in
// `is_address` what it is. Errors as ParseHttpUri.
[[nodiscard]] StatusOr<std::string> NormalHost(std::string_view text, bool& is_address);

}  // namespace tamiz::net
