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

std::string ReadHash(const RowFields& row, std::optional<HashType> default_type, EntryHash& hash) {
  const std::string_view type_text = Trim(row.hash_type);
  const auto type = type_text.empty() ? default_type : ParseHashType(type_text);
  if (!type || *type == HashType::kOpaque) {
    return type_text.empty() ? "the row has no hash type; accepted are md5, sha1, sha256 and pdq"
                             : "the hash type is unknown; accepted are md5, sha1, sha256 and pdq";
  }
  hash.type = *type;
  const std::string_view value = Trim(row.value);
  if (value.empty()) return "the row has no hash value";
  const std::size_t digits = 2 * ValueBytes(*type);
  if (value.size() != digits) {
    return fmt::format("the {} value has {} characters; it must have {} hexadecimal digits", ToString(*type),
                       value.size(), digits);
  }
  auto bytes = FromHex(value);
  if (!bytes)
    return fmt::format("the {} value holds characters that are not hexadecimal digits", ToString(*type));
  hash.value = *std::move(bytes);
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

std::string ReadRow(const RowFields& row, std::optional<HashType> default_type, Entry& entry) {
  entry.id = Trim(row.entry_id);
  if (entry.id.empty()) return "the row has no entry id";
  if (std::string fault = ReadHash(row, default_type, entry.hashes.emplace_back()); !fault.empty())
    return fault;
  entry.labels = SplitTrimmed(row.labels, ';');
  if (const auto text = Trim(row.metadata); !text.empty()) {
    const auto json = ParseJson(text);
    if (json.is_discarded()) return "the metadata is not valid JSON; it must be an object or empty";
    return ReadMetadata(json, entry.metadata);
  }
  return {};
}

}  // namespace tamiz::lists
