#include "core/config/keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <numeric>
#include <type_traits>

namespace tamiz::config {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::uint64_t kKiB = 1ull << 10, kMiB = 1ull << 20, kGiB = 1ull << 30, kTiB = 1ull << 40;
constexpr std::array<std::string_view, 3> kPresets = {"exact", "adaptive", "fast"};
constexpr std::array<std::string_view, 2> kEngines = {"sqlite", "postgresql"};
constexpr std::array<std::string_view, 6> kTlsModes = {"auto",    "disable",   "prefer",
                                                       "require", "verify-ca", "verify-full"};
constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kClientCertificates = {"require", "optional"};
constexpr std::array<std::string_view, 2> kHttpSchemes = {"https", "http"};

// The field that pointers to members lead to; through an array it is the first element's.
template <auto Section, auto Member>
auto& At(Config& config) {
  return (config.*Section).*Member;
}
template <auto Section, auto Elements, auto Member>
auto& At(Config& config) {
  return ((config.*Section).*Elements).front().*Member;
}
template <auto... Path>
using FieldAt = std::remove_reference_t<decltype(At<Path...>(std::declval<Config&>()))>;

// The accessors serve reading and writing; nothing is written here.
template <auto... Path>
const FieldAt<Path...>& Read(const Config& config) {
  return At<Path...>(const_cast<Config&>(config));
}

template <auto... Path>
Key Text(std::string_view name, std::span<const std::string_view> choices = {}) {
  return {.name = name, .kind = Kind::kText, .field = TextField(&At<Path...>), .choices = choices};
}

template <auto... Path>
Key Texts(std::string_view name, std::span<const std::string_view> choices = {}) {
  return {.name = name, .kind = Kind::kTexts, .field = TextsField(&At<Path...>), .choices = choices};
}

template <auto... Path>
Key Flag(std::string_view name) {
  return {.name = name, .kind = Kind::kFlag, .field = FlagField(&At<Path...>)};
}

template <auto... Path>
Key Share(std::string_view name) {
  return {.name = name, .kind = Kind::kShare, .field = ShareField(&At<Path...>)};
}

template <auto... Path>
Key Number(std::string_view name, Kind kind, std::uint64_t min, std::uint64_t max) {
  using Field = FieldAt<Path...>;
  static_assert(std::is_unsigned_v<Field>);
  return {.name = name,
          .kind = kind,
          .field = NumberField{[](const Config& c) -> std::uint64_t { return Read<Path...>(c); },
                               [](Config& c, std::uint64_t v) { At<Path...>(c) = static_cast<Field>(v); }},
          .min = min,
          .max = max};
}

template <auto... Path>
Key Count(std::string_view name, std::uint64_t min, std::uint64_t max) {
  return Number<Path...>(name, Kind::kCount, min, max);
}

template <auto... Path>
Key Bytes(std::string_view name, std::uint64_t min, std::uint64_t max) {
  return Number<Path...>(name, Kind::kBytes, min, max);
}

template <auto... Path>
Key Time(std::string_view name, milliseconds min, milliseconds max) {
  using Field = FieldAt<Path...>;
  return {.name = name,
          .kind = Kind::kTime,
          .field = NumberField{[](const Config& c) {
                                 return static_cast<std::uint64_t>(milliseconds(Read<Path...>(c)).count());
                               },
                               [](Config& c, std::uint64_t v) {
                                 At<Path...>(c) = std::chrono::duration_cast<Field>(milliseconds(v));
                               }},
          .min = static_cast<std::uint64_t>(min.count()),
          .max = static_cast<std::uint64_t>(max.count()),
          .step = static_cast<std::uint64_t>(milliseconds(Field(1)).count())};
}

Key Required(Key key) {
  key.is_required = true;
  return key;
}

template <auto Section, auto Elements>
Array Tables(std::string_view name, std::vector<Key> keys) {
  return {.name = name,
          .keys = std::move(keys),
          .size = [](const Config& c) { return ((c.*Section).*Elements).size(); },
          .only =
              [](const Config& c, std::size_t item) {
                const auto& from = (c.*Section).*Elements;
                Config one;
                ((one.*Section).*Elements).resize(1);
                if (item < from.size()) ((one.*Section).*Elements).front() = from[item];
                return one;
              },
          .append =
              [](Config& c, const Config& of) {
                ((c.*Section).*Elements).push_back(((of.*Section).*Elements).front());
              }};
}

const std::vector<Key>& Table() {
  using Server = ServerConfig;
  using Store = store::Config;
  using Source = source::Config;
  using Decode = sandbox::Config;
  using Admission = work::AdmissionConfig;
  using Scan = scan::Config;
  constexpr auto kServer = &Config::server;
  constexpr auto kStore = &Config::store;
  constexpr auto kSource = &Config::source;
  constexpr auto kDecode = &Config::decode;
  constexpr auto kAdmission = &Config::admission;
  using Exchange = exchange::Config;
  constexpr auto kScan = &Config::scan;
  constexpr auto kExchange = &Config::exchange;
  static const std::vector<Key> table = {
      {.name = "data_dir", .kind = Kind::kText, .field = TextField([](Config& c) -> std::string& {
                                                  return c.data_dir;
                                                })},

      Text<kServer, &Server::listen>("server.listen"),
      Text<kServer, &Server::metrics_listen>("server.metrics_listen"),
      Flag<kServer, &Server::allow_insecure_non_loopback>("server.allow_insecure_non_loopback"),
      Text<kServer, &Server::tls_certificate_file>("server.tls_certificate_file"),
      Text<kServer, &Server::tls_key_file>("server.tls_key_file"),
      Text<kServer, &Server::tls_client_ca_file>("server.tls_client_ca_file"),
      Text<kServer, &Server::tls_client_certificates>("server.tls_client_certificates", kClientCertificates),
      Bytes<kServer, &Server::max_message_bytes>("server.max_message_bytes", 64 * kKiB, kGiB),
      Bytes<kServer, &Server::max_metadata_bytes>("server.max_metadata_bytes", 4 * kKiB, kMiB),
      Bytes<kServer, &Server::transport_memory_bytes>("server.transport_memory_bytes", 64 * kMiB, 64 * kGiB),
      Count<kServer, &Server::max_calls_in_flight>("server.max_calls_in_flight", 1, 1'000'000),
      Time<kServer, &Server::max_call_time>("server.max_call_time", 1s, 24h),
      Time<kServer, &Server::stream_idle_time>("server.stream_idle_time", 100ms, 1h),
      Time<kServer, &Server::handshake_time>("server.handshake_time", 1s, 5min),
      Time<kServer, &Server::keepalive_time>("server.keepalive_time", 1s, 24h),
      Time<kServer, &Server::keepalive_timeout>("server.keepalive_timeout", 1s, 10min),
      Time<kServer, &Server::max_connection_idle>("server.max_connection_idle", 0s, 168h),
      Time<kServer, &Server::max_connection_age>("server.max_connection_age", 0s, 168h),
      Time<kServer, &Server::max_connection_age_grace>("server.max_connection_age_grace", 1s, 168h),
      Time<kServer, &Server::drain_time>("server.drain_time", 0s, 10min),
      Flag<kServer, &Server::reflection>("server.reflection"),

      Flag<&Config::auth, &AuthConfig::allow_anonymous_non_loopback>("auth.allow_anonymous_non_loopback"),
      Text<kStore, &Store::engine>("store.engine", kEngines),
      Text<kStore, &Store::url>("store.url"),
      Text<kStore, &Store::password_file>("store.password_file"),
      Text<kStore, &Store::tls>("store.tls", kTlsModes),
      Text<kStore, &Store::tls_ca_file>("store.tls_ca_file"),
      Text<kStore, &Store::tls_certificate_file>("store.tls_certificate_file"),
      Text<kStore, &Store::tls_key_file>("store.tls_key_file"),
      Text<kStore, &Store::schema>("store.schema"),
      Count<kStore, &Store::pool_size>("store.pool_size", 1, 100),
      Time<kStore, &Store::connect_timeout>("store.connect_timeout", 1s, 1min),
      Time<kStore, &Store::statement_timeout>("store.statement_timeout", 100ms, 10min),
      Time<kStore, &Store::change_timeout>("store.change_timeout", 1s, 24h),
      Time<kStore, &Store::start_timeout>("store.start_timeout", 0s, 1h),
      Time<kStore, &Store::poll_interval>("store.poll_interval", 50ms, 1min),

      Bytes<kSource, &Source::max_bytes>("source.max_bytes", kKiB, 64 * kGiB),
      Bytes<kSource, &Source::max_bytes_in_flight>("source.max_bytes_in_flight", kMiB, kTiB),
      Bytes<kSource, &Source::spool_bytes>("source.spool_bytes", 64 * kKiB, 64 * kGiB),
      Text<kSource, &Source::spool_dir>("source.spool_dir"),
      Texts<kSource, &Source::file_roots>("source.file_roots"),
      Time<kSource, &Source::fetch_time>("source.fetch_time", 100ms, 1h),
      Time<kSource, &Source::connect_time>("source.connect_time", 100ms, 5min),
      Bytes<kSource, &Source::slow_bytes>("source.slow_bytes", 1, kGiB),
      Time<kSource, &Source::slow_time>("source.slow_time", 1s, 10min),
      Count<kSource, &Source::max_redirects>("source.max_redirects", 0, 10),
      Count<kSource, &Source::max_attempts>("source.max_attempts", 1, 10),

      Text<kDecode, &Decode::program>("decode.program"),
      Time<kDecode, &Decode::wall_time>("decode.wall_time", 100ms, 1h),
      Time<kDecode, &Decode::cpu_time>("decode.cpu_time", 1s, 1h),
      Time<kDecode, &Decode::still_cpu_time>("decode.still_cpu_time", 1s, 1h),
      Bytes<kDecode, &Decode::memory_bytes>("decode.memory_bytes", 64 * kMiB, 64 * kGiB),
      Count<kDecode, &Decode::max_frame_pixels>("decode.max_frame_pixels", 1, 1ull << 30),
      Count<kDecode, &Decode::max_dimension>("decode.max_dimension", 1, 65535),
      Count<kDecode, &Decode::max_total_pixels>("decode.max_total_pixels", 1, 1ull << 50),
      Count<kDecode, &Decode::max_packets>("decode.max_packets", 1, 1ull << 40),
      Count<kDecode, &Decode::decoder_threads>("decode.decoder_threads", 0, 64),
      Count<kDecode, &Decode::spare_decoders>("decode.spare_decoders", 0, 64),
      Bytes<kDecode, &Decode::prepared_bytes>("decode.prepared_bytes", 0, kGiB),
      Count<kDecode, &Decode::frame_slots>("decode.frame_slots", 1, 16),
      Texts<kDecode, &Decode::required_layers>("decode.required_layers"),

      Count<kAdmission, &Admission::max_running>("admission.max_running", 0, 1024),
      Count<kAdmission, &Admission::max_queued>("admission.max_queued", 0, 100'000),
      Count<kAdmission, &Admission::max_queued_bulk>("admission.max_queued_bulk", 0, 100'000),

      Texts<kScan, &Scan::disabled_formats>("scan.disabled_formats"),
      Count<kScan, &Scan::max_frames>("scan.max_frames", 1, 1'000'000),
      Text<kScan, &Scan::sampling>("scan.sampling", kPresets),
      Time<kScan, &Scan::interval>("scan.interval", 10ms, 1h),
      Flag<kScan, &Scan::closer_look>("scan.closer_look"),
      Time<kScan, &Scan::time_budget>("scan.time_budget", 100ms, 1h),
      Time<kScan, &Scan::idempotency_ttl>("scan.idempotency_ttl", 0s, 24h),
      Flag<kScan, &Scan::record_matches>("scan.record_matches"),
      Count<kScan, &Scan::record_days>("scan.record_days", 1, 3650),
      Text<kScan, &Scan::calibration_file>("scan.calibration_file"),

      Share<&Config::lists, &ListsConfig::max_rejected_share>("lists.max_rejected_share"),
      Flag<&Config::lists, &ListsConfig::allow_export>("lists.allow_export"),
      Flag<&Config::lists, &ListsConfig::save_snapshots>("lists.save_snapshots"),
      Count<&Config::lists, &ListsConfig::keep_versions>("lists.keep_versions", 0, 1'000'000),

      Text<kExchange, &Exchange::secrets_dir>("exchange.secrets_dir"),
      Flag<kExchange, &Exchange::allow_private>("exchange.allow_private"),
      Text<kExchange, &Exchange::ca_file>("exchange.ca_file"),
      Time<kExchange, &Exchange::request_time>("exchange.request_time", 1s, 10min),
      Count<kExchange, &Exchange::max_attempts>("exchange.max_attempts", 1, 10),
      Share<kExchange, &Exchange::max_change_share>("exchange.max_change_share"),
      Count<kExchange, &Exchange::min_guarded_entries>("exchange.min_guarded_entries", 0, 1'000'000'000),

      Time<&Config::self_test, &SelfTestConfig::interval>("self_test.interval", 0s, 24h),

      Text<&Config::log, &LogConfig::level>("log.level", kLogLevels),
  };
  return table;
}

const std::vector<Array>& ArrayTable() {
  using Source = source::Config;
  using Http = source::HttpSource;
  using S3 = source::S3Source;
  constexpr auto kSource = &Config::source;
  constexpr auto kHttp = &Source::http;
  constexpr auto kS3 = &Source::s3;
  using Principal = PrincipalConfig;
  constexpr auto kAuth = &Config::auth;
  constexpr auto kPrincipals = &AuthConfig::principals;
  static const std::vector<Array> table = {
      Tables<kAuth, kPrincipals>(
          "auth.principal",
          {Required(Text<kAuth, kPrincipals, &Principal::name>("auth.principal.name")),
           Texts<kAuth, kPrincipals, &Principal::token_sha256>("auth.principal.token_sha256"),
           Texts<kAuth, kPrincipals, &Principal::certificates>("auth.principal.certificates"),
           Required(Texts<kAuth, kPrincipals, &Principal::roles>("auth.principal.roles", kRoles)),
           Count<kAuth, kPrincipals, &Principal::max_calls_per_second>("auth.principal.max_calls_per_second",
                                                                       0, 1'000'000),
           Count<kAuth, kPrincipals, &Principal::max_calls_in_flight>("auth.principal.max_calls_in_flight", 0,
                                                                      1'000'000),
           Bytes<kAuth, kPrincipals, &Principal::max_bytes_per_second>("auth.principal.max_bytes_per_second",
                                                                       0, kTiB)}),
      Tables<kSource, kHttp>(
          "source.http",
          {
              Required(Text<kSource, kHttp, &Http::name>("source.http.name")),
              Required(Texts<kSource, kHttp, &Http::hosts>("source.http.hosts")),
              Texts<kSource, kHttp, &Http::schemes>("source.http.schemes", kHttpSchemes),
              Texts<kSource, kHttp, &Http::ports>("source.http.ports"),
              Flag<kSource, kHttp, &Http::allow_private>("source.http.allow_private"),
              Text<kSource, kHttp, &Http::ca_file>("source.http.ca_file"),
              Text<kSource, kHttp, &Http::authorization_file>("source.http.authorization_file"),
          }),
      Tables<kSource, kS3>(
          "source.s3",
          {
              Required(Text<kSource, kS3, &S3::name>("source.s3.name")),
              Required(Text<kSource, kS3, &S3::endpoint>("source.s3.endpoint")),
              Text<kSource, kS3, &S3::region>("source.s3.region"),
              Required(Texts<kSource, kS3, &S3::buckets>("source.s3.buckets")),
              Text<kSource, kS3, &S3::access_key_id_file>("source.s3.access_key_id_file"),
              Text<kSource, kS3, &S3::secret_access_key_file>("source.s3.secret_access_key_file"),
              Text<kSource, kS3, &S3::session_token_file>("source.s3.session_token_file"),
              Flag<kSource, kS3, &S3::path_style>("source.s3.path_style"),
              Flag<kSource, kS3, &S3::allow_private>("source.s3.allow_private"),
              Text<kSource, kS3, &S3::ca_file>("source.s3.ca_file"),
          }),
  };
  return table;
}

std::string BytesText(std::uint64_t bytes) {
  constexpr std::pair<std::uint64_t, const char*> kUnits[] = {
      {kTiB, "TiB"}, {kGiB, "GiB"}, {kMiB, "MiB"}, {kKiB, "KiB"}};
  for (const auto& [unit, name] : kUnits) {
    if (bytes != 0 && bytes % unit == 0) return fmt::format("\"{}{}\"", bytes / unit, name);
  }
  return fmt::format("{}", bytes);
}

std::string TimeText(std::uint64_t ms) {
  constexpr std::pair<std::uint64_t, const char*> kUnits[] = {{3'600'000, "h"}, {60'000, "m"}, {1000, "s"}};
  if (ms == 0) return "\"0s\"";
  for (const auto& [unit, name] : kUnits) {
    if (ms % unit == 0) return fmt::format("\"{}{}\"", ms / unit, name);
  }
  return fmt::format("\"{}ms\"", ms);
}

std::string NumberText(Kind kind, std::uint64_t value) {
  if (kind == Kind::kBytes) return BytesText(value);
  if (kind == Kind::kTime) return TimeText(value);
  return fmt::format("{}", value);
}

std::string_view LeafOf(std::string_view name) { return name.substr(name.rfind('.') + 1); }

// Insertions, deletions, substitutions (Levenshtein 1966).
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const Key> AllKeys() { return Table(); }

std::span<const Array> AllArrays() { return ArrayTable(); }

const Array* FindArray(std::string_view name) {
  const auto found = std::ranges::find(ArrayTable(), name, &Array::name);
  return found == ArrayTable().end() ? nullptr : &*found;
}

const Key* FindKey(std::string_view name) {
  const auto found =
      std::find_if(Table().begin(), Table().end(), [&](const Key& key) { return key.name == name; });
  return found == Table().end() ? nullptr : &*found;
}

const Key* NearestKey(std::string_view name) {
  const Key* nearest = nullptr;
  std::size_t best = std::max<std::size_t>(2, name.size() / 4) + 1;
  const auto consider = [&](const std::vector<Key>& keys) {
    for (const Key& key : keys) {
      // The right key in the wrong section is as near as one wrong letter.
      std::size_t distance = EditDistance(name, key.name);
      if (LeafOf(name) == LeafOf(key.name)) distance = std::min<std::size_t>(distance, 1);
      if (distance < best) {
        best = distance;
        nearest = &key;
      }
    }
  };
  consider(Table());
  for (const Array& array : ArrayTable()) consider(array.keys);
  return nearest;
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted.push_back('\\');
      quoted.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + '"';
}

std::string ValueText(const Key& key, const Config& config) {
  Config& c =
      const_cast<Config&>(config);  // the accessors serve reading and writing; nothing is written here
  switch (key.kind) {
    case Kind::kText:
      return Quoted(std::get<TextField>(key.field)(c));
    case Kind::kTexts: {
      std::vector<std::string> quoted;
      for (const std::string& text : std::get<TextsField>(key.field)(c)) quoted.push_back(Quoted(text));
      return fmt::format("[{}]", fmt::join(quoted, ", "));
    }
    case Kind::kFlag:
      return std::get<FlagField>(key.field)(c) ? "true" : "false";
    case Kind::kCount:
    case Kind::kBytes:
    case Kind::kTime:
      return NumberText(key.kind, std::get<NumberField>(key.field).get(config));
    case Kind::kShare:
      return fmt::format("{}", std::get<ShareField>(key.field)(c));
  }
  return {};
}

namespace {

std::string QuotedChoices(const Key& key) {
  std::vector<std::string> quoted;
  for (const std::string_view choice : key.choices) quoted.push_back(Quoted(choice));
  return fmt::format("{}", fmt::join(quoted, ", "));
}

}  // namespace

std::string RangeText(const Key& key) {
  switch (key.kind) {
    case Kind::kText:
      return key.choices.empty() ? "text" : QuotedChoices(key);
    case Kind::kTexts:
      return key.choices.empty() ? "list of texts" : fmt::format("list of {}", QuotedChoices(key));
    case Kind::kFlag:
      return "true, false";
    case Kind::kCount:
    case Kind::kBytes:
    case Kind::kTime:
      return fmt::format("{} … {}", NumberText(key.kind, key.min), NumberText(key.kind, key.max));
    case Kind::kShare:
      return "0 … 1";
  }
  return {};
}

}  // namespace tamiz::config
