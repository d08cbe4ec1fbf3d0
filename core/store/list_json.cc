#include "core/store/list_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace tamiz::store {
namespace {

using nlohmann::json;

// Text that came in unchecked (labels of a request) must not make a record impossible.
std::string Dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json SamplingToJson(const media::SamplingRequest& sampling) {
  json object = json::object();
  if (sampling.preset) object["preset"] = static_cast<int>(*sampling.preset);
  if (sampling.mode) object["mode"] = static_cast<int>(*sampling.mode);
  if (sampling.interval) object["interval_us"] = sampling.interval->count();
  if (sampling.max_gap) object["max_gap_us"] = sampling.max_gap->count();
  if (sampling.head) object["head_us"] = sampling.head->count();
  if (sampling.max_frames) object["max_frames"] = *sampling.max_frames;
  return object;
}

media::SamplingRequest SamplingFromJson(const json& object) {
  media::SamplingRequest sampling;
  const auto micros = [&](const char* key) {
    return object.contains(key) ? std::optional(std::chrono::microseconds(object[key].get<std::int64_t>()))
                                : std::nullopt;
  };
  if (object.contains("preset"))
    sampling.preset = static_cast<media::SamplingPreset>(object["preset"].get<int>());
  if (object.contains("mode")) sampling.mode = static_cast<media::SamplingMode>(object["mode"].get<int>());
  sampling.interval = micros("interval_us");
  sampling.max_gap = micros("max_gap_us");
  sampling.head = micros("head_us");
  if (object.contains("max_frames")) sampling.max_frames = object["max_frames"].get<std::uint32_t>();
  return sampling;
}

Status Damaged(std::string_view what, const char* why) {
  return MakeError(StatusCode::kDataLoss, fmt::format("the stored {} cannot be read: {}", what, why));
}

json TimeToJson(const std::optional<WallTime>& time) {
  if (!time) return nullptr;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time->time_since_epoch()).count();
}

std::optional<WallTime> TimeFromJson(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || at->is_null()) return std::nullopt;
  return WallTime(
      std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(at->get<std::int64_t>())));
}

json ExceptionsToJson(const lists::Exceptions& exceptions) {
  json holds = json::array();
  for (const lists::Hold& hold : exceptions.holds()) {
    holds.push_back({{"kind", static_cast<int>(hold.kind)},
                     {"entry_id", hold.entry_id},
                     {"reason", hold.reason},
                     {"actor", hold.actor},
                     {"since", TimeToJson(hold.since)},
                     {"until", TimeToJson(hold.until)}});
  }
  json events = json::array();
  for (const lists::HoldEvent& event : exceptions.events()) {
    events.push_back({{"at", TimeToJson(event.at)},
                      {"what", event.what},
                      {"entry_id", event.entry_id},
                      {"reason", event.reason},
                      {"actor", event.actor},
                      {"until", TimeToJson(event.until)}});
  }
  return json{{"holds", std::move(holds)}, {"events", std::move(events)}};
}

lists::Exceptions ExceptionsFromJson(const json& object) {
  std::vector<lists::Hold> holds;
  for (const json& item : object.value("holds", json::array())) {
    holds.push_back({static_cast<lists::HoldKind>(item.at("kind").get<int>()), item.value("entry_id", ""),
                     item.value("reason", ""), item.value("actor", ""),
                     TimeFromJson(item, "since").value_or(WallTime{}), TimeFromJson(item, "until")});
  }
  std::vector<lists::HoldEvent> events;
  for (const json& item : object.value("events", json::array())) {
    events.push_back({TimeFromJson(item, "at").value_or(WallTime{}), item.value("what", ""),
                      item.value("entry_id", ""), item.value("reason", ""), item.value("actor", ""),
                      TimeFromJson(item, "until")});
  }
  return {std::move(holds), std::move(events)};
}

}  // namespace

std::string PolicyToJson(const lists::ListPolicy& policy) {
  json object{{"radius", policy.radius},
              {"quality_floor", policy.quality_floor},
              {"min_reference_coverage", policy.min_reference_coverage},
              {"min_query_coverage", policy.min_query_coverage},
              {"orientations", policy.orientations},
              {"border_removal", policy.border_removal},
              {"find_regions", policy.find_regions},
              {"straighten", policy.straighten},
              {"restore_contrast", policy.restore_contrast},
              {"mode", static_cast<int>(policy.mode)},
              {"action_hint", policy.action_hint}};
  object["breaker"] = json{{"entry_hits", policy.breaker.entry_hits},
                           {"list_hits", policy.breaker.list_hits},
                           {"window_s", policy.breaker.window.count()}};
  if (policy.exceptions != lists::Exceptions()) object["exceptions"] = ExceptionsToJson(policy.exceptions);
  if (policy.match_confidence > 0) object["match_confidence"] = policy.match_confidence;
  if (policy.review_confidence > 0) object["review_confidence"] = policy.review_confidence;
  if (policy.review_radius) object["review_radius"] = *policy.review_radius;
  if (policy.max_age) object["max_age_s"] = policy.max_age->count();
  if (policy.sampling != media::SamplingRequest()) object["sampling"] = SamplingToJson(policy.sampling);
  return Dump(object);
}

