#include "core/net/http_uri.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace tamiz::net {
namespace {

constexpr std::size_t kMostBytes = 8192;
constexpr std::size_t kMostHostBytes = 253;
constexpr std::size_t kMostLabelBytes = 63;

Status Refuse(std::string_view message, std::string_view reason) {
  return MakeError(StatusCode::kInvalidArgument, message, reason);
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), Lower);
  return lower;
}

// What holds for every byte of a URI, wherever it stands.
Status CheckBytes(std::string_view text) {
  if (text.size() > kMostBytes) {
    return Refuse(fmt::format("the URI has {} bytes; at most {} are accepted", text.size(), kMostBytes),
                  "URI_TOO_LONG");
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f) {
      return Refuse("the URI holds a control character or a space; write it as %20", "URI_CONTROL_CHARACTER");
    }
    if (c == '\\') return Refuse("the URI holds a backslash", "URI_BACKSLASH");
  }
  return OkStatus();
}

// Path and query: visible ASCII with whole escapes.
Status CheckTarget(std::string_view target) {
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (static_cast<unsigned char>(c) >= 0x80 || c == '"' || c == '<' || c == '>' || c == '^' || c == '`' ||
        c == '{' || c == '|' || c == '}') {
      return Refuse("the URI's path or query holds a byte that must be written as %XX",
                    "URI_CONTROL_CHARACTER");
    }
    if (c != '%') continue;
    const int high = i + 2 < target.size() ? HexDigit(target[i + 1]) : -1;
    const int low = i + 2 < target.size() ? HexDigit(target[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return Refuse("the URI holds a % that no two hexadecimal digits follow", "URI_ESCAPE");
    }
    const int byte = high << 4 | low;
    if (byte < 0x20 || byte == 0x7f) {
      return Refuse("the URI holds an encoded control character", "URI_CONTROL_CHARACTER");
    }
    i += 2;
  }
  return OkStatus();
}

// Whether programs of some kind would read the host as an IPv4 address: its last label is a number.
bool LooksLikeNumber(std::string_view host) {
  const std::string_view label = host.substr(host.rfind('.') + 1);
  if (label.empty()) return false;
  if (std::ranges::all_of(label, IsDigit)) return true;
  return label.size() >= 2 && label[0] == '0' && Lower(label[1]) == 'x' &&
         std::ranges::all_of(label.substr(2), [](char c) { return HexDigit(c) >= 0; });
}

StatusOr<std::string> Ipv6Host(std::string_view inside) {
  in6_addr address{};
  char text[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET6, std::string(inside).c_str(), &address) != 1 || inside.find('\0') != inside.npos ||
      inet_ntop(AF_INET6, &address, text, sizeof text) == nullptr) {
    return Refuse("the URI's host is not an IPv6 address (zones are not accepted)", "URI_HOST");
  }
  return std::string(text);
}

Status CheckName(std::string_view host) {
  if (host.size() > kMostHostBytes) return Refuse("the URI's host name is too long", "URI_HOST");
  while (true) {
    const std::string_view label = host.substr(0, host.find('.'));
    const bool is_clean =
        std::ranges::all_of(label, [](char c) { return IsDigit(c) || IsLetter(c) || c == '-' || c == '_'; });
    if (label.empty() || label.size() > kMostLabelBytes || !is_clean || label.front() == '-' ||
        label.back() == '-') {
      return Refuse("the URI's host is not a host name", "URI_HOST");
    }
    if (label.size() == host.size()) return OkStatus();
    host.remove_prefix(label.size() + 1);
  }
}

// ":8443" or nothing.
StatusOr<std::uint16_t> Port(std::string_view text, Scheme scheme) {
  if (text.empty()) return DefaultPort(scheme);
  text.remove_prefix(1);
  std::uint32_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || text[0] == '0' || port > 65535) {
    return Refuse("the URI's port is not a number from 1 to 65535", "URI_PORT");
  }
  return static_cast<std::uint16_t>(port);
}

// host[:port]
Status ReadAuthority(std::string_view authority, HttpUri& uri) {
  if (authority.find('@') != std::string_view::npos) {
    return Refuse("the URI holds a user name or password; configure credentials at the source",
                  "URI_USER_INFO");
  }
  std::size_t host_end = authority.find(':');
  if (authority.starts_with('[')) {
    host_end = authority.find(']');
    if (host_end == std::string_view::npos) return Refuse("the URI's host lacks its ']'", "URI_HOST");
    ++host_end;
  }
  host_end = std::min(host_end, authority.size());
  TAMIZ_ASSIGN_OR_RETURN(uri.host, NormalHost(authority.substr(0, host_end), uri.host_is_address));
  const std::string_view rest = authority.substr(host_end);
  if (!rest.empty() && rest[0] != ':') return Refuse("something follows the URI's host", "URI_HOST");
  TAMIZ_ASSIGN_OR_RETURN(uri.port, Port(rest, uri.scheme));
  return OkStatus();
}

