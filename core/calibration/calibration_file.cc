#include "core/calibration/calibration_file.h"

#include <fstream>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "fmt/format.h"

namespace tamiz::calibration {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kFormat = 1;

// Reads members of one object, remembers what went wrong first and which members it was asked for.
class Reader {
 public:
  Reader(const json& object, std::string where, Status& status)
      : object_(object), where_(std::move(where)), status_(status) {
    if (!object_.is_object()) Fail(where_.empty() ? "the file" : where_, "is no JSON object");
  }
  const json* Find(const std::string& name) {
    known_.insert(name);
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    if (found == object_.end()) {
      Fail(where_ + name, "is missing");
      return nullptr;
    }
    return &*found;
  }
  std::string Text(const std::string& name) {
    const json* const value = Find(name);
    if (value == nullptr) return {};
    if (value->is_string()) return value->get<std::string>();
    Fail(where_ + name, "is no text");
    return {};
  }
  double Number(const std::string& name) {
    const json* const value = Find(name);
    if (value == nullptr) return 0;
    if (value->is_number()) return value->get<double>();
    Fail(where_ + name, "is no number");
    return 0;
  }
  std::uint64_t Count(const std::string& name) {
    const json* const value = Find(name);
    if (value == nullptr) return 0;
    if (value->is_number_unsigned()) return value->get<std::uint64_t>();
    Fail(where_ + name, "is no whole number");
    return 0;
  }
  // A misspelt member must not go unseen.
  void NothingElse() {
    if (!object_.is_object()) return;
    for (const auto& [name, value] : object_.items()) {
      if (!known_.contains(name)) Fail(where_ + name, "is not known");
    }
  }
  void Fail(const std::string& what, std::string_view why) {
    if (status_.ok()) status_ = InvalidArgument(fmt::format("{} {}", what, why));
  }

 private:
  const json& object_;
  std::string where_;
  Status& status_;
  std::set<std::string> known_;
};

void ReadTail(const json& object, UnrelatedTail& tail, Status& status) {
  Reader reader(object, "unrelated.", status);
  tail.pairs = reader.Number("pairs");
  tail.measured_from = static_cast<std::uint32_t>(reader.Count("measured_from"));
  if (const json* const shares = reader.Find("log10_share")) {
    if (!shares->is_array() || shares->size() != UnrelatedTail::kBits) {
      reader.Fail("unrelated.log10_share", "must have 65 numbers, for the distances 0 to 64");
    } else {
      for (std::size_t d = 0; d < UnrelatedTail::kBits; ++d) {
        if (!(*shares)[d].is_number()) {
          reader.Fail("unrelated.log10_share", "must have 65 numbers, for the distances 0 to 64");
          break;
        }
        tail.log10_share[d] = (*shares)[d].get<double>();
      }
    }
  }
  reader.NothingElse();
}

}  // namespace

