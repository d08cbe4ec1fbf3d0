// Every metric of Tamiz, declared once; listed in docs/METRICS.md, held by a golden test.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace prometheus {
class Registry;
}

namespace tamiz::metrics {

enum class Stage { kQueue, kFetch, kDecode, kHash, kMatch, kTotal };

// The closed sets of label values. Their series exist from the start, with zero. Another value is counted as
// kOther, so that whatever a caller passes the number of series is bounded. Incomplete reasons are those of
// media::IncompleteCode.
inline constexpr std::string_view kOther = "OTHER";
inline constexpr std::array<std::string_view, 4> kVerdicts = {"MATCH", "POSSIBLE_MATCH", "INCOMPLETE",
                                                              "NO_KNOWN_MATCH"};
// gRPC's codes, and RECORD_LOST: answered, but the match could not be recorded.
inline constexpr std::array<std::string_view, 17> kScanErrors = {
    "CANCELLED",          "UNKNOWN",        "INVALID_ARGUMENT",  "DEADLINE_EXCEEDED",
    "NOT_FOUND",          "ALREADY_EXISTS", "PERMISSION_DENIED", "ABORTED",
    "OUT_OF_RANGE",       "UNIMPLEMENTED",  "INTERNAL",          "UNAVAILABLE",
    "RESOURCE_EXHAUSTED", "DATA_LOSS",      "UNAUTHENTICATED",   "RECORD_LOST",
    "FAILED_PRECONDITION"};
inline constexpr std::array<std::string_view, 3> kCloserLookOutcomes = {"finished", "cut_off", "failed"};
inline constexpr std::array<std::string_view, 6> kDecoderExits = {"finished", "crashed",      "seccomp",
                                                                  "timeout",  "memory_limit", "cancelled"};
inline constexpr std::array<std::string_view, 8> kRefusals = {
    "CALLS_IN_FLIGHT", "SCAN_QUEUE_FULL",        "BYTE_BUDGET",           "DRAINING",
    "IO_QUEUE_FULL",   "QUOTA_CALLS_PER_SECOND", "QUOTA_CALLS_IN_FLIGHT", "QUOTA_BYTES_PER_SECOND"};
// Callers without a name: everybody where no principals are configured, and whoever is none of them where
// some are.
inline constexpr std::string_view kAnonymous = "anonymous";
inline constexpr std::string_view kUnauthenticated = "unauthenticated";
inline constexpr std::array<std::string_view, 3> kCallOutcomes = {"admitted", "denied", "over_quota"};
inline constexpr std::array<std::string_view, 4> kSyncOutcomes = {"changed", "unchanged", "waiting",
                                                                  "failed"};
inline constexpr std::array<std::string_view, 4> kFetchSchemes = {"file", "http", "https", "s3"};
inline constexpr std::array<std::string_view, 9> kFetchOutcomes = {"ok",          "too_large", "bad_uri",
                                                                   "refused",     "not_found", "unavailable",
                                                                   "no_capacity", "deadline",  "cancelled"};
inline constexpr std::array<std::string_view, 12> kSandboxLayers = {
    "seccomp",           "no_new_privs",        "not_dumpable",  "no_capabilities",
    "rlimits",           "address_space_limit", "landlock",      "user_namespace",
    "network_namespace", "ipc_namespace",       "uts_namespace", "mount_namespace"};

// Counts and gauges. Thread-safe. Label values are closed sets or names that an operator chose (lists).
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Its Collect() first brings the process's own gauges (process_*) up to date and calls OnCollect's
  // function. It may outlive this object.
  [[nodiscard]] std::shared_ptr<prometheus::Registry> registry() const;
  // Everything in Prometheus's text format, version 0.0.4.
  [[nodiscard]] std::string Text() const;
  // Called before each collection, on the collecting thread, to pass readings that nobody counts (Load). Not
  // while another thread collects; set it to nullptr before what it uses goes away.
  void OnCollect(std::function<void()> refresh);

