// What an exchange is told when it is added.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/exchange/config.h"
#include "core/exchange/exchange.h"
#include "core/net/http_client.h"

namespace tamiz::exchange {

struct Settings {
  std::string name;  // as a list's name
  std::string list;  // name
  std::string type;  // "ncmec", "stopncii"
  // Of "ncmec": one of Environments(); of "stopncii": empty.
  std::string environment;
  // Instead of the environment's own; https, or http where Config::allow_private.
  std::string base_url;
  // Names of files in Config::secrets_dir.
  std::string user_file, password_file;              // ncmec
  std::string function_key_file, subscription_file;  // stopncii
  std::string feedback_key_file;                     // stopncii; empty: no feedback is sent
  // Between two syncs; each is varied at random by a tenth. Range 1 min … 30 days.
  std::chrono::seconds interval = std::chrono::hours(1);
  // 0…1; negative: Config's.
  double max_change_share = -1;
  // Whether large fingerprints (TMK+PDQF, Videntifier …), which nothing here is matched with, are fetched and
  // kept; each costs a request.
  bool large_fingerprints = false;
};

struct Environment {
  std::string_view name, base_url;
};
// NCMEC Hash Sharing's environments, production and test.
[[nodiscard]] std::span<const Environment> Environments();

// INVALID_ARGUMENT with the field's name.
[[nodiscard]] Status Validate(const Settings& settings, const Config& config);

[[nodiscard]] std::string ToJson(const Settings& settings);
// Name and list are not in the JSON. DATA_LOSS if it is not what ToJson writes.
[[nodiscard]] StatusOr<Settings> SettingsFromJson(const std::string& json);

// Where requests go.
[[nodiscard]] std::string BaseUrl(const Settings& settings);

// What exchanges work with; all outlive them.
struct Parts {
  const Config& config;
  net::HttpClient& client;
  const Clock& clock;
};

[[nodiscard]] std::unique_ptr<Exchange> MakeExchange(const Settings& settings, const Parts& parts);

}  // namespace tamiz::exchange
