// One Config per module, aggregated. The commented file deploy/tamiz.toml is compiled in and is the defaults.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/exchange/config.h"
#include "core/sandbox/decoder_pool.h"
#include "core/scan/scanner.h"
#include "core/source/upload.h"
#include "core/store/config.h"
#include "core/work/admission.h"

namespace tamiz::config {

struct ServerConfig {
  // Where gRPC listens, host:port ([host]:port for IPv6) or unix:PATH. Port 0 picks one.
  std::string listen = "127.0.0.1:50051";
  // Where /metrics and /healthz are served; empty: nowhere.
  std::string metrics_listen = "127.0.0.1:9464";
  // Without TLS, refuse to listen on anything but loopback unless this is set.
  bool allow_insecure_non_loopback = false;
  // PEM files; the first two both or neither. `tls_client_ca_file` asks clients for certificates.
  std::string tls_certificate_file, tls_key_file, tls_client_ca_file;
  // With `tls_client_ca_file`: "require" refuses connections without a certificate, "optional" takes them,
  // for clients that show a token.
  std::string tls_client_certificates = "require";
  // Largest message, bytes. Range 64 KiB … 1 GiB.
  std::uint64_t max_message_bytes = 64ull << 20;
  // Metadata of one call, bytes. Range 4 KiB … 1 MiB.
  std::uint64_t max_metadata_bytes = 16ull << 10;
  // Memory that gRPC may use for what comes in, bytes. Range 64 MiB … 64 GiB.
  std::uint64_t transport_memory_bytes = 512ull << 20;
  // Calls at one time, of all clients; those of AdminService do not count. Range 1 … 1 000 000.
  std::uint32_t max_calls_in_flight = 4096;
  // Longest that a call may take, whatever its own deadline. Range 1 s … 24 h.
  std::chrono::milliseconds max_call_time = std::chrono::hours(1);
  // Longest that a stream may wait for its client's next message. Range 100 ms … 1 h.
  std::chrono::milliseconds stream_idle_time = std::chrono::minutes(1);
  // Of connections: time for TLS and the first frame; pings to a silent peer and how long to wait for their
  // answer; without a call; in all, and then for calls to end. 0 for the last but one and the one before it:
  // no limit.
  std::chrono::milliseconds handshake_time = std::chrono::seconds(10);
  std::chrono::milliseconds keepalive_time = std::chrono::minutes(1);
  std::chrono::milliseconds keepalive_timeout = std::chrono::seconds(20);
  std::chrono::milliseconds max_connection_idle = std::chrono::minutes(30);
  std::chrono::milliseconds max_connection_age = std::chrono::hours(12);
  std::chrono::milliseconds max_connection_age_grace = std::chrono::hours(1);
  // How long a shutdown waits for running scans. Range 0 … 10 min.
  std::chrono::milliseconds drain_time = std::chrono::seconds(30);
  // Server reflection, for grpcurl and the like.
  bool reflection = true;
};

// Who may call, what, and how much of it. A principal is known by tokens, by certificates, or by both.
struct PrincipalConfig {
  std::string name;  // in logs and metrics; a-z, 0-9, '-', '_', '.'
  // SHA-256 of each token that it may show, in hexadecimal. Several while one takes over from another.
  std::vector<std::string> token_sha256;
  // Names in its certificates: "uri:…", "dns:…" (subject alternative names) or "cn:…".
  std::vector<std::string> certificates;
  std::vector<std::string> roles;  // of kRoles
  // Quotas; 0: none. Range each 0 … 1 000 000, bytes 0 … 1 TiB.
  std::uint32_t max_calls_per_second = 0;
  std::uint32_t max_calls_in_flight = 0;
  std::uint64_t max_bytes_per_second = 0;  // of uploads and imports
};

// What a principal may do; which method needs which role: server/authorization.
inline constexpr std::array<std::string_view, 5> kRoles = {"scan", "lists.read", "lists.write", "export",
                                                           "admin"};

struct AuthConfig {
  // With TLS and neither principals nor client certificates, refuse to listen on anything but loopback unless
  // this is set.
  bool allow_anonymous_non_loopback = false;
  // None: whoever reaches the port may call everything.
  std::vector<PrincipalConfig> principals;
};

struct ListsConfig {
  // Largest share of rejected rows that an import may have. Range 0 … 1.
  double max_rejected_share = 0.1;
  // Whether ExportEntries answers.
  bool allow_export = true;
  // Whether lists are saved as they are in memory, in data_dir/snapshots, so that a start need not index
  // them.
  bool save_snapshots = true;
  // Versions of each list that are kept; older ones are deleted with the next change. 0: all. Range 0 …
  // 1000000.
  std::uint64_t keep_versions = 0;
};

struct SelfTestConfig {
  // Time between self-tests; 0: only at start, after each swap and when asked. Range 0 … 24 h.
  std::chrono::seconds interval = std::chrono::minutes(5);
};

struct LogConfig {
  std::string level = "info";  // debug, info, warn, error
};

struct Config {
  std::string data_dir = "var";  // database and spool files
  ServerConfig server;
  AuthConfig auth;
  store::Config store;
  source::Config source;
  sandbox::Config decode;
  work::AdmissionConfig admission;
  scan::Config scan;
  ListsConfig lists;
  exchange::Config exchange;
  SelfTestConfig self_test;
  LogConfig log;
};

// One option as given on the command line or in the environment.
struct Override {
  std::string key;     // "server.listen"
  std::string value;   // TOML value or bare text
  std::string origin;  // "--listen" or "TAMIZ__SERVER__LISTEN", for messages
};

// INVALID_ARGUMENT, with the remedies, if other machines could reach the service as it is told to listen and
// nothing keeps them from reading and changing lists. Load checks it too.
[[nodiscard]] Status CheckExposure(const Config& config);

// Compiled-in defaults < `file` (empty: none) < environment (TAMIZ__SECTION__KEY) < flags. INVALID_ARGUMENT
// names file and line (or variable, or flag), key, value and the allowed range, unknown keys too; one line of
// the message for each problem found. An empty source.spool_dir becomes data_dir.
[[nodiscard]] StatusOr<Config> Load(const std::string& file, const std::vector<Override>& environment,
                                    const std::vector<Override>& flags);
// TAMIZ__* of the process's environment.
[[nodiscard]] std::vector<Override> FromEnvironment();
// The compiled-in file, comments and all.
[[nodiscard]] std::string_view DefaultFile();
// The configuration in force as TOML.
[[nodiscard]] std::string Print(const Config& config);
// Keys whose values differ, in the order of the default file; an array of tables counts as one key
// ("source.s3").
[[nodiscard]] std::vector<std::string> Difference(const Config& a, const Config& b);
// Whether `listen` (host:port or unix:PATH) can be reached from this machine only. Names other than localhost
// are not resolved and count as reachable from elsewhere.
[[nodiscard]] bool IsLoopback(std::string_view listen);

}  // namespace tamiz::config
