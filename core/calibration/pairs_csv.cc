#include <charconv>
#include <map>

#include "core/calibration/fit.h"
#include "fmt/format.h"

namespace tamiz::calibration {
namespace {

constexpr std::array<std::string_view, 12> kColumns = {
    "upload", "source", "known",         "same",        "distance", "quality_query", "quality_reference",
    "turned", "look",   "corroborating", "list_hashes", "queries"};

std::vector<std::string_view> Split(std::string_view line) {
  std::vector<std::string_view> cells;
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find(',', begin), line.size());
    cells.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return cells;
}

template <typename T>
bool ReadNumber(std::string_view text, std::uint64_t max, T& to) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return false;
  to = static_cast<T>(value);
  return true;
}

// A number as it is; else FNV-1a, which is the same on every machine, as the split must be.
std::uint64_t IdOf(std::string_view text) {
  if (std::uint64_t number = 0; ReadNumber(text, UINT64_MAX, number)) return number;
  std::uint64_t id = 0xcbf29ce484222325ull;
  for (const char c : text) id = (id ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return id;
}

}  // namespace

std::string PairsHeader() { return fmt::format("{}\n", fmt::join(kColumns, ",")); }

std::string PairRow(const LabelledPair& pair) {
  const Evidence& e = pair.evidence;
  return fmt::format("{},{},{:d},{:d},{},{},{},{:d},{},{},{},{}\n", pair.upload, pair.source,
                     pair.upload_known, pair.same, pair.found ? std::to_string(e.distance) : std::string(),
                     e.quality_query, e.quality_reference, e.turned, ToString(e.look), e.corroborating,
                     e.list_hashes, e.queries);
}

StatusOr<std::vector<LabelledPair>> ReadPairs(std::string_view csv) {
  std::vector<LabelledPair> pairs;
  std::map<std::string_view, std::size_t> places;
  std::size_t line_number = 0;
  for (std::size_t begin = 0; begin < csv.size();) {
    const std::size_t end = std::min(csv.find('\n', begin), csv.size());
    std::string_view line = csv.substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) continue;
    const std::vector<std::string_view> cells = Split(line);
    if (places.empty()) {
      for (std::size_t i = 0; i < cells.size(); ++i) places[cells[i]] = i;
      for (const std::string_view column : kColumns) {
        if (!places.contains(column)) {
          return InvalidArgument(fmt::format("line 1: the column \"{}\" is missing; the header is {}", column,
                                             fmt::join(kColumns, ",")));
        }
      }
      continue;
    }
    const auto fault = [&](std::string_view column, std::string_view expected) {
      return InvalidArgument(fmt::format("line {}: {} is not {}", line_number, column, expected));
    };
    if (cells.size() != places.size()) {
      return InvalidArgument(
          fmt::format("line {} has {} fields, the header has {}", line_number, cells.size(), places.size()));
    }
    const auto cell = [&](std::string_view column) { return cells[places.at(column)]; };
    LabelledPair pair;
    pair.upload = IdOf(cell("upload"));
    pair.source = IdOf(cell("source"));
    if (!ReadNumber(cell("known"), 1, pair.upload_known)) return fault("known", "0 or 1");
    Evidence& evidence = pair.evidence;
    if (!ReadNumber(cell("list_hashes"), UINT64_MAX, evidence.list_hashes))
      return fault("list_hashes", "a number");
    if (!ReadNumber(cell("queries"), UINT64_MAX, evidence.queries)) return fault("queries", "a number");
    pair.found = !cell("distance").empty();
    if (pair.found) {
      if (!ReadNumber(cell("same"), 1, pair.same)) return fault("same", "0 or 1");
      if (!ReadNumber(cell("distance"), 256, evidence.distance))
        return fault("distance", "0 to 256, or empty");
      if (!ReadNumber(cell("quality_query"), 100, evidence.quality_query))
        return fault("quality_query", "0 to 100");
      if (!ReadNumber(cell("quality_reference"), 100, evidence.quality_reference)) {
        return fault("quality_reference", "0 to 100");
      }
      if (!ReadNumber(cell("turned"), 1, evidence.turned)) return fault("turned", "0 or 1");
      if (!ReadNumber(cell("corroborating"), UINT32_MAX, evidence.corroborating)) {
        return fault("corroborating", "a number");
      }
      const std::optional<Look> look = ParseLook(cell("look"));
      if (!look) return fault("look", "whole, border_removed, region or straightened");
      evidence.look = *look;
    }
    pairs.push_back(pair);
  }
  if (pairs.empty()) return InvalidArgument("the file has no pairs");
  return pairs;
}

}  // namespace tamiz::calibration