StatusOr<lists::ListPolicy> PolicyFromJson(const std::string& text) {
  try {
    const json object = json::parse(text);
    lists::ListPolicy policy;
    policy.radius = object.value("radius", policy.radius);
    if (object.contains("review_radius")) policy.review_radius = object["review_radius"].get<std::uint32_t>();
    policy.quality_floor = object.value("quality_floor", policy.quality_floor);
    policy.min_reference_coverage = object.value("min_reference_coverage", policy.min_reference_coverage);
    policy.min_query_coverage = object.value("min_query_coverage", policy.min_query_coverage);
    policy.match_confidence = object.value("match_confidence", policy.match_confidence);
    policy.review_confidence = object.value("review_confidence", policy.review_confidence);
    policy.orientations = object.value("orientations", policy.orientations);
    policy.border_removal = object.value("border_removal", policy.border_removal);
    policy.find_regions = object.value("find_regions", policy.find_regions);
    policy.straighten = object.value("straighten", policy.straighten);
    policy.restore_contrast = object.value("restore_contrast", policy.restore_contrast);
    policy.mode = static_cast<lists::ListMode>(object.value("mode", static_cast<int>(policy.mode)));
    policy.action_hint = object.value("action_hint", policy.action_hint);
    if (object.contains("max_age_s"))
      policy.max_age = std::chrono::seconds(object["max_age_s"].get<std::int64_t>());
    if (object.contains("sampling")) policy.sampling = SamplingFromJson(object["sampling"]);
    if (object.contains("breaker")) {
      const json& breaker = object["breaker"];
      policy.breaker.entry_hits = breaker.value("entry_hits", policy.breaker.entry_hits);
      policy.breaker.list_hits = breaker.value("list_hits", policy.breaker.list_hits);
      policy.breaker.window = std::chrono::seconds(breaker.value("window_s", policy.breaker.window.count()));
    }
    if (object.contains("exceptions")) policy.exceptions = ExceptionsFromJson(object["exceptions"]);
    TAMIZ_RETURN_IF_ERROR(policy.Validate());
    return policy;
  } catch (const json::exception& error) {
    return Damaged("policy of a list", error.what());
  }
}

std::string LabelsToJson(const std::vector<std::string>& labels) { return Dump(labels); }

StatusOr<std::vector<std::string>> LabelsFromJson(const std::string& text) {
  try {
    return json::parse(text).get<std::vector<std::string>>();
  } catch (const json::exception& error) {
    return Damaged("labels of a list", error.what());
  }
}

std::string RecordLabelsToJson(const std::map<std::string, std::string>& labels) {
  return Dump(json(labels));
}

std::string HitsToJson(const std::vector<ScanRecord::Hit>& hits) {
  json array = json::array();
  for (const auto& hit : hits) {
    json& item = array.emplace_back(json{{"list_id", hit.list_id},
                                         {"list_version", hit.list_version},
                                         {"entry_id", hit.entry_id},
                                         {"distance", hit.distance},
                                         {"shadow", hit.shadow}});
    if (hit.allow_list_id.empty()) continue;
    item["allow_list_id"] = hit.allow_list_id;
    item["allow_entry_id"] = hit.allow_entry_id;
  }
  return Dump(array);
}

Status RecordFromJson(const std::string& labels, const std::string& hits, ScanRecord& record) {
  try {
    record.labels = json::parse(labels).get<std::map<std::string, std::string>>();
    for (const json& item : json::parse(hits)) {
      auto& hit = record.hits.emplace_back();
      hit.list_id = item.at("list_id").get<std::string>();
      hit.list_version = item.at("list_version").get<std::uint64_t>();
      hit.entry_id = item.at("entry_id").get<std::string>();
      hit.distance = item.at("distance").get<std::uint32_t>();
      hit.shadow = item.at("shadow").get<bool>();
      hit.allow_list_id = item.value("allow_list_id", "");
      hit.allow_entry_id = item.value("allow_entry_id", "");
    }
    return OkStatus();
  } catch (const json::exception& error) {
    return Damaged("record of a scan", error.what());
  }
}

}  // namespace tamiz::store
