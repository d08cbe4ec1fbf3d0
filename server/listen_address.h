// Where to listen, as people write it.
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace tamiz::server {

struct ListenAddress {
  std::string host;  // without brackets; empty for a Unix socket
  std::string port;
  std::string unix_path;
  bool is_local = false;  // a Unix socket, or loopback: nobody outside this machine gets there
  // As gRPC wants it.
  [[nodiscard]] std::string ForGrpc() const;
  // As civetweb wants it; not for Unix sockets.
  [[nodiscard]] std::string ForHttp() const;
};

// host:port, [v6]:port, :port (all addresses) or unix:PATH. INVALID_ARGUMENT says what is accepted.
[[nodiscard]] StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace tamiz::server
