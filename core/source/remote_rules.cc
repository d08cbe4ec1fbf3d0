#include "core/source/remote_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace tamiz::source {
namespace {

constexpr std::string_view kBelow = "*.";

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// A host as it stands in the configuration, in the form that a URI's is brought to; empty if it is none.
std::string NormalPattern(std::string_view pattern) {
  if (pattern == "*") return "*";
  const bool is_below = pattern.starts_with(kBelow);
  if (is_below) pattern.remove_prefix(kBelow.size());
  bool is_address = false;
  const StatusOr<std::string> host = net::NormalHost(pattern, is_address);
  if (!host.ok() || (is_below && is_address)) return "";
  return (is_below ? std::string(kBelow) : std::string()) + *host;
}

bool Covers(std::string_view pattern, const net::HttpUri& uri) {
  if (pattern == "*") return true;
  if (!pattern.starts_with(kBelow)) return pattern == uri.host;
  const std::string_view suffix = pattern.substr(1);  // ".example.com"
  return !uri.host_is_address && uri.host.size() > suffix.size() && uri.host.ends_with(suffix);
}

bool CoversHost(const HttpSource& source, const net::HttpUri& uri) {
  return std::ranges::any_of(source.hosts,
                             [&](const std::string& host) { return Covers(NormalPattern(host), uri); });
}

bool HasScheme(const HttpSource& source, net::Scheme scheme) {
  return std::ranges::find(source.schemes, net::ToString(scheme)) != source.schemes.end();
}

bool HasPort(const HttpSource& source, const net::HttpUri& uri) {
  if (source.ports.empty()) return uri.port == net::DefaultPort(uri.scheme);
  return std::ranges::find(source.ports, std::to_string(uri.port)) != source.ports.end();
}

bool IsPort(const std::string& text) {
  const StatusOr<net::HttpUri> uri = net::ParseHttpUri("http://host:" + text);
  return uri.ok() && std::to_string(uri->port) == text;
}

class Check {
 public:
  std::vector<std::string> problems;

  void Of(const HttpSource& source) {
    Name("source.http", source.name);
    for (const std::string& host : source.hosts) {
      if (NormalPattern(host).empty()) {
        Add("source.http.hosts", source.name,
            fmt::format("'{}' is no host: a name, *.name, or an address", host));
      }
    }
    if (source.allow_private && std::ranges::find(source.hosts, "*") != source.hosts.end()) {
      Add("source.http.allow_private", source.name,
          "with hosts = [\"*\"] anybody could reach everything in the private network; name the hosts");
    }
    for (const std::string& port : source.ports) {
      if (!IsPort(port)) Add("source.http.ports", source.name, fmt::format("'{}' is no port", port));
    }
    if (!source.authorization_file.empty() && !HasScheme(source, net::Scheme::kHttps)) {
      Add("source.http.authorization_file", source.name, "it is sent by https only, and schemes lacks it");
    }
  }

  void Of(const S3Source& source) {
    Name("source.s3", source.name);
    const StatusOr<net::HttpUri> endpoint = net::ParseHttpUri(source.endpoint);
    if (!endpoint.ok()) {
      Add("source.s3.endpoint", source.name, Message(endpoint.status()));
    } else if (endpoint->target != "/") {
      Add("source.s3.endpoint", source.name, "it has a path or query; write scheme, host and port only");
    } else if (endpoint->host_is_address && !source.path_style) {
      Add("source.s3.path_style", source.name, "an endpoint that is an address needs path_style = true");
    }
    if (!IsName(source.region)) Add("source.s3.region", source.name, "it is no region");
    if (source.access_key_id_file.empty() != source.secret_access_key_file.empty()) {
      Add("source.s3.access_key_id_file", source.name, "it and secret_access_key_file: give both or neither");
    }
    if (!source.session_token_file.empty() && source.access_key_id_file.empty()) {
      Add("source.s3.session_token_file", source.name, "it needs access_key_id_file");
    }
    for (const std::string& bucket : source.buckets) {
      if (!buckets_.insert(bucket).second) {
        Add("source.s3.buckets", source.name, fmt::format("'{}' is named twice", bucket));
      }
    }
  }

 private:
  void Add(std::string_view key, std::string_view name, std::string_view what) {
    problems.push_back(fmt::format("{} of '{}': {}", key, name, what));
  }

  void Name(std::string_view array, const std::string& name) {
    if (!IsName(name)) Add(fmt::format("{}.name", array), name, "1 to 64 letters, digits, '-' and '_'");
    if (!names_.insert(fmt::format("{}/{}", array, name)).second) {
      Add(fmt::format("{}.name", array), name, "it is taken");
    }
  }

  std::set<std::string> names_, buckets_;
};

Status Deny(std::string_view message, std::string_view reason) {
  return MakeError(StatusCode::kPermissionDenied, message, reason);
}

}  // namespace

std::vector<std::string> ProblemsOf(const Config& config) {
  Check check;
  for (const HttpSource& source : config.http) check.Of(source);
  for (const S3Source& source : config.s3) check.Of(source);
  return std::move(check.problems);
}

StatusOr<const HttpSource*> FindSource(const std::vector<HttpSource>& sources, const net::HttpUri& uri) {
  const auto source =
      std::ranges::find_if(sources, [&](const HttpSource& one) { return CoversHost(one, uri); });
  if (source == sources.end()) {
    return Deny(sources.empty() ? "http:// and https:// are off: there is no [[source.http]]"
                                : "no [[source.http]] names the host",
                "HOST_NOT_ALLOWED");
  }
  if (!HasScheme(*source, uri.scheme)) {
    return Deny(fmt::format("source '{}' does not allow {}", source->name, net::ToString(uri.scheme)),
                "SCHEME_NOT_ALLOWED");
  }
  if (!HasPort(*source, uri)) {
    return Deny(fmt::format("source '{}' does not allow port {}", source->name, uri.port),
                "PORT_NOT_ALLOWED");
  }
  return &*source;
}

StatusOr<const S3Source*> FindSource(const std::vector<S3Source>& sources, std::string_view bucket) {
  for (const std::string_view name : {bucket, std::string_view("*")}) {
    for (const S3Source& source : sources) {
      if (std::ranges::find(source.buckets, name) != source.buckets.end()) return &source;
    }
  }
  return Deny(
      sources.empty() ? "s3:// is off: there is no [[source.s3]]" : "no [[source.s3]] names the bucket",
      "BUCKET_NOT_ALLOWED");
}

}  // namespace tamiz::source