  void ScanFinished(std::string_view verdict);                      // tamiz_scans_total{verdict}
  void ScanFailed(std::string_view code);                           // tamiz_scan_errors_total{code}
  void Incomplete(std::string_view reason);                         // tamiz_incomplete_total{reason}
  void StageTook(Stage stage, std::chrono::microseconds);           // tamiz_stage_duration_seconds{stage}
  void Fetched(std::string_view scheme, std::string_view outcome);  // tamiz_fetches_total{scheme,outcome}
  void UploadBytes(std::uint64_t bytes);                            // tamiz_upload_bytes_total
  void Frames(std::uint64_t decoded, std::uint64_t hashed,
              std::uint64_t low_quality);                      // tamiz_frames_total{state}
  void CloserLook(std::string_view outcome);                   // tamiz_closer_looks_total{outcome}
  void DecoderExit(std::string_view reason);                   // tamiz_decoder_exits_total{reason}
  void Matched(std::string_view list, std::string_view mode);  // tamiz_matches_total{list,mode}
  // tamiz_near_misses_total: put to a person, and of too little confidence for that.
  void NearMisses(std::string_view list, std::uint32_t review, std::uint32_t dropped);
  void Suppressed(std::uint32_t matches);  // tamiz_matches_suppressed_total
  void Refused(std::string_view reason);   // tamiz_refusals_total{reason}
  // The callers that PrincipalCall names, beside "anonymous" and "unauthenticated". Series of those that are
  // not among them go.
  void Principals(std::span<const std::string> names);
  void PrincipalCall(std::string_view principal,
                     std::string_view outcome);  // tamiz_principal_calls_total{principal,outcome}
  // tamiz_scans_in_flight, tamiz_queue_depth{lane}, tamiz_upload_bytes_in_flight
  void Load(std::uint32_t running, std::uint32_t queued_live, std::uint32_t queued_bulk, std::uint64_t bytes);
  // tamiz_list_version{list}, tamiz_list_entries{list}, tamiz_list_updated_timestamp_seconds{list},
  // tamiz_list_index_bytes{list}, tamiz_list_build_duration_seconds{list}
  void ListLoaded(std::string_view list, std::uint64_t version, std::uint64_t entries,
                  std::uint64_t index_bytes, std::chrono::system_clock::time_point updated,
                  std::chrono::microseconds build);
  // tamiz_list_complete_timestamp_seconds{list}, of lists that ListState knows
  void ListComplete(std::string_view list, std::chrono::system_clock::time_point at);
  // tamiz_list_delta_entries{list}, tamiz_list_suspect_hashes{list,kind}
  void ListState(std::string_view list, std::uint64_t delta_entries, std::uint64_t flat,
                 std::uint64_t low_quality, std::uint64_t shared);
  void BreakerTripped(bool whole_list);  // tamiz_breaker_trips_total{scope}
  // Of files and streams of entries, also of those that change nothing (dry runs, refusals).
  void ImportBytes(std::uint64_t bytes);  // tamiz_import_bytes_total
  void ImportRows(std::uint64_t taken, std::uint64_t rejected,
                  std::uint64_t skipped);  // tamiz_import_rows_total{outcome}
  // Removes every series of the list, its matches too.
  void ListGone(std::string_view list);
  // tamiz_exchange_syncs_total{exchange,outcome} if there is an outcome,
  // tamiz_exchange_last_success_timestamp_seconds{exchange} (0: never),
  // tamiz_exchange_skipped_total{exchange}
  void Synced(std::string_view exchange, std::string_view outcome,
              std::optional<std::chrono::system_clock::time_point> last_success, std::uint64_t skipped);
  // tamiz_exchange_change_pending{exchange}
  void ExchangePending(std::string_view exchange, bool is_pending);
  // Removes every series of the exchange.
  void ExchangeGone(std::string_view exchange);
  // tamiz_selftest_last_success_timestamp_seconds, tamiz_selftest_runs_total{result}
  void SelfTested(bool passed, std::chrono::system_clock::time_point at);
  void Rpc(std::string_view method, std::string_view code,
           std::chrono::microseconds);  // tamiz_rpc_duration_seconds{method,code}
  void TlsCertificate(
      std::chrono::system_clock::time_point expiry);  // tamiz_tls_certificate_expiry_timestamp_seconds
  void TlsReloaded(bool succeeded);                   // tamiz_tls_reloads_total{result}
  void SandboxLayer(std::string_view layer);          // tamiz_sandbox_layer_active{layer} 1
  void BuildInfo(std::string_view version);           // tamiz_build_info{version} 1
  // tamiz_store_usable, tamiz_records_waiting
  void StoreState(bool usable, std::uint64_t records_waiting);

 private:
  struct Families;
  std::shared_ptr<Families> families_;
};

}  // namespace tamiz::metrics