// What follows "scheme:".
StatusOr<HttpUri> AfterScheme(std::string_view rest, Scheme scheme) {
  if (!rest.starts_with("//")) return Refuse("the URI is not scheme://host/path", "URI_AUTHORITY");
  rest.remove_prefix(2);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  if (end == 0) return Refuse("the URI names no host", "URI_AUTHORITY");
  HttpUri uri{.scheme = scheme};
  TAMIZ_RETURN_IF_ERROR(ReadAuthority(rest.substr(0, end), uri));
  TAMIZ_RETURN_IF_ERROR(CheckTarget(rest.substr(end)));
  uri.target = rest.substr(end);
  if (!uri.target.starts_with('/')) uri.target.insert(0, "/");
  return uri;
}

std::optional<Scheme> SchemeOf(std::string_view name) {
  const std::string lower = LowerCase(name);
  if (lower == "https") return Scheme::kHttps;
  if (lower == "http") return Scheme::kHttp;
  return std::nullopt;
}

// The scheme before the first ':', if one stands there.
std::string_view SchemePart(std::string_view text) {
  const std::string_view part = text.substr(0, text.find_first_of(":/?"));
  if (part.size() == text.size() || text[part.size()] != ':' || part.empty() || !IsLetter(part[0])) return {};
  return part;
}

StatusOr<HttpUri> Absolute(std::string_view text) {
  const std::string_view part = SchemePart(text);
  const std::optional<Scheme> scheme = SchemeOf(part);
  if (!scheme) return Refuse("the URI's scheme is neither https nor http", "URI_SCHEME");
  return AfterScheme(text.substr(part.size() + 1), *scheme);
}

// Without "." and ".." segments (RFC 3986, section 5.2.4).
std::string WithoutDots(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);  // with its slash in front
    path.remove_prefix(end);
    if (segment == "/." || segment == "/..") {
      if (segment == "/..") out.erase(std::min(out.rfind('/'), out.size()));
      if (path.empty()) out += '/';
    } else {
      out += segment;
    }
  }
  return out;
}

}  // namespace

std::string_view ToString(Scheme scheme) { return scheme == Scheme::kHttps ? "https" : "http"; }

std::uint16_t DefaultPort(Scheme scheme) { return scheme == Scheme::kHttps ? 443 : 80; }

std::string HttpUri::Text() const {
  const bool brackets = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}{}{}", ToString(scheme), brackets ? "[" : "", host, brackets ? "]" : "",
                     port == DefaultPort(scheme) ? std::string() : fmt::format(":{}", port), target);
}

bool HttpUri::SameOrigin(const HttpUri& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

StatusOr<std::string> NormalHost(std::string_view text, bool& is_address) {
  is_address = true;
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return Refuse("the URI's host lacks its ']'", "URI_HOST");
    return Ipv6Host(text.substr(1, text.size() - 2));
  }
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    return Refuse("the URI's host holds letters beyond ASCII; write its xn-- form", "URI_HOST_NOT_ASCII");
  }
  if (text.size() > 1 && text.ends_with('.')) {
    return Refuse("the URI's host ends in a dot; leave it out", "URI_TRAILING_DOT");
  }
  if (!text.empty() && LooksLikeNumber(text)) {
    in_addr address{};
    if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) {
      return Refuse("the URI's host is a number; write an IPv4 address as four plain decimals",
                    "URI_HOST_NUMBER");
    }
    return std::string(text);
  }
  is_address = false;
  TAMIZ_RETURN_IF_ERROR(CheckName(text));
  return LowerCase(text);
}

StatusOr<HttpUri> ParseHttpUri(std::string_view text) {
  TAMIZ_RETURN_IF_ERROR(CheckBytes(text));
  if (text.find('#') != std::string_view::npos) {
    return Refuse("the URI has a fragment; write # in a name as %23", "URI_FRAGMENT");
  }
  return Absolute(text);
}

StatusOr<HttpUri> ResolveReference(const HttpUri& base, std::string_view reference) {
  TAMIZ_RETURN_IF_ERROR(CheckBytes(reference));
  reference = reference.substr(0, reference.find('#'));
  if (!SchemePart(reference).empty()) return Absolute(reference);
  if (reference.starts_with("//")) return AfterScheme(reference, base.scheme);
  TAMIZ_RETURN_IF_ERROR(CheckTarget(reference));
  HttpUri uri = base;
  const std::string_view base_path = std::string_view(base.target).substr(0, base.target.find('?'));
  const std::string_view path = reference.substr(0, reference.find('?'));
  const std::string_view query = reference.substr(path.size());
  if (path.empty()) {
    if (!query.empty()) uri.target = std::string(base_path) + std::string(query);
    return uri;
  }
  std::string whole(path);
  if (!path.starts_with('/')) whole.insert(0, base_path.substr(0, base_path.rfind('/') + 1));
  uri.target = WithoutDots(whole) + std::string(query);
  return uri;
}

}  // namespace tamiz::net
