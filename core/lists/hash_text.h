// Hashes as files write them: names of kinds, and hexadecimal, base64 or decimal values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/lists/hash_list.h"

namespace tamiz::lists {

inline constexpr std::size_t kPhotoDnaBytes = 144;
inline constexpr std::string_view kPhotoDna = "photodna";

// What a hash is. `opaque_type` names those that are kept and not matched.
struct HashKind {
  HashType type = HashType::kPdq;
  std::string opaque_type;
  HashKind(HashType hash_type, std::string opaque = {})  // NOLINT(google-explicit-constructor)
      : type(hash_type), opaque_type(std::move(opaque)) {}
  friend bool operator==(const HashKind&, const HashKind&) = default;
};

// "md5", "sha1", "sha256", "pdq" in any case, with '-' or '_' or without; "photodna" (also "pdna"); and
// "opaque:NAME" for anything else that is to be kept.
[[nodiscard]] std::optional<HashKind> ParseHashKind(std::string_view name);

enum class HashEncoding : std::uint8_t {
  // By the length where it tells, else hexadecimal; an opaque kind of unknown length: as it stands, or
  // hexadecimal after "hex:", as exports write it.
  kAuto,
  kHex,      // any case
  kBase64,   // the standard alphabet, with or without its padding
  kDecimal,  // bytes as numbers, with ',', ';' or blanks between
};
[[nodiscard]] std::optional<HashEncoding> ParseHashEncoding(std::string_view name);  // "" is auto

// Fills `value`. What is wrong, empty if nothing; never quotes the value.
[[nodiscard]] std::string DecodeHash(const HashKind& kind, HashEncoding encoding, std::string_view text,
                                     std::vector<std::uint8_t>& value);

// The id of an entry whose file gives none: always the same for the same hash, and not the hash itself, since
// ids stand in answers and logs.
[[nodiscard]] std::string DerivedId(const EntryHash& hash);

// PhotoDNA values that tools give for blank or damaged pictures: they say nothing and would match everything.
class JunkHashes {
 public:
  // One value each, in any encoding. INVALID_ARGUMENT names the first that is none, by its number.
  [[nodiscard]] static StatusOr<JunkHashes> Parse(const std::vector<std::string>& values);
  // Whether it is listed, or all its bytes are equal.
  [[nodiscard]] bool Contains(const EntryHash& hash) const;

 private:
  std::set<std::vector<std::uint8_t>> values_;
};

}  // namespace tamiz::lists
