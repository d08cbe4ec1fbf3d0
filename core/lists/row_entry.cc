#include "core/lists/row_entry.h"

#include <fmt/format.h>

#include <charconv>

#include "core/base/hex.h"
#include "core/lists/json_fields.h"
#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string ReadHash(const RowFields& row, const std::optional<HashKind>& default_kind, HashEncoding encoding,
                     EntryHash& hash) {
  const std::string_view type_text = Trim(row.hash_type);
  const auto kind = type_text.empty() ? default_kind : ParseHashKind(type_text);
  if (!kind) {
    constexpr std::string_view kAccepted = "accepted are md5, sha1, sha256, pdq, photodna and opaque:NAME";
    return fmt::format("{}; {}", type_text.empty() ? "the row has no hash type" : "the hash type is unknown",
                       kAccepted);
  }
  const std::string_view value = Trim(row.value);
  if (value.empty()) return "the row has no hash value";
  hash.type = kind->type;
  hash.opaque_type = kind->opaque_type;
  if (std::string fault = DecodeHash(*kind, encoding, value, hash.value); !fault.empty()) return fault;
  return ReadQualityAndTime(row, hash);
}

std::string ReadQualityAndTime(const RowFields& row, EntryHash& hash) {
  if (const auto text = Trim(row.quality); !text.empty()) {
    const auto quality = ParseNumber<std::uint32_t>(text);
    if (!quality || *quality > 100) return "the quality is not a whole number from 0 to 100";
    hash.quality = *quality;
  }
  if (const auto text = Trim(row.time_ms); !text.empty()) {
    const auto time = ParseNumber<std::uint64_t>(text);
    if (!time) return "the time is not a whole number of milliseconds";
    hash.time_ms = time;
  }
  return {};
}

std::string ReadLabelsAndMetadata(const RowFields& row, Entry& entry) {
  entry.labels = SplitTrimmed(row.labels, ';');
  const auto text = Trim(row.metadata);
  if (text.empty()) return {};
  const auto json = ParseJson(text);
  if (json.is_discarded()) return "the metadata is not valid JSON; it must be an object or empty";
  return ReadMetadata(json, entry.metadata);
}

}  // namespace tamiz::lists
