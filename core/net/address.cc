#include "core/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace tamiz::net {
namespace {

using Ipv6 = std::array<std::uint8_t, 16>;

struct Range4 {
  std::uint32_t network;
  int bits;
  AddressClass address_class;
};

constexpr std::uint32_t V4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// The narrower first.
constexpr Range4 kRanges4[] = {
    {V4(169, 254, 169, 254), 32, AddressClass::kMetadata},  // most clouds
    {V4(169, 254, 170, 2), 32, AddressClass::kMetadata},    // containers on AWS
    {V4(169, 254, 170, 23), 32, AddressClass::kMetadata},   // pods on AWS
    {V4(168, 63, 129, 16), 32, AddressClass::kMetadata},    // Azure's own services: looks public
    {V4(100, 100, 100, 200), 32, AddressClass::kMetadata},  // Alibaba
    {V4(192, 0, 0, 192), 32, AddressClass::kMetadata},      // Oracle
    {V4(255, 255, 255, 255), 32, AddressClass::kBroadcast},
    {V4(0, 0, 0, 0), 8, AddressClass::kUnspecified},
    {V4(10, 0, 0, 0), 8, AddressClass::kPrivate},
    {V4(100, 64, 0, 0), 10, AddressClass::kCarrierNat},
    {V4(127, 0, 0, 0), 8, AddressClass::kLoopback},
    {V4(169, 254, 0, 0), 16, AddressClass::kLinkLocal},
    {V4(172, 16, 0, 0), 12, AddressClass::kPrivate},
    {V4(192, 0, 0, 0), 24, AddressClass::kReserved},  // protocol assignments
    {V4(192, 0, 2, 0), 24, AddressClass::kDocumentation},
    {V4(192, 88, 99, 0), 24, AddressClass::kReserved},  // 6to4 relays
    {V4(192, 168, 0, 0), 16, AddressClass::kPrivate},
    {V4(198, 18, 0, 0), 15, AddressClass::kReserved},  // benchmarks
    {V4(198, 51, 100, 0), 24, AddressClass::kDocumentation},
    {V4(203, 0, 113, 0), 24, AddressClass::kDocumentation},
    {V4(224, 0, 0, 0), 4, AddressClass::kMulticast},
    {V4(240, 0, 0, 0), 4, AddressClass::kReserved},
};

AddressClass ClassOf4(std::uint32_t address) {
  for (const Range4& range : kRanges4) {
    if ((address ^ range.network) >> (32 - range.bits) == 0) return range.address_class;
  }
  return AddressClass::kPublic;
}

struct Range6 {
  Ipv6 network;
  int bits;
  AddressClass address_class;
};

constexpr Range6 kRanges6[] = {
    {{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},
     128,
     AddressClass::kMetadata},  // AWS
    {{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23}, 128, AddressClass::kMetadata},
    {{0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},
     128,
     AddressClass::kMetadata},  // Google
    {{}, 128, AddressClass::kUnspecified},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, AddressClass::kLoopback},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, AddressClass::kEmbedded},  // IPv4-mapped
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}, 96, AddressClass::kEmbedded},  // IPv4-translated
    {{}, 96, AddressClass::kEmbedded},                                          // IPv4-compatible
    {{0, 0x64, 0xff, 0x9b}, 96, AddressClass::kEmbedded},                       // NAT64
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, AddressClass::kEmbedded},                 // NAT64 of a site
    {{0x20, 0x02}, 16, AddressClass::kEmbedded},                                // 6to4
    {{0x20, 0x01, 0, 0}, 32, AddressClass::kEmbedded},                          // Teredo
    {{0x20, 0x01, 0x0d, 0xb8}, 32, AddressClass::kDocumentation},
    {{0x3f, 0xff}, 20, AddressClass::kDocumentation},
    {{0x20, 0x01, 0}, 23, AddressClass::kReserved},  // protocol assignments
    {{0xfe, 0x80}, 10, AddressClass::kLinkLocal},
    {{0xfc}, 7, AddressClass::kUniqueLocal},
    {{0xff}, 8, AddressClass::kMulticast},
    {{0x20}, 3, AddressClass::kPublic},  // global unicast
};

