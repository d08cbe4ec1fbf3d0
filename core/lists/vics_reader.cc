#include "core/lists/vics_reader.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "core/lists/json_fields.h"
#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

using nlohmann::json;

// Kept as metadata if they say yes.
constexpr std::pair<std::string_view, std::string_view> kFlags[] = {
    {"isdistributed", "is_distributed"},
    {"victimidentified", "victim_identified"},
    {"offenderidentified", "offender_identified"},
    {"selfgenerated", "self_generated"},
    {"issuspected", "is_suspected"},
};
// Kept as metadata if they are there.
constexpr std::pair<std::string_view, std::string_view> kTexts[] = {
    {"mediaid", "media_id"}, {"series", "series"}, {"tags", "tags"}, {"mimetype", "mime_type"}};
constexpr std::pair<std::string_view, HashType> kDigests[] = {
    {"md5", HashType::kMd5}, {"sha1", HashType::kSha1}, {"sha256", HashType::kSha256}};

// A JSON object with its keys in lower case. Borrows.
using Fields = std::map<std::string, const json*, std::less<>>;

Fields FieldsOf(const json& object) {
  Fields fields;
  for (const auto& [key, value] : object.items()) fields.emplace(LowerAscii(key), &value);
  return fields;
}

std::string Scalar(const Fields& fields, std::string_view key) {
  const auto at = fields.find(key);
  if (at == fields.end() || at->second->is_structured()) return {};
  return std::string(Trim(TextOf(*at->second)));
}

bool IsYes(const std::string& text) {
  const std::string plain = LowerAscii(text);
  return plain == "true" || plain == "yes" || plain == "1";
}

// Adds a hash that is matched; what is wrong, empty if nothing.
std::string AddDigest(HashType type, std::string_view text, Entry& entry) {
  EntryHash hash;
  hash.type = type;
  if (std::string fault = DecodeHash(type, HashEncoding::kAuto, text, hash.value); !fault.empty())
    return fault;
  entry.hashes.push_back(std::move(hash));
  return {};
}

}  // namespace

VicsReader::VicsReader(Categories categories, JunkHashes junk, Output output)
    : categories_(std::move(categories)),
      junk_(std::move(junk)),
      output_(std::move(output)),
      splitter_([this](const MediaSplitter::Media& media) { TakeMedia(media); }) {}

void VicsReader::TakeMedia(const MediaSplitter::Media& media) const {
  ParsedRow row;
  if (media.json.empty()) {
    row.fault = fmt::format("it is longer than {} KiB", MediaSplitter::kMaxMediaBytes / 1024);
  } else {
    ReadMedia(media.json, row);
  }
  if (!row.fault.empty()) row.fault = fmt::format("Media object {}: {}", media.number, row.fault);
  output_.Deliver(media.line, std::move(row));
}

void VicsReader::ReadMedia(std::string_view text, ParsedRow& row) const {
  const json object = ParseJson(text);
  if (object.is_discarded() || !object.is_object()) {
    row.fault = "it is not valid JSON";
    return;
  }
  const Fields fields = FieldsOf(object);
  const auto category = fields.find("category");
  ApplyCategory(
      categories_,
      category == fields.end() || category->second->is_null() ? std::string() : TextOf(*category->second),
      row);
  if (!row.skip.empty()) return;

  Entry& entry = row.entry;
  for (const auto& [key, type] : kDigests) {
    const std::string value = Scalar(fields, key);
    if (value.empty()) continue;
    if (row.fault = AddDigest(type, value, entry); !row.fault.empty()) return;
  }
  // Kept beside the digests; a bad one costs itself and not the entry.
  const auto add_opaque = [&](HashKind kind, std::string_view value) {
    EntryHash hash;
    hash.type = HashType::kOpaque;
    hash.opaque_type = std::move(kind.opaque_type);
    const HashKind what(HashType::kOpaque, hash.opaque_type);
    std::string fault = DecodeHash(what, HashEncoding::kAuto, value, hash.value);
    if (fault.empty() && junk_.Contains(hash)) fault = "a photodna value that is junk";
    if (fault.empty()) {
      entry.hashes.push_back(std::move(hash));
    } else {
      row.dropped.push_back(std::move(fault));
    }
  };
  const HashKind photodna(HashType::kOpaque, std::string(kPhotoDna));
  if (const std::string value = Scalar(fields, "photodna"); !value.empty()) add_opaque(photodna, value);
  if (const auto more = fields.find("alternativehashes"); more != fields.end() && more->second->is_array()) {
    for (const json& alternative : *more->second) {
      if (!alternative.is_object()) continue;
      const Fields inner = FieldsOf(alternative);
      const std::string name = Scalar(inner, "hashname");
      const std::string value = Scalar(inner, "hashvalue");
      if (name.empty() || value.empty()) continue;
      HashKind kind = ParseHashKind(name).value_or(HashKind(HashType::kOpaque, LowerAscii(name)));
      if (kind.type == HashType::kOpaque) {
        add_opaque(std::move(kind), value);
      } else if (row.fault = AddDigest(kind.type, value, entry); !row.fault.empty()) {
        return;
      }
    }
  }
  if (entry.hashes.empty()) {
    row.fault = "it has no hash that can be used";
    return;
  }
  entry.id = DerivedId(entry.hashes.front());
  if (!row.category->empty()) entry.metadata["category"] = *row.category;
  for (const auto& [key, name] : kTexts) {
    if (std::string value = Scalar(fields, key); !value.empty())
      entry.metadata.emplace(name, std::move(value));
  }
  for (const auto& [key, name] : kFlags) {
    if (IsYes(Scalar(fields, key))) entry.metadata.emplace(name, "true");
  }
}

}  // namespace tamiz::lists
