#include "core/lists/ndjson_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/lists/json_fields.h"
#include "core/lists/row_entry.h"
#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

std::string TextField(const nlohmann::json& object, const std::string& name) {
  const auto at = object.find(name);
  return at == object.end() ? std::string() : TextOf(*at);
}

std::string ReadJsonHash(const nlohmann::json& object, const ReadOptions& options, EntryHash& hash) {
  if (!object.is_object()) return "a member of \"hashes\" is not an object";
  const std::string type = TextField(object, options.columns.hash_type);
  const std::string value = TextField(object, options.columns.value);
  const std::string quality = TextField(object, options.columns.quality);
  const std::string time = TextField(object, options.columns.time_ms);
  RowFields row;
  row.hash_type = type;
  row.value = value;
  row.quality = quality;
  row.time_ms = time;
  return ReadHash(row, options.default_hash_type, options.value_encoding, hash);
}

}  // namespace

NdjsonReader::NdjsonReader(const ReadOptions& options, Output output)
    : options_(options), output_(std::move(output)) {}

Status NdjsonReader::Feed(std::span<const std::uint8_t> bytes) {
  lines_.Feed(bytes, [this](std::uint64_t number, std::string_view line, bool is_overlong) {
    TakeLine(number, line, is_overlong);
  });
  return OkStatus();
}

Status NdjsonReader::Finish() {
  lines_.Finish([this](std::uint64_t number, std::string_view line, bool is_overlong) {
    TakeLine(number, line, is_overlong);
  });
  return OkStatus();
}

void NdjsonReader::TakeLine(std::uint64_t number, std::string_view line, bool is_overlong) const {
  if (is_overlong) {
    output_.on_rejection(
        {number, fmt::format("the line is longer than {} KiB", LineSplitter::kMaxLineBytes / 1024)});
    return;
  }
  line = Trim(line);
  if (line.empty()) return;
  Entry entry;
  if (std::string fault = ReadLine(line, entry); !fault.empty()) {
    output_.on_rejection({number, std::move(fault)});
  } else {
    output_.on_entry(number, std::move(entry));
  }
}

std::string NdjsonReader::ReadLine(std::string_view line, Entry& entry) const {
  const nlohmann::json object = ParseJson(line);
  if (object.is_discarded() || !object.is_object()) return "the line is not a JSON object";
  const ColumnMapping& columns = options_.columns;
  entry.id = Trim(TextField(object, columns.entry_id));
  if (entry.id.empty() && !options_.derive_ids) return "the row has no entry id";
  if (const auto hashes = object.find("hashes"); hashes != object.end()) {
    if (!hashes->is_array() || hashes->empty()) return "\"hashes\" is not an array with at least one hash";
    for (const auto& member : *hashes) {
      if (std::string fault = ReadJsonHash(member, options_, entry.hashes.emplace_back()); !fault.empty()) {
        return fault;
      }
    }
  } else if (std::string fault = ReadJsonHash(object, options_, entry.hashes.emplace_back());
             !fault.empty()) {
    return fault;
  }
  std::erase_if(entry.hashes, [this](const EntryHash& hash) { return options_.junk.Contains(hash); });
  if (entry.hashes.empty()) return "the photodna value is junk";
  if (entry.id.empty()) entry.id = DerivedId(entry.hashes.front());
  if (const auto labels = object.find(columns.labels); labels != object.end()) {
    if (labels->is_array()) {
      for (const auto& label : *labels) {
        if (const std::string text = TextOf(label); !Trim(text).empty())
          entry.labels.emplace_back(Trim(text));
      }
    } else {
      entry.labels = SplitTrimmed(TextOf(*labels), ';');
    }
  }
  if (const auto disabled = object.find("disabled"); disabled != object.end()) {
    if (!disabled->is_boolean()) return "\"disabled\" is neither true nor false";
    entry.disabled = disabled->get<bool>();
  }
  if (const auto metadata = object.find(columns.metadata); metadata != object.end()) {
    if (metadata->is_string()) {
      if (Trim(metadata->get_ref<const std::string&>()).empty()) return {};
      const auto inner = ParseJson(metadata->get_ref<const std::string&>());
      if (inner.is_discarded()) return "the metadata is not valid JSON; it must be an object or empty";
      return ReadMetadata(inner, entry.metadata);
    }
    return ReadMetadata(*metadata, entry.metadata);
  }
  return {};
}

}  // namespace tamiz::lists