bool Within(const Ipv6& address, const Ipv6& network, int bits) {
  for (int bit = 0; bit < bits; bit += 8) {
    const auto at = static_cast<std::size_t>(bit / 8);
    const int rest = std::min(8, bits - bit);
    if ((address[at] ^ network[at]) >> (8 - rest) != 0) return false;
  }
  return true;
}

AddressClass ClassOf6(const Ipv6& address) {
  for (const Range6& range : kRanges6) {
    if (Within(address, range.network, range.bits)) return range.address_class;
  }
  return AddressClass::kReserved;
}

std::uint32_t LastFour(const Ipv6& address) { return V4(address[12], address[13], address[14], address[15]); }

// The IPv4 address that a connection to a mapped or NAT64 address reaches.
std::optional<std::uint32_t> Inside(const Ipv6& address) {
  constexpr Ipv6 kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr Ipv6 kNat64{0, 0x64, 0xff, 0x9b};
  if (Within(address, kMapped, 96) || Within(address, kNat64, 96)) return LastFour(address);
  return std::nullopt;
}

std::optional<std::uint32_t> Read4(const sockaddr* address, socklen_t size) {
  if (size < sizeof(sockaddr_in) || address->sa_family != AF_INET) return std::nullopt;
  sockaddr_in v4{};
  std::memcpy(&v4, address, sizeof v4);
  return ntohl(v4.sin_addr.s_addr);
}

std::optional<Ipv6> Read6(const sockaddr* address, socklen_t size) {
  if (size < sizeof(sockaddr_in6) || address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, address, sizeof v6);
  Ipv6 bytes{};
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return bytes;
}

bool MayConnectTo(AddressClass address_class, bool allow_private) {
  switch (address_class) {
    case AddressClass::kPublic:
      return true;
    case AddressClass::kLoopback:
    case AddressClass::kPrivate:
    case AddressClass::kUniqueLocal:
    case AddressClass::kCarrierNat:
      return allow_private;
    case AddressClass::kUnspecified:
    case AddressClass::kLinkLocal:
    case AddressClass::kMetadata:
    case AddressClass::kMulticast:
    case AddressClass::kBroadcast:
    case AddressClass::kDocumentation:
    case AddressClass::kReserved:
    case AddressClass::kEmbedded:
    case AddressClass::kNotInternet:
      return false;
  }
  return false;
}

}  // namespace

std::string_view ToString(AddressClass address_class) {
  switch (address_class) {
    case AddressClass::kPublic:
      return "public";
    case AddressClass::kUnspecified:
      return "unspecified";
    case AddressClass::kLoopback:
      return "loopback";
    case AddressClass::kPrivate:
      return "private";
    case AddressClass::kUniqueLocal:
      return "unique_local";
    case AddressClass::kCarrierNat:
      return "carrier_nat";
    case AddressClass::kLinkLocal:
      return "link_local";
    case AddressClass::kMetadata:
      return "metadata";
    case AddressClass::kMulticast:
      return "multicast";
    case AddressClass::kBroadcast:
      return "broadcast";
    case AddressClass::kDocumentation:
      return "documentation";
    case AddressClass::kReserved:
      return "reserved";
    case AddressClass::kEmbedded:
      return "embedded";
    case AddressClass::kNotInternet:
      return "not_internet";
  }
  return "";
}

AddressClass ClassOf(const sockaddr* address, socklen_t size) {
  if (const auto v4 = Read4(address, size)) return ClassOf4(*v4);
  if (const auto v6 = Read6(address, size)) return ClassOf6(*v6);
  return AddressClass::kNotInternet;
}

bool MayConnect(const sockaddr* address, socklen_t size, bool allow_private) {
  if (const auto v6 = Read6(address, size); v6 && allow_private) {
    if (const auto inside = Inside(*v6)) return MayConnectTo(ClassOf4(*inside), allow_private);
  }
  return MayConnectTo(ClassOf(address, size), allow_private);
}

}  // namespace tamiz::net
