#include "core/exchange/fingerprint.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

#include "core/base/hex.h"
#include "core/hash/digests.h"

namespace tamiz::exchange {
namespace {

constexpr std::size_t kPhotoDnaBytes = 144;
constexpr std::size_t kMostIdBytes = 256;
constexpr std::string_view kWhiteSpace = " \t\r\n";

using Bytes = std::vector<std::uint8_t>;

std::optional<Bytes> Base64(std::string_view text) {
  if (text.size() != kPhotoDnaBytes / 3 * 4) return std::nullopt;
  Bytes bytes(kPhotoDnaBytes);
  const int size = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size != static_cast<int>(kPhotoDnaBytes)) return std::nullopt;
  return bytes;
}

std::optional<Bytes> Decimals(std::string_view text) {
  Bytes bytes;
  for (bool has_more = true; has_more && bytes.size() < kPhotoDnaBytes + 1;) {
    const std::size_t comma = text.find(',');
    has_more = comma != std::string_view::npos;
    const std::string_view part = Trimmed(text.substr(0, comma));
    std::uint8_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (part.empty() || error != std::errc() || end != part.data() + part.size()) return std::nullopt;
    bytes.push_back(value);
    if (has_more) text.remove_prefix(comma + 1);
  }
  return bytes.size() == kPhotoDnaBytes ? std::optional(std::move(bytes)) : std::nullopt;
}

std::optional<Bytes> PhotoDna(std::string_view text) {
  if (text.size() == 2 * kPhotoDnaBytes) return FromHex(text);
  if (text.find(',') != std::string_view::npos) return Decimals(text);
  return Base64(text);
}

std::string Sha256(std::string_view text) {
  hash::DigestAccumulator digests;
  digests.Update({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  return ToHex(digests.Finish().sha256);
}

}  // namespace

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) + 1 - begin);
}

std::string NormalType(std::string_view name) {
  std::string normal;
  for (const char c : name) {
    if (c == '-' || c == '_') continue;
    normal += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return normal;
}

std::optional<lists::EntryHash> ReadFingerprint(std::string_view type, std::string_view value) {
  value = Trimmed(value);
  if (value.empty()) return std::nullopt;
  lists::EntryHash hash;
  for (const lists::HashType known :
       {lists::HashType::kMd5, lists::HashType::kSha1, lists::HashType::kSha256, lists::HashType::kPdq}) {
    if (type != lists::ToString(known)) continue;
    std::optional<Bytes> bytes = FromHex(value);
    if (!bytes || bytes->size() != lists::ValueBytes(known)) return std::nullopt;
    hash.type = known;
    hash.value = *std::move(bytes);
    // A placeholder would spoil the whole entry.
    const bool is_placeholder = std::ranges::all_of(
        hash.value, [&](std::uint8_t b) { return b == hash.value[0] && (b == 0 || b == 0xff); });
    return is_placeholder ? std::nullopt : std::optional(std::move(hash));
  }
  hash.type = lists::HashType::kOpaque;
  if (type == "pdna" || type == "photodna") {
    std::optional<Bytes> bytes = PhotoDna(value);
    if (!bytes) return std::nullopt;
    hash.opaque_type = "photodna";
    hash.value = *std::move(bytes);
    return hash;
  }
  hash.opaque_type = type;
  hash.value.assign(value.begin(), value.end());
  return hash;
}

std::string TypeName(const lists::EntryHash& hash) {
  if (hash.type != lists::HashType::kOpaque) return std::string(lists::ToString(hash.type));
  return hash.opaque_type == "photodna" ? "pdna" : NormalType(hash.opaque_type);
}

std::string EntryId(std::string_view text) {
  const bool fits = text.size() <= kMostIdBytes && std::ranges::all_of(text, [](char c) {
                      return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
                    });
  return fits ? std::string(text) : "sha256:" + Sha256(text);
}

std::string IdOfValue(std::string_view type, std::string_view value) {
  std::string lower(value);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::string(type) + "/" + Sha256(std::string(type) + "|" + lower).substr(0, 32);
}

}  // namespace tamiz::exchange
