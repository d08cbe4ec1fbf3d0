#include "core/lists/threatexchange_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/hex.h"
#include "core/lists/text.h"
#include "core/lists/vpdq_reader.h"

namespace tamiz::lists {
namespace {

// A name as a signal type has: letters, digits, '_' and '-', and a letter first.
bool IsSignalName(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && text.size() <= 40 && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

// The kind that a signal type names: "pdq", "video_md5", "HASH_PDQ", "photodna" …
std::optional<HashKind> SignalKind(std::string_view name) {
  std::string plain = LowerAscii(name);
  for (const std::string_view prefix : {"hash_", "video_", "photo_", "image_"}) {
    if (plain.starts_with(prefix)) plain.erase(0, prefix.size());
  }
  return ParseHashKind(plain);
}

std::optional<HashKind> KindByLength(std::string_view value) {
  if (!FromHex(value)) return std::nullopt;
  if (value.size() == 2 * ValueBytes(HashType::kMd5)) return HashKind(HashType::kMd5);
  if (value.size() == 2 * ValueBytes(HashType::kSha1)) return HashKind(HashType::kSha1);
  return std::nullopt;
}

}  // namespace

ThreatExchangeReader::ThreatExchangeReader(const ReadOptions& options, Output output)
    : options_(options), output_(std::move(output)) {}

Status ThreatExchangeReader::Feed(std::span<const std::uint8_t> bytes) {
  lines_.Feed(bytes, [this](std::uint64_t number, std::string_view line, bool is_overlong) {
    TakeLine(number, line, is_overlong);
  });
  return OkStatus();
}

Status ThreatExchangeReader::Finish() {
  lines_.Finish([this](std::uint64_t number, std::string_view line, bool is_overlong) {
    TakeLine(number, line, is_overlong);
  });
  return OkStatus();
}

void ThreatExchangeReader::TakeLine(std::uint64_t number, std::string_view line, bool is_overlong) const {
  ParsedRow row;
  if (is_overlong) {
    row.fault = fmt::format("the line is longer than {} KiB", LineSplitter::kMaxLineBytes / 1024);
  } else {
    line = Trim(line);
    if (line.empty()) return;
    ReadLine(line, row);
  }
  output_.Deliver(number, std::move(row));
}

void ThreatExchangeReader::ReadLine(std::string_view line, ParsedRow& row) const {
  const auto end = std::min(line.find_first_of(" \t,"), line.size());
  const std::string_view first = line.substr(0, end);
  if (end < line.size() && line[end] == ',') return ReadState(line, row);
  if (end == line.size()) return ReadValue(std::nullopt, line, row);
  const std::string_view value = Trim(line.substr(end));
  if (LowerAscii(first) == "vpdq") {
    if (row.fault = ReadVpdq(value, row.entry.hashes); !row.fault.empty()) return;
    row.entry.id = DerivedVideoId(row.entry.hashes);
    return;
  }
  if (const auto kind = SignalKind(first)) return ReadValue(kind, value, row);
  if (IsSignalName(first)) {
    row.skip = fmt::format("signals of type {} are not hashes of media", LowerAscii(first));
  } else {
    row.fault = "the line is neither a value nor a signal type and a value";
  }
}

void ThreatExchangeReader::ReadState(std::string_view line, ParsedRow& row) const {
  std::string_view fields[4];
  for (std::size_t i = 0; i < 4; ++i) {
    const auto end = i < 3 ? std::min(line.find(','), line.size()) : line.size();
    fields[i] = Trim(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  row.entry.id = fields[1];
  row.entry.labels = SplitTrimmed(fields[3], ' ');
  ReadValue(std::nullopt, fields[0], row);
}

void ThreatExchangeReader::ReadValue(const std::optional<HashKind>& kind, std::string_view value,
                                     ParsedRow& row) const {
  const std::optional<HashKind> found =
      kind ? kind : (options_.default_hash_type ? options_.default_hash_type : KindByLength(value));
  if (!found) {
    row.fault =
        "nothing says what kind of hash the line holds; put the signal type before it, or give a default "
        "hash "
        "type";
    return;
  }
  EntryHash& hash = row.entry.hashes.emplace_back();
  hash.type = found->type;
  hash.opaque_type = found->opaque_type;
  if (row.fault = DecodeHash(*found, options_.value_encoding, value, hash.value); !row.fault.empty()) return;
  if (options_.junk.Contains(hash)) row.skip = "the photodna value is junk";
  if (row.entry.id.empty()) row.entry.id = DerivedId(hash);
}

}  // namespace tamiz::lists
