#include "cli/entries.h"

#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace tamiz::cli {
namespace {

std::string Cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string TypeName(const v1::EntryHash& hash) {
  switch (hash.type()) {
    case v1::HASH_TYPE_MD5:
      return "md5";
    case v1::HASH_TYPE_SHA1:
      return "sha1";
    case v1::HASH_TYPE_SHA256:
      return "sha256";
    case v1::HASH_TYPE_PDQ:
      return "pdq";
    case v1::HASH_TYPE_OPAQUE:
      return "opaque:" + hash.opaque_type();
    default:
      return "";
  }
}

std::string Value(const v1::EntryHash& hash) {
  const std::string hex = hash.value().empty() ? hash.hex() : HexOf(hash.value());
  // An opaque value may be text of any length: the prefix says that this is none.
  return hash.type() == v1::HASH_TYPE_OPAQUE ? "hex:" + hex : hex;
}

}  // namespace

std::string CsvRows(const v1::Entry& entry) {
  std::string metadata;
  if (!entry.metadata().empty()) {
    nlohmann::json object = nlohmann::json::object();
    for (const auto& [key, value] : entry.metadata()) object[key] = value;
    metadata = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  const std::string labels = Join({entry.labels().begin(), entry.labels().end()}, ";");
  std::string rows;
  for (const v1::EntryHash& hash : entry.hashes()) {
    const std::string type = TypeName(hash);
    if (type.empty()) continue;
    rows +=
        fmt::format("{},{},{},{},{},{},{}\n", Cell(entry.entry_id()), Cell(type), Value(hash), Cell(labels),
                    Cell(metadata), hash.quality() == 0 ? "" : fmt::format("{}", hash.quality()),
                    hash.has_time_ms() ? fmt::format("{}", hash.time_ms()) : "");
  }
  return rows;
}

}  // namespace tamiz::cli
