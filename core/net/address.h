// Which addresses may be connected to.
#pragma once

#include <sys/socket.h>

#include <string_view>

namespace tamiz::net {

// What an address is for (IANA's registries of special-purpose addresses). An IPv4 address inside an IPv6 one
// (mapped, compatible, translated, 6to4, Teredo, NAT64) makes it kEmbedded, whatever the address inside.
enum class AddressClass {
  kPublic,
  kUnspecified,    // 0.0.0.0/8, ::
  kLoopback,       // 127.0.0.0/8, ::1
  kPrivate,        // 10/8, 172.16/12, 192.168/16
  kUniqueLocal,    // fc00::/7
  kCarrierNat,     // 100.64.0.0/10
  kLinkLocal,      // 169.254/16, fe80::/10
  kMetadata,       // where clouds serve credentials: 169.254.169.254 and the like
  kMulticast,      // 224/4, ff00::/8
  kBroadcast,      // 255.255.255.255
  kDocumentation,  // 192.0.2/24 and the like
  kReserved,       // the rest that is not global unicast
  kEmbedded,
  kNotInternet,  // no IPv4 or IPv6 address at all
};

// "loopback", "carrier_nat" …
[[nodiscard]] std::string_view ToString(AddressClass address_class);

[[nodiscard]] AddressClass ClassOf(const sockaddr* address, socklen_t size);

// Public addresses always; loopback, private, unique-local and carrier-NAT ones if `allow_private`, also
// behind an IPv4-mapped or NAT64 address; nothing else ever.
[[nodiscard]] bool MayConnect(const sockaddr* address, socklen_t size, bool allow_private);

}  // namespace tamiz::net
