#include "core/lists/hash_text.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <span>

#include "core/base/check.h"
#include "core/base/hex.h"
#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

constexpr std::string_view kOpaquePrefix = "opaque:";
constexpr std::string_view kHexPrefix = "hex:";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> MakeBase64Values() {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = kNoDigit;
  for (std::size_t i = 0; i < kBase64Digits.size(); ++i) {
    values[static_cast<std::uint8_t>(kBase64Digits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr auto kBase64Values = MakeBase64Values();

std::optional<std::vector<std::uint8_t>> FromBase64(std::string_view text) {
  if (text.size() % 4 == 0 && text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const std::uint8_t digit = kBase64Values[static_cast<std::uint8_t>(c)];
    if (digit == kNoDigit) return std::nullopt;
    bits = bits << 6 | digit;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(static_cast<std::uint8_t>(bits >> held));
  }
  if ((bits & ((1u << held) - 1)) != 0) return std::nullopt;  // bits of no byte
  return bytes;
}

std::optional<std::vector<std::uint8_t>> FromDecimals(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  constexpr std::string_view kBetween = ",; \t";
  while (true) {
    text = Trim(text);
    if (text.empty()) break;
    const auto end = std::min(text.find_first_of(kBetween), text.size());
    unsigned number = 0;
    if (end == 0 || end > 3) return std::nullopt;
    for (const char c : text.substr(0, end)) {
      if (c < '0' || c > '9') return std::nullopt;
      number = number * 10 + static_cast<unsigned>(c - '0');
    }
    if (number > 255) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(number));
    text = Trim(text.substr(end));
    if (!text.empty() && (text.front() == ',' || text.front() == ';')) text.remove_prefix(1);
  }
  return bytes;
}

std::size_t BytesOf(const HashKind& kind) {
  return kind.opaque_type == kPhotoDna ? kPhotoDnaBytes : ValueBytes(kind.type);
}

std::string_view NameOf(const HashKind& kind) {
  return kind.type == HashType::kOpaque ? std::string_view(kind.opaque_type) : ToString(kind.type);
}

// By its length, if that can be of one encoding only.
HashEncoding Guess(std::size_t bytes, std::string_view text) {
  if (bytes == 0 || text.size() == 2 * bytes) return HashEncoding::kHex;
  const std::size_t base64 = (bytes + 2) / 3 * 4;
  const std::size_t unpadded = (bytes * 8 + 5) / 6;
  if (text.size() == base64 || text.size() == unpadded) return HashEncoding::kBase64;
  return text.find(',') != std::string_view::npos ? HashEncoding::kDecimal : HashEncoding::kHex;
}

}  // namespace

std::optional<HashKind> ParseHashKind(std::string_view name) {
  name = Trim(name);
  if (const auto type = ParseHashType(name); type && *type != HashType::kOpaque) return HashKind(*type);
  std::string plain = LowerAscii(name);
  if (plain.starts_with(kOpaquePrefix)) {
    const std::string_view kind = Trim(name.substr(kOpaquePrefix.size()));
    if (kind.empty()) return std::nullopt;
    return HashKind(HashType::kOpaque, std::string(kind));
  }
  std::erase_if(plain, [](char c) { return c == '-' || c == '_' || c == ' '; });
  if (plain == kPhotoDna || plain == "pdna") return HashKind(HashType::kOpaque, std::string(kPhotoDna));
  if (const auto type = ParseHashType(plain); type && *type != HashType::kOpaque) return HashKind(*type);
  return std::nullopt;
}

std::optional<HashEncoding> ParseHashEncoding(std::string_view name) {
  const std::string plain = LowerAscii(Trim(name));
  if (plain.empty() || plain == "auto") return HashEncoding::kAuto;
  if (plain == "hex") return HashEncoding::kHex;
  if (plain == "base64") return HashEncoding::kBase64;
  if (plain == "decimal") return HashEncoding::kDecimal;
  return std::nullopt;
}

std::string DecodeHash(const HashKind& kind, HashEncoding encoding, std::string_view text,
                       std::vector<std::uint8_t>& value) {
  text = Trim(text);
  const std::size_t bytes = BytesOf(kind);
  if (encoding == HashEncoding::kAuto && kind.type == HashType::kOpaque && text.starts_with(kHexPrefix)) {
    text.remove_prefix(kHexPrefix.size());
    encoding = HashEncoding::kHex;
  }
  if (encoding == HashEncoding::kAuto && bytes == 0) {
    value.assign(text.begin(), text.end());
    return {};
  }
  if (encoding == HashEncoding::kAuto) encoding = Guess(bytes, text);
  std::optional<std::vector<std::uint8_t>> decoded;
  switch (encoding) {
    case HashEncoding::kAuto:
    case HashEncoding::kHex:
      if (bytes != 0 && text.size() != 2 * bytes) {
        return fmt::format("the {} value has {} characters; it must have {} hexadecimal digits", NameOf(kind),
                           text.size(), 2 * bytes);
      }
      decoded = FromHex(text);
      if (!decoded) {
        return fmt::format("the {} value holds characters that are not hexadecimal digits", NameOf(kind));
      }
      break;
    case HashEncoding::kBase64:
      decoded = FromBase64(text);
      if (!decoded) return fmt::format("the {} value is not base64", NameOf(kind));
      break;
    case HashEncoding::kDecimal:
      decoded = FromDecimals(text);
      if (!decoded) {
        return fmt::format("the {} value is not a row of numbers from 0 to 255", NameOf(kind));
      }
      break;
  }
  if (bytes != 0 && decoded->size() != bytes) {
    return fmt::format("the {} value has {} bytes; it must have {}", NameOf(kind), decoded->size(), bytes);
  }
  value = *std::move(decoded);
  return {};
}

std::string DerivedId(const EntryHash& hash) {
  std::string text = "tamiz entry id\n";
  text.push_back(static_cast<char>(hash.type));
  text += hash.opaque_type;
  text.push_back('\n');
  text.append(hash.value.begin(), hash.value.end());
  std::array<std::uint8_t, 32> digest{};
  TAMIZ_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1,
              "SHA-256 is available");
  return "h-" + ToHex(std::span(digest).first<16>());
}

StatusOr<JunkHashes> JunkHashes::Parse(const std::vector<std::string>& values) {
  JunkHashes junk;
  const HashKind kind(HashType::kOpaque, std::string(kPhotoDna));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::vector<std::uint8_t> value;
    if (const std::string fault = DecodeHash(kind, HashEncoding::kAuto, values[i], value); !fault.empty()) {
      return WithField(InvalidArgument(fmt::format("PhotoDNA value {} of the denylist: {}", i + 1, fault)),
                       "options.photodna_denylist");
    }
    junk.values_.insert(std::move(value));
  }
  return junk;
}

bool JunkHashes::Contains(const EntryHash& hash) const {
  if (hash.opaque_type != kPhotoDna || hash.value.empty()) return false;
  const bool is_flat = std::all_of(hash.value.begin(), hash.value.end(),
                                   [&](std::uint8_t byte) { return byte == hash.value.front(); });
  return is_flat || values_.contains(hash.value);
}

}  // namespace tamiz::lists
