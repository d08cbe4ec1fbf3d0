#include "core/source/s3_uri.h"

#include <algorithm>

namespace tamiz::source {
namespace {

constexpr std::string_view kScheme = "s3://";
constexpr std::size_t kMostKeyBytes = 1024;

Status Refuse(std::string_view message, std::string_view reason) {
  return MakeError(StatusCode::kInvalidArgument, message, reason);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

StatusOr<std::string> Decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == ' ' || IsControl(c)) {
      return Refuse("the URI holds a control character or a space; write it as %20", "URI_CONTROL_CHARACTER");
    }
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Refuse("the URI holds a % that no two hexadecimal digits follow; write % as %25",
                      "URI_ESCAPE");
      }
      c = static_cast<char>(high << 4 | low);
      if (IsControl(c)) return Refuse("the URI holds an encoded control character", "URI_CONTROL_CHARACTER");
      i += 2;
    }
    decoded += c;
  }
  return decoded;
}

bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80   ? 1
                               : byte < 0xc2 ? 0
                               : byte < 0xe0 ? 2
                               : byte < 0xf0 ? 3
                               : byte < 0xf5 ? 4
                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    const auto next = length > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
    // Overlong forms, surrogates, beyond U+10FFFF.
    if ((byte == 0xe0 && next < 0xa0) || (byte == 0xed && next > 0x9f) || (byte == 0xf0 && next < 0x90) ||
        (byte == 0xf4 && next > 0x8f)) {
      return false;
    }
    i += length;
  }
  return true;
}

Status CheckBucket(std::string_view bucket) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool is_clean =
      std::ranges::all_of(bucket, [&](char c) { return is_plain(c) || c == '.' || c == '-'; });
  if (bucket.size() < 3 || bucket.size() > 63 || !is_clean || !is_plain(bucket.front()) ||
      !is_plain(bucket.back()) || bucket.find("..") != std::string_view::npos) {
    return Refuse("the URI names no bucket: 3 to 63 of a-z, 0-9, '.' and '-'", "URI_BUCKET");
  }
  return OkStatus();
}

Status CheckKey(std::string_view key) {
  if (key.empty() || key.size() > kMostKeyBytes) {
    return Refuse("the URI names no object: a key has 1 to 1024 bytes", "URI_KEY");
  }
  if (!IsUtf8(key)) return Refuse("the URI's key is not UTF-8", "URI_KEY");
  // Servers and proxies read these as steps in a tree.
  for (std::string_view rest = key; !rest.empty();) {
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment == "." || segment == "..")
      return Refuse("the URI's key has . or .. for a segment", "URI_KEY");
    rest.remove_prefix(std::min(segment.size() + 1, rest.size()));
  }
  return OkStatus();
}

void AppendEncoded(std::string_view text, bool keep_slashes, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const bool is_unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                               c == '-' || c == '.' || c == '_' || c == '~';
    if (is_unreserved || (keep_slashes && c == '/')) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
}

}  // namespace

StatusOr<S3Object> ParseS3Uri(std::string_view uri) {
  std::string_view rest = uri.substr(std::min(kScheme.size(), uri.size()));
  if (rest.find('#') != std::string_view::npos) {
    return Refuse("the URI has a fragment; write # in a key as %23", "URI_FRAGMENT");
  }
  S3Object object;
  const std::string_view bucket = rest.substr(0, rest.find_first_of("/?"));
  if (bucket.find('@') != std::string_view::npos) {
    return Refuse("the URI holds credentials; configure them at the source", "URI_USER_INFO");
  }
  TAMIZ_RETURN_IF_ERROR(CheckBucket(bucket));
  object.bucket = bucket;
  rest.remove_prefix(bucket.size());
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const std::string_view key = rest.substr(0, rest.find('?'));
  TAMIZ_ASSIGN_OR_RETURN(object.key, Decode(key));
  TAMIZ_RETURN_IF_ERROR(CheckKey(object.key));
  rest.remove_prefix(key.size());
  if (rest.empty()) return object;
  constexpr std::string_view kVersion = "?versionId=";
  if (!rest.starts_with(kVersion) || rest.find_first_of("&?", 1) != std::string_view::npos) {
    return Refuse("the URI's query may be versionId=… only; write ? in a key as %3F", "URI_QUERY");
  }
  TAMIZ_ASSIGN_OR_RETURN(object.version_id, Decode(rest.substr(kVersion.size())));
  if (object.version_id.empty()) return Refuse("the URI's versionId is empty", "URI_QUERY");
  return object;
}

std::string TargetOf(const S3Object& object, bool with_bucket) {
  std::string target = "/";
  if (with_bucket) target += object.bucket + "/";
  AppendEncoded(object.key, /*keep_slashes=*/true, target);
  if (!object.version_id.empty()) {
    target += "?versionId=";
    AppendEncoded(object.version_id, /*keep_slashes=*/false, target);
  }
  return target;
}

}  // namespace tamiz::source
