// Fingerprints as exchanges write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/lists/hash_list.h"

namespace tamiz::exchange {

// Without white space around.
[[nodiscard]] std::string_view Trimmed(std::string_view text);

// A type's name in lower case, without '-' and '_': "tmk-pdqf", "TMK_PDQF" and "TmkPdqf" are one.
[[nodiscard]] std::string NormalType(std::string_view name);

// A value of a type by its normal name. md5, sha1, sha256 and pdq in hexadecimal; pdna in hexadecimal, base64
// or as 144 decimals, kept as "photodna"; anything else is kept as it is written. Nothing if it cannot be
// read.
[[nodiscard]] std::optional<lists::EntryHash> ReadFingerprint(std::string_view type, std::string_view value);

// The normal name of a kept fingerprint's type.
[[nodiscard]] std::string TypeName(const lists::EntryHash& hash);

// `text` where it can be an entry's id, else a digest of it.
[[nodiscard]] std::string EntryId(std::string_view text);

// An id for an entry that has none but its hash: a digest of it, for ids get into records and logs.
[[nodiscard]] std::string IdOfValue(std::string_view type, std::string_view value);

}  // namespace tamiz::exchange
