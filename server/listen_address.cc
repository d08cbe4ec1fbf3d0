#include "server/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tamiz::server {
namespace {

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6) != 0;
  return false;
}

}  // namespace

std::string ListenAddress::ForGrpc() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

std::string ListenAddress::ForHttp() const { return ForGrpc(); }

StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return InvalidArgument(
        fmt::format("cannot listen on \"{}\": {}; accepted are host:port, [v6 address]:port, "
                    ":port for all addresses, and unix:PATH",
                    text, why));
  };
  ListenAddress address;
  if (text.starts_with("unix:")) {
    address.unix_path = text.substr(5);
    address.is_local = true;
    if (address.unix_path.empty()) return refuse("the path is missing");
    if (address.unix_path.size() > 107)
      return refuse("the path is longer than a Unix socket's may be (107 bytes)");
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse("the port is missing");
  std::string_view host = text.substr(0, colon);
  address.port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refuse("a v6 address stands in brackets");
  }
  unsigned port = 0;
  const char* end = address.port.data() + address.port.size();
  const auto parsed = std::from_chars(address.port.data(), end, port);
  if (address.port.empty() || parsed.ec != std::errc() || parsed.ptr != end || port > 65535) {
    return refuse("the port is no number of 0 to 65535");
  }
  address.host = host.empty() ? "0.0.0.0" : std::string(host);
  address.is_local = IsLoopback(address.host);
  return address;
}

}  // namespace tamiz::server
