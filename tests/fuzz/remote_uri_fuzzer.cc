// URIs of uploads, references of redirects, keys of objects, which source serves them, and the addresses that
// they lead to.
#include <netinet/in.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/address.h"
#include "core/net/http_uri.h"
#include "core/source/file_uri.h"
#include "core/source/remote_rules.h"
#include "core/source/s3_uri.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

bool Same(const tamiz::net::HttpUri& a, const tamiz::net::HttpUri& b) {
  return a.SameOrigin(b) && a.target == b.target && a.host_is_address == b.host_is_address;
}

// What the rules let through is what they say, however it was written.
void CheckRules(const tamiz::net::HttpUri& uri) {
  using tamiz::source::HttpSource;
  static const std::vector<HttpSource> sources = {
      {.name = "exact", .hosts = {"media.example"}, .schemes = {"https", "http"}, .ports = {"443", "8443"}},
      {.name = "below", .hosts = {"*.cdn.example"}},
      {.name = "address", .hosts = {"192.0.2.7", "[2001:db8::7]"}, .schemes = {"http"}}};
  const auto source = tamiz::source::FindSource(sources, uri);
  if (!source.ok()) return Require(source.status().code() == tamiz::StatusCode::kPermissionDenied);
  if ((*source)->name == "exact") {
    Require(uri.host == "media.example" && (uri.port == 443 || uri.port == 8443));
  } else if ((*source)->name == "below") {
    Require(uri.host.ends_with(".cdn.example") && uri.host.size() > 12 && !uri.host_is_address);
    Require(uri.scheme == tamiz::net::Scheme::kHttps && uri.port == 443);
  } else {
    Require((uri.host == "192.0.2.7" || uri.host == "2001:db8::7") && uri.port == 80);
    Require(uri.scheme == tamiz::net::Scheme::kHttp);
  }
}

// A path has no way up and no second meaning.
void CheckFile(std::string_view text) {
  const auto path = tamiz::source::PathOfFileUri(text);
  if (!path.ok()) return Require(path.status().code() == tamiz::StatusCode::kInvalidArgument);
  Require(path->starts_with('/') && path->find('\0') == std::string::npos);
  Require((*path + "/").find("/../") == std::string::npos && (*path + "/").find("/./") == std::string::npos);
  Require(tamiz::source::NormalPath(*path) == *path);
}

// What is accepted is plain, and means the same when it is read again: libcurl reads it again.
void CheckHttp(const tamiz::net::HttpUri& uri) {
  const std::string text = uri.Text();
  for (const char c : text) Require(c > 0x20 && c < 0x7f && c != '\\' && c != '#');
  Require(uri.host.find('@') == std::string::npos && uri.target.starts_with('/') && uri.port != 0);
  const auto again = tamiz::net::ParseHttpUri(text);
  Require(again.ok() && Same(*again, uri));
  CheckRules(uri);
}

void CheckS3(std::string_view text) {
  const auto object = tamiz::source::ParseS3Uri(text);
  if (!object.ok()) return;
  const std::string target = tamiz::source::TargetOf(*object, /*with_bucket=*/true);
  const auto uri = tamiz::net::ParseHttpUri("https://s3.example" + target);
  Require(uri.ok() && uri->target == target);
  // Bucket and key cannot be left by way of the key.
  Require(target.starts_with("/" + object->bucket + "/") && target.find("/../") == std::string::npos);
}

void CheckAddress(const std::uint8_t* data, std::size_t size) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (size > 0) std::memcpy(&v6.sin6_addr, data, std::min<std::size_t>(size, 16));
  const auto* address = reinterpret_cast<const sockaddr*>(&v6);
  const bool is_public = tamiz::net::ClassOf(address, sizeof v6) == tamiz::net::AddressClass::kPublic;
  Require(tamiz::net::MayConnect(address, sizeof v6, false) == is_public);
  Require(!is_public || (v6.sin6_addr.s6_addr[0] & 0xe0) == 0x20);  // 2000::/3
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (size > 0) std::memcpy(&v4.sin_addr, data, std::min<std::size_t>(size, 4));
  address = reinterpret_cast<const sockaddr*>(&v4);
  const std::uint32_t number = ntohl(v4.sin_addr.s_addr);
  if (number >> 24 == 127 || number >> 24 == 10 || number >> 16 == 0xa9fe || number >= 0xe0000000) {
    Require(!tamiz::net::MayConnect(address, sizeof v4, false));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto uri = tamiz::net::ParseHttpUri(text); uri.ok()) CheckHttp(*uri);
  const auto base = tamiz::net::ParseHttpUri("https://base.example/a/b?c");
  Require(base.ok());
  if (const auto uri = tamiz::net::ResolveReference(*base, text); uri.ok()) CheckHttp(*uri);
  CheckS3(text);
  CheckFile(text);
  CheckAddress(data, size);
  return 0;
}
