#include "core/source/file_uri.h"

#include <strings.h>

#include <vector>

namespace tamiz::source {
namespace {

Status BadUri(std::string_view message) { return WithField(InvalidArgument(message), "uri"); }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

StatusOr<std::string> Decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0') return BadUri("the URI holds a NUL byte");
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return BadUri("the URI holds a % that no two hexadecimal digits follow");
    const char c = static_cast<char>(high << 4 | low);
    if (c == '\0') return BadUri("the URI holds an encoded NUL byte");
    if (c == '/') return BadUri("the URI holds an encoded slash");
    decoded.push_back(c);
    i += 2;
  }
  return decoded;
}

}  // namespace

std::string NormalPath(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  std::string normal;
  for (const std::string_view segment : segments) normal.append("/").append(segment);
  return normal.empty() ? "/" : normal;
}

StatusOr<std::string> PathOfFileUri(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return BadUri("the URI has no scheme; supported: file:///absolute/path, https://, http://, s3://");
  }
  if (!EqualsIgnoringCase(uri.substr(0, colon), "file")) {
    return BadUri("the URI's scheme is not supported; supported: file, https, http, s3");
  }
  std::string_view rest = uri.substr(colon + 1);
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const std::string_view host = rest.substr(0, rest.find('/'));
    if (!host.empty() && !EqualsIgnoringCase(host, "localhost")) {
      return BadUri("the URI names another host; write file:///absolute/path");
    }
    rest.remove_prefix(host.size());
  }
  if (!rest.starts_with('/')) return BadUri("the URI's path is not absolute; write file:///absolute/path");
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return BadUri("the URI has a query or fragment; write ? and # in file names as %3F and %23");
  }
  TAMIZ_ASSIGN_OR_RETURN(const std::string path, Decode(rest));
  return NormalPath(path);
}

}  // namespace tamiz::source
