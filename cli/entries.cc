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

std::string TypeName(v1::HashType type) {
  switch (type) {
    case v1::HASH_TYPE_MD5:
      return "md5";
    case v1::HASH_TYPE_SHA1:
      return "sha1";
    case v1::HASH_TYPE_SHA256:
      return "sha256";
    case v1::HASH_TYPE_PDQ:
      return "pdq";
    default:
      return "";
  }
}

std::string Hex(const v1::EntryHash& hash) { return hash.value().empty() ? hash.hex() : HexOf(hash.value()); }

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
    const std::string type = TypeName(hash.type());
    if (type.empty()) continue;
    rows += fmt::format("{},{},{},{},{},{},{}\n", Cell(entry.entry_id()), type, Hex(hash), Cell(labels),
                        Cell(metadata), hash.quality() == 0 ? "" : fmt::format("{}", hash.quality()),
                        hash.has_time_ms() ? fmt::format("{}", hash.time_ms()) : "");
  }
  return rows;
}

}  // namespace tamiz::cli
