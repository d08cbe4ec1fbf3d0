#include "core/exchange/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/exchange/ncmec.h"
#include "core/exchange/stopncii.h"
#include "core/lists/hash_list.h"
#include "core/net/http_uri.h"

namespace tamiz::exchange {
namespace {

using nlohmann::json;

constexpr Environment kEnvironments[] = {
    {"industry-csam", "https://report.cybertip.org/hashsharing"},
    {"industry-csam-test", "https://exttest.cybertip.org/hashsharing"},
    {"industry-exploitative", "https://report.cybertip.org/exploitative-hashsharing"},
    {"industry-exploitative-test", "https://exttest.cybertip.org/exploitative-hashsharing"},
    {"law-enforcement-csam", "https://lesp.ncmec.org/csam-hashsharing"},
    {"law-enforcement-csam-test", "https://betalesp.ncmec.org/csam-hashsharing"},
    {"npo-csam", "https://hashsharing.ncmec.org/npo"},
    {"npo-csam-test", "https://hashsharing-test.ncmec.org/npo"},
    {"npo-exploitative", "https://hashsharing.ncmec.org/exploitative"},
    {"npo-exploitative-test", "https://hashsharing-test.ncmec.org/exploitative"},
    {"generative-ai-csam", "https://hashsharing.ncmec.org/generative-ai-csam"},
    {"generative-ai-csam-test", "https://hashsharing-test.ncmec.org/generative-ai-csam"},
    {"generative-ai-exploitative", "https://hashsharing.ncmec.org/generative-ai-exploitative"},
    {"generative-ai-exploitative-test", "https://hashsharing-test.ncmec.org/generative-ai-exploitative"},
};
constexpr char kStopNciiUrl[] = "https://api.stopncii.org/v1";
constexpr auto kMinInterval = std::chrono::minutes(1);
constexpr auto kMaxInterval = std::chrono::hours(24 * 30);

Status Fault(std::string_view field, std::string_view message) {
  return WithField(InvalidArgument(message), field);
}

// A name of a file in a directory, and no way out of it.
Status CheckFile(std::string_view field, const std::string& name) {
  const bool is_plain = !name.empty() && name.size() <= 128 && name[0] != '.' &&
                        std::all_of(name.begin(), name.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                 c == '.' || c == '_' || c == '-';
                        });
  if (is_plain) return OkStatus();
  return Fault(
      field,
      fmt::format("{} must name a file in exchange.secrets_dir: letters, digits, '.', '_', '-'", field));
}

Status CheckUrl(const Settings& settings, const Config& config) {
  const std::string base = BaseUrl(settings);
  if (base.empty()) {
    std::vector<std::string_view> names;
    for (const Environment& one : kEnvironments) names.push_back(one.name);
    return Fault("environment",
                 fmt::format("give an environment ({}) or a base_url", fmt::join(names, ", ")));
  }
  const StatusOr<net::HttpUri> uri = net::ParseHttpUri(base);
  if (!uri.ok()) return Fault("base_url", Message(uri.status()));
  if (uri->scheme != net::Scheme::kHttps && !config.allow_private) {
    return Fault("base_url", "base_url must be https: credentials are sent to it");
  }
  if (uri->target.find('?') != std::string::npos) return Fault("base_url", "base_url may not have a query");
  return OkStatus();
}

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::span<const Environment> Environments() { return kEnvironments; }

std::string BaseUrl(const Settings& settings) {
  std::string base = settings.base_url;
  if (base.empty() && settings.type == "stopncii") base = kStopNciiUrl;
  if (base.empty()) {
    const auto* const found =
        std::find_if(std::begin(kEnvironments), std::end(kEnvironments),
                     [&](const Environment& one) { return one.name == settings.environment; });
    if (found != std::end(kEnvironments)) base = found->base_url;
  }
  while (base.ends_with('/')) base.pop_back();
  return base;
}

Status Validate(const Settings& settings, const Config& config) {
  TAMIZ_RETURN_IF_ERROR(lists::ValidateListName(settings.name));
  if (const Status list = lists::ValidateListName(settings.list); !list.ok()) {
    return Fault("list", Message(list));
  }
  if (settings.type == "ncmec") {
    TAMIZ_RETURN_IF_ERROR(CheckFile("user_file", settings.user_file));
    TAMIZ_RETURN_IF_ERROR(CheckFile("password_file", settings.password_file));
  } else if (settings.type == "stopncii") {
    TAMIZ_RETURN_IF_ERROR(CheckFile("function_key_file", settings.function_key_file));
    TAMIZ_RETURN_IF_ERROR(CheckFile("subscription_key_file", settings.subscription_file));
    if (!settings.feedback_key_file.empty()) {
      TAMIZ_RETURN_IF_ERROR(CheckFile("feedback_key_file", settings.feedback_key_file));
    }
    if (!settings.environment.empty()) return Fault("environment", "stopncii has no environments");
  } else {
    return Fault("type", "type must be ncmec or stopncii");
  }
  if (settings.interval < kMinInterval || settings.interval > kMaxInterval) {
    return Fault("interval", fmt::format("interval is {} s; 1 minute to 30 days are accepted",
                                         settings.interval.count()));
  }
  if (!(settings.max_change_share <= 1)) return Fault("max_change_share", "max_change_share must be 0 to 1");
  return CheckUrl(settings, config);
}

std::string ToJson(const Settings& settings) {
  return json{{"type", settings.type},
              {"environment", settings.environment},
              {"base_url", settings.base_url},
              {"user_file", settings.user_file},
              {"password_file", settings.password_file},
              {"function_key_file", settings.function_key_file},
              {"subscription_file", settings.subscription_file},
              {"feedback_key_file", settings.feedback_key_file},
              {"interval_s", settings.interval.count()},
              {"max_change_share", settings.max_change_share},
              {"large_fingerprints", settings.large_fingerprints}}
      .dump();
}

StatusOr<Settings> SettingsFromJson(const std::string& text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || !object.contains("type")) {
    return MakeError(StatusCode::kDataLoss, "the stored settings of an exchange are damaged");
  }
  Settings settings;
  settings.type = Text(object, "type");
  settings.environment = Text(object, "environment");
  settings.base_url = Text(object, "base_url");
  settings.user_file = Text(object, "user_file");
  settings.password_file = Text(object, "password_file");
  settings.function_key_file = Text(object, "function_key_file");
  settings.subscription_file = Text(object, "subscription_file");
  settings.feedback_key_file = Text(object, "feedback_key_file");
  if (const auto at = object.find("interval_s"); at != object.end() && at->is_number_integer()) {
    settings.interval = std::chrono::seconds(at->get<std::int64_t>());
  }
  if (const auto at = object.find("max_change_share"); at != object.end() && at->is_number()) {
    settings.max_change_share = at->get<double>();
  }
  if (const auto at = object.find("large_fingerprints"); at != object.end() && at->is_boolean()) {
    settings.large_fingerprints = at->get<bool>();
  }
  return settings;
}

std::unique_ptr<Exchange> MakeExchange(const Settings& settings, const Parts& parts) {
  if (settings.type == "stopncii") return MakeStopNcii(settings, parts);
  return MakeNcmec(settings, parts);
}

}  // namespace tamiz::exchange
