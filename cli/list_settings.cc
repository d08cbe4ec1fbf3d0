#include "cli/list_settings.h"

#include <cmath>

#include "cli/sampling.h"

namespace tamiz::cli {
namespace {

// Takes over what is set and names it in `paths`.
void FillPolicy(const ListSettings& settings, v1::ListPolicy& policy, google::protobuf::FieldMask& mask) {
  const auto take = [&mask](const auto& value, const char* field, const auto& set) {
    if (!value.has_value()) return;
    set(*value);
    mask.add_paths(std::string("policy.") + field);
  };
  take(settings.radius, "radius", [&](unsigned v) { policy.set_radius(v); });
  take(settings.review_radius, "review_radius", [&](unsigned v) { policy.set_review_radius(v); });
  take(settings.quality_floor, "quality_floor", [&](unsigned v) { policy.set_quality_floor(v); });
  take(settings.min_reference_coverage, "min_reference_coverage",
       [&](double v) { policy.set_min_reference_coverage(v); });
  take(settings.min_query_coverage, "min_query_coverage",
       [&](double v) { policy.set_min_query_coverage(v); });
  take(settings.match_confidence, "match_confidence", [&](double v) { policy.set_match_confidence(v); });
  take(settings.review_confidence, "review_confidence", [&](double v) { policy.set_review_confidence(v); });
  take(settings.orientations, "orientations",
       [&](const std::string& v) { policy.set_orientations(v == "on"); });
  take(settings.border_removal, "border_removal",
       [&](const std::string& v) { policy.set_border_removal(v == "on"); });
  take(settings.find_regions, "find_regions",
       [&](const std::string& v) { policy.set_find_regions(v == "on"); });
  take(settings.straighten, "straighten", [&](const std::string& v) { policy.set_straighten(v == "on"); });
  take(settings.restore_contrast, "restore_contrast",
       [&](const std::string& v) { policy.set_restore_contrast(v == "on"); });
  take(settings.mode, "mode", [&](const std::string& v) {
    policy.set_mode(v == "shadow" ? v1::LIST_MODE_SHADOW
                    : v == "off"  ? v1::LIST_MODE_OFF
                                  : v1::LIST_MODE_ENFORCE);
  });
  take(settings.breaker_entry_hits, "breaker",
       [&](unsigned v) { policy.mutable_breaker()->set_entry_hits(v); });
  take(settings.breaker_list_hits, "breaker",
       [&](unsigned v) { policy.mutable_breaker()->set_list_hits(v); });
  take(settings.breaker_window, "breaker",
       [&](unsigned v) { policy.mutable_breaker()->mutable_window()->set_seconds(v); });
  take(settings.action_hint, "action_hint", [&](const std::string& v) { policy.set_action_hint(v); });
  take(settings.max_age, "max_age", [&](const std::string& v) {
    double seconds = 0;
    if (v != "any" && ParseSpan("--max-age", v, seconds).ok()) {
      policy.mutable_max_age()->set_seconds(std::llround(seconds));
    }
  });
  take(settings.sampling, "sampling", [&](const std::string& v) {
    policy.mutable_sampling();
    if (v != "default") (void)FillSamplingName(v, *policy.mutable_sampling());
  });
}

}  // namespace

void AddListSettings(CLI::App& command, ListSettings& settings, bool creating) {
  command.add_option("--source-org", settings.source_org, "organisation that the list comes from");
  command.add_option("--description", settings.description, "for people");
  command.add_option("--label", settings.labels, "label of the list; may be repeated")
      ->allow_extra_args(false);
  if (creating) {
    command
        .add_option("--kind", settings.kind,
                    "block: known material to find (default); allow: suppresses matches")
        ->check(CLI::IsMember({"block", "allow"}));
  }
  command.add_option("--mode", settings.mode, "enforce (default), shadow: matches do not count, off")
      ->check(CLI::IsMember({"enforce", "shadow", "off"}));
  command.add_option("--radius", settings.radius, "largest distance that is a match, 0 to 64 bits")
      ->check(CLI::Range(0, 64));
  command
      .add_option("--review-radius", settings.review_radius,
                  "largest distance that a person should look at, up to 64 bits")
      ->check(CLI::Range(0, 64));
  command
      .add_option("--quality-floor", settings.quality_floor, "PDQ quality below which a frame is not used")
      ->check(CLI::Range(0, 100));
  command
      .add_option("--min-reference-coverage", settings.min_reference_coverage,
                  "share of a known video that must be found")
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option("--min-query-coverage", settings.min_query_coverage,
                  "share of the upload that must be known")
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option("--match-confidence", settings.match_confidence,
                  "confidence that a match within the radius needs to count, 0 to 1; 0: the radius decides")
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option("--review-confidence", settings.review_confidence,
                  "confidence that is worth a person's time, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  command.add_option("--orientations", settings.orientations, "also look up turned and mirrored frames")
      ->check(CLI::IsMember({"on", "off"}));
  command
      .add_option("--border-removal", settings.border_removal, "also look up frames without their borders")
      ->check(CLI::IsMember({"on", "off"}));
  command
      .add_option("--find-regions", settings.find_regions, "also look up pictures within frames on their own")
      ->check(CLI::IsMember({"on", "off"}));
  command
      .add_option("--straighten", settings.straighten,
                  "also look up frames that show a turned picture, turned back")
      ->check(CLI::IsMember({"on", "off"}));
  command
      .add_option("--restore-contrast", settings.restore_contrast,
                  "also look up frames that are only too dim for the quality floor")
      ->check(CLI::IsMember({"on", "off"}));
  command
      .add_option("--breaker-entry-hits", settings.breaker_entry_hits,
                  "different uploads that match one entry before it is moved to shadow; 0: no limit")
      ->check(CLI::Range(0, 1'000'000));
  command
      .add_option("--breaker-list-hits", settings.breaker_list_hits,
                  "different uploads that match the list before it is moved to shadow; 0: no limit")
      ->check(CLI::Range(0, 1'000'000));
  command.add_option("--breaker-window", settings.breaker_window, "within how many seconds")
      ->check(CLI::Range(10, 604'800));
  command.add_option("--action-hint", settings.action_hint, "what to do with a match, for example block");
  command
      .add_option("--max-age", settings.max_age,
                  "older than this, scans are incomplete, for example 48h; any: no limit (default)")
      ->check([](const std::string& text) {
        double seconds = 0;
        const grpc::Status status = text == "any" ? grpc::Status::OK : ParseSpan("--max-age", text, seconds);
        return status.ok() ? std::string() : status.error_message();
      });
  std::vector<std::string> plans = SamplingNames();
  plans.emplace_back("default");
  command
      .add_option(
          "--sampling", settings.sampling,
          "which frames of a video this list wants looked at, for example exact; default: the server's")
      ->check(CLI::IsMember(plans));
}

void FillCreate(const std::string& name, const ListSettings& settings, v1::CreateListRequest& request) {
  request.set_name(name);
  request.set_source_org(settings.source_org.value_or(""));
  request.set_description(settings.description.value_or(""));
  for (const std::string& label : settings.labels) request.add_labels(label);
  request.set_kind(settings.kind == "allow" ? v1::LIST_KIND_ALLOW : v1::LIST_KIND_BLOCK);
  google::protobuf::FieldMask ignored;
  FillPolicy(settings, *request.mutable_policy(), ignored);
}

void FillUpdate(const std::string& name, const ListSettings& settings, v1::UpdateListRequest& request) {
  request.set_list(name);
  google::protobuf::FieldMask& mask = *request.mutable_update_mask();
  v1::HashList& update = *request.mutable_update();
  if (settings.source_org.has_value()) {
    update.set_source_org(*settings.source_org);
    mask.add_paths("source_org");
  }
  if (settings.description.has_value()) {
    update.set_description(*settings.description);
    mask.add_paths("description");
  }
  if (!settings.labels.empty()) {
    for (const std::string& label : settings.labels) update.add_labels(label);
    mask.add_paths("labels");
  }
  FillPolicy(settings, *update.mutable_policy(), mask);
}

}  // namespace tamiz::cli
