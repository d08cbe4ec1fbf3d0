#include "core/lists/vpdq_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "core/lists/hash_text.h"
#include "core/lists/json_fields.h"
#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

constexpr std::size_t kMaxBytes = 16u << 20;
constexpr double kMaxSeconds = 4'000'000;  // as far as EntryHash::time_ms goes

std::optional<double> ParseDouble(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// "hash,quality,seconds".
std::string ReadFeature(std::string_view text, EntryHash& hash) {
  const auto first = text.find(',');
  const auto second = first == std::string_view::npos ? first : text.find(',', first + 1);
  if (second == std::string_view::npos) return "is not a hash, a quality and a time with commas between";
  hash.type = HashType::kPdq;
  if (std::string fault = DecodeHash(HashType::kPdq, HashEncoding::kHex, text.substr(0, first), hash.value);
      !fault.empty()) {
    return ": " + fault;
  }
  const auto quality = ParseDouble(Trim(text.substr(first + 1, second - first - 1)));
  if (!quality || *quality < 0 || *quality > 100) return "has no quality from 0 to 100";
  const auto seconds = ParseDouble(Trim(text.substr(second + 1)));
  if (!seconds || *seconds < 0 || *seconds > kMaxSeconds) return "has no time in seconds from 0 to 4 000 000";
  hash.quality = static_cast<std::uint32_t>(*quality);
  hash.time_ms = static_cast<std::uint64_t>(std::llround(*seconds * 1000));
  return {};
}

}  // namespace

std::string ReadVpdq(std::string_view text, std::vector<EntryHash>& hashes) {
  const nlohmann::json array = ParseJson(text);
  if (array.is_discarded() || !array.is_array()) {
    return "a vPDQ video is a JSON array of \"hash,quality,seconds\"; this is none, or it is cut off";
  }
  hashes.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (!array[i].is_string()) return fmt::format("frame {} of the vPDQ array is not text", i + 1);
    if (const std::string fault = ReadFeature(array[i].get_ref<const std::string&>(), hashes.emplace_back());
        !fault.empty()) {
      return fmt::format("frame {} of the vPDQ array {}", i + 1, fault);
    }
  }
  return hashes.empty() ? "the vPDQ array is empty" : "";
}

std::string DerivedVideoId(const std::vector<EntryHash>& hashes) {
  EntryHash all;
  all.opaque_type = "vpdq";
  for (const EntryHash& hash : hashes)
    all.value.insert(all.value.end(), hash.value.begin(), hash.value.end());
  return DerivedId(all);
}

Status VpdqReader::Feed(std::span<const std::uint8_t> bytes) {
  if (text_.size() + bytes.size() > kMaxBytes) {
    return InvalidArgument(fmt::format(
        "a vPDQ file holds one video and may have {} MiB; several videos go into NDJSON, an entry a "
        "line",
        kMaxBytes >> 20));
  }
  text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return OkStatus();
}

Status VpdqReader::Finish() {
  ParsedRow row;
  if (const std::string fault = ReadVpdq(text_, row.entry.hashes); !fault.empty())
    return InvalidArgument(fault);
  row.entry.id = entry_id_.empty() ? DerivedVideoId(row.entry.hashes) : entry_id_;
  output_.Deliver(1, std::move(row));
  return OkStatus();
}

}  // namespace tamiz::lists