StatusOr<Calibration> Parse(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (object.is_discarded()) return InvalidArgument("is not JSON");
  Status status;
  Calibration calibration;
  Reader reader(object, "", status);
  if (reader.Count("format") != kFormat) reader.Fail("format", "is not 1, the one that is understood");
  calibration.name = reader.Text("name");
  calibration.date = reader.Text("date");
  calibration.method = reader.Text("method");
  calibration.data = reader.Text("data");
  calibration.pairs_same = reader.Count("pairs_same");
  calibration.pairs_different = reader.Count("pairs_different");
  calibration.uploads_known = reader.Count("uploads_known");
  calibration.uploads_unrelated = reader.Count("uploads_unrelated");
  calibration.base_rate = reader.Number("base_rate");
  calibration.expected_calibration_error = reader.Number("expected_calibration_error");
  calibration.held_out_pairs = reader.Count("held_out_pairs");
  calibration.intercept = reader.Number("intercept");
  calibration.ceiling = reader.Number("ceiling");
  if (const json* const weights = reader.Find("weights")) {
    Reader inner(*weights, "weights.", status);
    for (std::size_t i = 0; i < kFeatures; ++i) {
      calibration.weights[i] = inner.Number(std::string(ToString(static_cast<Feature>(i))));
    }
    inner.NothingElse();
  }
  if (const json* const unrelated = reader.Find("unrelated")) {
    ReadTail(*unrelated, calibration.unrelated, status);
  }
  if (const json* const queries = reader.Find("queries_per_picture")) {
    Reader inner(*queries, "queries_per_picture.", status);
    for (std::size_t i = 0; i < kLooks; ++i) {
      calibration.queries.by_look[i] = inner.Number(std::string(ToString(static_cast<Look>(i))));
    }
    inner.NothingElse();
  }
  if (const json* const bins = reader.Find("reliability"); bins != nullptr && bins->is_array()) {
    for (const json& bin : *bins) {
      Reader inner(bin, "reliability.", status);
      const double predicted = inner.Number("predicted"), observed = inner.Number("observed");
      const double weight = inner.Number("weight");
      calibration.reliability.push_back({predicted, observed, weight, inner.Count("pairs")});
      inner.NothingElse();
    }
  }
  reader.NothingElse();
  TAMIZ_RETURN_IF_ERROR(status);
  TAMIZ_RETURN_IF_ERROR(calibration.Validate());
  return calibration;
}

std::string Print(const Calibration& calibration) {
  ordered_json weights, queries, bins = ordered_json::array();
  for (std::size_t i = 0; i < kFeatures; ++i) {
    weights[std::string(ToString(static_cast<Feature>(i)))] = calibration.weights[i];
  }
  for (std::size_t i = 0; i < kLooks; ++i) {
    queries[std::string(ToString(static_cast<Look>(i)))] = calibration.queries.by_look[i];
  }
  for (const ReliabilityBin& bin : calibration.reliability) {
    bins.push_back({{"predicted", bin.predicted},
                    {"observed", bin.observed},
                    {"weight", bin.weight},
                    {"pairs", bin.pairs}});
  }
  const ordered_json object{{"format", kFormat},
                            {"name", calibration.name},
                            {"date", calibration.date},
                            {"method", calibration.method},
                            {"data", calibration.data},
                            {"pairs_same", calibration.pairs_same},
                            {"pairs_different", calibration.pairs_different},
                            {"uploads_known", calibration.uploads_known},
                            {"uploads_unrelated", calibration.uploads_unrelated},
                            {"base_rate", calibration.base_rate},
                            {"expected_calibration_error", calibration.expected_calibration_error},
                            {"held_out_pairs", calibration.held_out_pairs},
                            {"intercept", calibration.intercept},
                            {"ceiling", calibration.ceiling},
                            {"weights", std::move(weights)},
                            {"queries_per_picture", std::move(queries)},
                            {"unrelated",
                             {{"pairs", calibration.unrelated.pairs},
                              {"measured_from", calibration.unrelated.measured_from},
                              {"log10_share", calibration.unrelated.log10_share}}},
                            {"reliability", std::move(bins)}};
  return object.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

StatusOr<std::shared_ptr<const Calibration>> Load(const std::string& path) {
  if (path.empty()) return BuiltIn();
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  if (!file) {
    return NotFound(
        fmt::format("the calibration {} cannot be opened: is the path right and may it be read?", path));
  }
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return InvalidArgument(fmt::format("the calibration {} cannot be read", path));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) {
    return InvalidArgument(fmt::format("the calibration {} is larger than {} bytes, which no calibration is",
                                       path, kMaxFileBytes));
  }
  StatusOr<Calibration> parsed = Parse(text);
  if (!parsed.ok()) {
    return InvalidArgument(fmt::format("the calibration {}: {}; make one with `tamiz calibrate`", path,
                                       Message(parsed.status())));
  }
  return std::make_shared<const Calibration>(*std::move(parsed));
}

}  // namespace tamiz::calibration
