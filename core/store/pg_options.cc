#include "core/store/pg_options.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <memory>
#include <string_view>

namespace tamiz::store {
namespace {

// Where Debian keeps the certificates of the authorities that it trusts.
constexpr const char* kSystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";
// What store.url may say; the rest has a key of its own, or must not be set (passwords).
constexpr std::array<std::string_view, 7> kUrlKeywords = {
    "host", "hostaddr", "port", "user", "dbname", "target_session_attrs", "channel_binding"};

Status BadKey(std::string_view key, std::string_view what) {
  return WithField(InvalidArgument(fmt::format("{} {}", key, what)), key);
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

bool IsOnThisMachine(const std::string& host) {
  return host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
         host == "::1" || host.starts_with("127.");
}

StatusOr<std::map<std::string, std::string>> ParseUrl(const std::string& url) {
  if (url.empty()) {
    return BadKey("store.url",
                  "is empty; PostgreSQL needs it, for example \"postgresql://tamiz@db.example.org/tamiz\"");
  }
  if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) {
    return BadKey("store.url", "must begin with postgresql://");
  }
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(url.c_str(), &error), &PQconninfoFree);
  // libpq's own message may quote the URL and with it a password that should not be there.
  if (error != nullptr) PQfreemem(error);
  if (parsed == nullptr) {
    return BadKey("store.url", "is not a connection URL such as postgresql://user@host:5432/database");
  }
  std::map<std::string, std::string> found;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "password") {
      return BadKey("store.url",
                    "holds a password; write it into a file and name that in store.password_file");
    }
    if (keyword.starts_with("ssl")) {
      return BadKey("store.url", fmt::format("sets {}; use store.tls and the store.tls_* keys", keyword));
    }
    if (std::find(kUrlKeywords.begin(), kUrlKeywords.end(), keyword) == kUrlKeywords.end()) {
      return BadKey("store.url", fmt::format("sets {}, which is not for a URL to set", keyword));
    }
    found[std::string(keyword)] = option->val;
  }
  return found;
}

Status CheckReadable(const std::string& key, const std::string& path) {
  if (path.empty() || std::ifstream(path).good()) return OkStatus();
  return BadKey(key, fmt::format("names {}, which cannot be read", path));
}

}  // namespace

StatusOr<PgOptions> MakePgOptions(const Config& config) {
  TAMIZ_ASSIGN_OR_RETURN(const auto url, ParseUrl(config.url));
  const auto of = [&](const char* keyword) {
    const auto found = url.find(keyword);
    return found == url.end() ? std::string() : found->second;
  };
  if (of("dbname").empty()) return BadKey("store.url", "names no database: postgresql://user@host/database");
  if (config.schema.empty() || config.schema.size() > 50 ||
      config.schema.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos ||
      (config.schema.front() >= '0' && config.schema.front() <= '9') || config.schema.starts_with("pg_")) {
    return BadKey("store.schema",
                  fmt::format("is '{}'; it must be 1 to 50 of a-z 0-9 _, not beginning with a digit or pg_",
                              config.schema));
  }
  if (config.tls_certificate_file.empty() != config.tls_key_file.empty()) {
    return BadKey("store.tls_key_file", "and store.tls_certificate_file are given both or neither");
  }
  TAMIZ_RETURN_IF_ERROR(CheckReadable("store.tls_ca_file", config.tls_ca_file));
  TAMIZ_RETURN_IF_ERROR(CheckReadable("store.tls_certificate_file", config.tls_certificate_file));
  TAMIZ_RETURN_IF_ERROR(CheckReadable("store.tls_key_file", config.tls_key_file));

  PgOptions options;
  for (const auto& [keyword, value] : url) options.keywords.emplace_back(keyword, value);
  const auto add = [&](const char* keyword, std::string value) {
    options.keywords.emplace_back(keyword, std::move(value));
  };
  std::string tls = config.tls;
  if (tls == "auto") {
    const auto hosts = Split(of("host").empty() ? of("hostaddr") : of("host"));
    tls = std::all_of(hosts.begin(), hosts.end(), IsOnThisMachine) ? "prefer" : "verify-full";
  }
  add("sslmode", tls);
  if (tls.starts_with("verify")) {
    add("sslrootcert", config.tls_ca_file.empty() ? kSystemAuthorities : config.tls_ca_file);
  }
  if (!config.tls_key_file.empty()) {
    add("sslcert", config.tls_certificate_file);
    add("sslkey", config.tls_key_file);
  }
  if (!config.password_file.empty()) {
    std::ifstream file(config.password_file);
    std::string password;
    if (!std::getline(file, password) || password.empty()) {
      return BadKey("store.password_file",
                    fmt::format("names {}, which cannot be read or is empty", config.password_file));
    }
    if (password.back() == '\r') password.pop_back();
    add("password", std::move(password));
  }
  add("connect_timeout", fmt::format("{}", std::max<std::int64_t>(2, config.connect_timeout.count())));
  add("client_encoding", "UTF8");
  add("application_name", "tamizd");
  // A server that vanished without a word is found out in about half a minute.
  add("keepalives_idle", "10");
  add("keepalives_interval", "5");
  add("keepalives_count", "3");
  add("tcp_user_timeout", "30000");
  options.where = fmt::format("PostgreSQL at {}{}/{}", of("host").empty() ? of("hostaddr") : of("host"),
                              of("port").empty() ? "" : ":" + of("port"), of("dbname"));
  return options;
}

}  // namespace tamiz::store
