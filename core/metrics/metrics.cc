#include "core/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/mutex.h"
#include "core/media/incomplete.h"
#include "core/metrics/process.h"

namespace tamiz::metrics {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// From a look-up (tenths of a millisecond) to the default time budget.
const Histogram::BucketBoundaries kStageBuckets = {
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 150};
const Histogram::BucketBoundaries kRpcBuckets = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                 0.5,    1,     2.5,    5,     10,   30,    60,   150};
// Methods times codes are far fewer; beyond it something is broken and everything is one series.
constexpr std::size_t kMostRpcSeries = 1000;

constexpr std::array<std::string_view, 6> kStages = {"queue", "fetch", "decode", "hash", "match", "total"};
constexpr std::array<std::string_view, 3> kFrameStates = {"decoded", "hashed", "low_quality"};
constexpr std::array<std::string_view, 2> kBreakerScopes = {"entry", "list"};
constexpr std::array<std::string_view, 3> kImportOutcomes = {"taken", "rejected", "skipped"};
constexpr std::array<std::string_view, 2> kLanes = {"live", "bulk"};
constexpr std::array<std::string_view, 2> kResults = {"passed", "failed"};
constexpr std::array<std::string_view, 2> kReloads = {"succeeded", "failed"};
constexpr std::array<std::string_view, 2> kModes = {"enforce", "shadow"};
constexpr std::array<std::string_view, 2> kNearMisses = {"review", "dropped"};

std::vector<std::string_view> IncompleteReasons() {
  std::vector<std::string_view> names;
  for (const media::IncompleteCode code : media::kAllIncompleteCodes) names.push_back(media::ToString(code));
  return names;
}

double Seconds(std::chrono::microseconds time) { return std::chrono::duration<double>(time).count(); }

double Seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

// One series for each value of a closed set; see kOther.
template <typename T>
class Series {
 public:
  template <typename... Args>
  Series(Family<T>& family, std::string key, std::span<const std::string_view> values, const Args&... args)
      : make_other_([&family, key, args...]() -> T& {
          return family.Add({{key, std::string(kOther)}}, args...);
        }) {
    for (const std::string_view value : values) {
      series_.emplace(value, &family.Add({{key, std::string(value)}}, args...));
    }
  }

  T& Of(std::string_view value) const {
    const auto found = series_.find(value);
    return found != series_.end() ? *found->second : make_other_();
  }

 private:
  std::unordered_map<std::string_view, T*> series_;  // the sets are constants
  std::function<T&()> make_other_;
};

// Refreshes readings before it hands them out.
class RefreshingRegistry final : public prometheus::Registry {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    if (refresh) refresh();
    return prometheus::Registry::Collect();
  }
  std::function<void()> refresh;  // set before the registry is handed out
};

}  // namespace

struct Metrics::Families {
  // In this order they appear in docs/METRICS.md.
  explicit Families(prometheus::Registry& r)
      : registry(r),
        scans(CounterOf(registry, "tamiz_scans_total", "Scans answered, by verdict."), "verdict", kVerdicts),
        scan_errors(CounterOf(registry, "tamiz_scan_errors_total",
                              "Scans that ended in an error instead of a verdict, by status code."),
                    "code", kScanErrors),
        incomplete(CounterOf(registry, "tamiz_incomplete_total",
                             "Reasons why something could not be looked at, each counted once a scan."),
                   "reason", IncompleteReasons()),
        stages(prometheus::BuildHistogram()
                   .Name("tamiz_stage_duration_seconds")
                   .Help("Time that scans spent in each stage. Decoding, hashing and matching overlap.")
                   .Register(registry),
               "stage", kStages, kStageBuckets),
        upload_bytes(CounterOf(registry, "tamiz_upload_bytes_total", "Bytes of uploads scanned.").Add({})),
        fetches(CounterOf(registry, "tamiz_fetches_total",
                          "Uploads fetched by URI, by scheme and what came of it.")),
        frames(CounterOf(
                   registry, "tamiz_frames_total",
                   "Frames by what became of them: decoded, hashed well enough to match, or of low quality."),
               "state", kFrameStates),
        closer_looks(
            CounterOf(registry, "tamiz_closer_looks_total",
                      "Videos of which some was looked at a second time, closely, by how that ended."),
            "outcome", kCloserLookOutcomes),
        decoder_exits(CounterOf(registry, "tamiz_decoder_exits_total", "How decoder processes ended."),
                      "reason", kDecoderExits),
        matches(CounterOf(registry, "tamiz_matches_total", "Matches by list and the list's mode.")),
        near_misses(CounterOf(registry, "tamiz_near_misses_total",
                              "Entries that were near and did not count: put to a person, or dropped for too "
                              "little confidence.")),
        suppressed(
            CounterOf(registry, "tamiz_matches_suppressed_total", "Matches that an allow list took away.")
                .Add({})),
        refusals(CounterOf(registry, "tamiz_refusals_total",
                           "Requests refused at once because of load, by reason."),
                 "reason", kRefusals),
        principal_calls(CounterOf(registry, "tamiz_principal_calls_total",
                                  "Calls by who made them and whether they were let in.")),
        in_flight(GaugeOf(registry, "tamiz_scans_in_flight", "Scans running now.").Add({})),
        queue_depth(GaugeOf(registry, "tamiz_queue_depth", "Scans waiting now, by lane."), "lane", kLanes),
        bytes_in_flight(GaugeOf(registry, "tamiz_upload_bytes_in_flight",
                                "Bytes of uploads held now, in memory and on disk.")
                            .Add({})),
        list_version(GaugeOf(registry, "tamiz_list_version", "Version of each list that scans use.")),
        list_entries(GaugeOf(registry, "tamiz_list_entries", "Enabled entries of each list.")),
        list_updated(GaugeOf(registry, "tamiz_list_updated_timestamp_seconds",
                             "When the version in use of each list was made, since the epoch.")),
        list_bytes(GaugeOf(registry, "tamiz_list_index_bytes", "Memory of each list's index.")),
        list_build(GaugeOf(registry, "tamiz_list_build_duration_seconds",
                           "Time that the last build of each list's index took.")),
        list_delta(GaugeOf(registry, "tamiz_list_delta_entries",
                           "Entries of each list that stand beside its base until they are merged.")),
        list_complete(GaugeOf(registry, "tamiz_list_complete_timestamp_seconds",
                              "When each list was last known to be complete: changed, or confirmed by its "
                              "exchange, since the epoch.")),
        list_suspects(GaugeOf(registry, "tamiz_list_suspect_hashes",
                              "Hashes of each list that are probably of no picture, by kind.")),
        exchange_syncs(CounterOf(registry, "tamiz_exchange_syncs_total",
                                 "Readings of each exchange, by what came of them.")),
        exchange_success(GaugeOf(registry, "tamiz_exchange_last_success_timestamp_seconds",
                                 "When each exchange was last read to its end, since the epoch; 0: never.")),
        exchange_skipped(CounterOf(registry, "tamiz_exchange_skipped_total",
                                   "Records and hashes of each exchange that could not be kept.")),
        exchange_pending(GaugeOf(registry, "tamiz_exchange_change_pending",
                                 "1 while a change that each exchange brought waits for a person.")),
        breaker_trips(CounterOf(registry, "tamiz_breaker_trips_total",
                                "Hit-rate breakers that moved an entry or a list to shadow."),
                      "scope", kBreakerScopes),
        import_bytes(
            CounterOf(registry, "tamiz_import_bytes_total", "Bytes of files that imports brought in.")
                .Add({})),
        import_rows(
            CounterOf(registry, "tamiz_import_rows_total",
                      "Rows of imports by what became of them: taken, rejected as unusable, or skipped."),
            "outcome", kImportOutcomes),
        selftest_success(GaugeOf(registry, "tamiz_selftest_last_success_timestamp_seconds",
                                 "When the canary last passed, since the epoch; 0 if it never did.")
                             .Add({})),
        selftest_runs(CounterOf(registry, "tamiz_selftest_runs_total", "Runs of the canary, by result."),
                      "result", kResults),
        rpcs(prometheus::BuildHistogram()
                 .Name("tamiz_rpc_duration_seconds")
                 .Help("Time from a call's arrival to its answer, by method and status code.")
                 .Register(registry)),
        tls_expiry(GaugeOf(
            registry, "tamiz_tls_certificate_expiry_timestamp_seconds",
            "When the certificate that new connections get ends, since the epoch; none without TLS.")),
        tls_reloads(CounterOf(registry, "tamiz_tls_reloads_total",
                              "New TLS files found, by whether they could be used."),
                    "result", kReloads),
        store_usable(
            GaugeOf(registry, "tamiz_store_usable", "1 if lists and records can be read and written, else 0.")
                .Add({})),
        records_waiting(GaugeOf(registry, "tamiz_records_waiting",
                                "Records of matches that are kept in memory until the database takes them.")
                            .Add({})),
        sandbox_layers(GaugeOf(registry, "tamiz_sandbox_layer_active",
                               "1 for each layer of the decoders' confinement that is in force, else 0."),
                       "layer", kSandboxLayers),
        build_info(GaugeOf(registry, "tamiz_build_info", "1, with the version that runs.")),
        process_cpu(CounterOf(registry, "process_cpu_seconds_total",
                              "Processor time of the server process, without its decoders.")
                        .Add({})),
        process_start(
            GaugeOf(registry, "process_start_time_seconds", "When the process started, since the epoch.")
                .Add({})),
        process_resident(GaugeOf(registry, "process_resident_memory_bytes",
                                 "Resident memory of the server process, without its decoders.")
                             .Add({})),
        process_virtual(
            GaugeOf(registry, "process_virtual_memory_bytes", "Address space of the server process.")
                .Add({})),
        process_open_fds(GaugeOf(registry, "process_open_fds", "Open file descriptors.").Add({})),
        process_max_fds(GaugeOf(registry, "process_max_fds", "Most file descriptors allowed.").Add({})) {
    MakeFetchSeries();
  }

  void MakeFetchSeries() {
    for (const std::string_view scheme : kFetchSchemes) {
      for (const std::string_view outcome : kFetchOutcomes) FetchesOf(scheme, outcome);
    }
  }
  Counter& FetchesOf(std::string_view scheme, std::string_view outcome) {
    return fetches.Add({{"scheme", std::string(scheme)}, {"outcome", std::string(outcome)}});
  }

  static Family<Counter>& CounterOf(prometheus::Registry& registry, const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  static Family<Gauge>& GaugeOf(prometheus::Registry& registry, const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }

  void Refresh() {
    {
      MutexLock lock(refresh_mutex);
      if (on_collect) on_collect();
    }
    if (const auto reading = ReadProcess()) {
      MutexLock lock(process_mutex);
      process_cpu.Increment(std::max(0.0, reading->cpu_seconds - process_cpu.Value()));
      process_start.Set(reading->start_time_seconds);
      process_resident.Set(reading->resident_bytes);
      process_virtual.Set(reading->virtual_bytes);
      process_open_fds.Set(reading->open_fds);
      process_max_fds.Set(reading->max_fds);
    }
  }

  struct ExchangeSeries {
    std::map<std::string, Counter*, std::less<>> outcomes;
    Gauge *success, *pending;
    Counter* skipped;
  };
  ExchangeSeries& ExchangeOf(std::string_view name) TAMIZ_REQUIRES(mutex) {
    const auto found = exchanges.find(name);
    if (found != exchanges.end()) return found->second;
    const prometheus::Labels labels{{"exchange", std::string(name)}};
    ExchangeSeries series{.success = &exchange_success.Add(labels),
                          .pending = &exchange_pending.Add(labels),
                          .skipped = &exchange_skipped.Add(labels)};
    for (const std::string_view outcome : kSyncOutcomes) {
      series.outcomes[std::string(outcome)] =
          &exchange_syncs.Add({{"exchange", std::string(name)}, {"outcome", std::string(outcome)}});
    }
    return exchanges.emplace(name, std::move(series)).first->second;
  }

  struct ListGauges {
    Gauge *version, *entries, *updated, *bytes, *build;
  };
  struct StateGauges {
    Gauge *delta, *complete, *flat, *low_quality, *shared;
  };
  using Labels2 = std::pair<std::string, std::string>;

  Counter& MatchesOf(std::string_view list, std::string_view mode) TAMIZ_REQUIRES(mutex) {
    Counter*& counter = match_series[Labels2(list, mode)];
    if (counter == nullptr)
      counter = &matches.Add({{"list", std::string(list)}, {"mode", std::string(mode)}});
    return *counter;
  }

  Counter& NearMissesOf(std::string_view list, std::string_view outcome) TAMIZ_REQUIRES(mutex) {
    Counter*& counter = near_miss_series[Labels2(list, outcome)];
    if (counter == nullptr) {
      counter = &near_misses.Add({{"list", std::string(list)}, {"outcome", std::string(outcome)}});
    }
    return *counter;
  }

  Counter& PrincipalOf(std::string_view name, std::string_view outcome) TAMIZ_REQUIRES(mutex) {
    Counter*& counter = principal_series[Labels2(name, outcome)];
    if (counter == nullptr) {
      counter = &principal_calls.Add({{"principal", std::string(name)}, {"outcome", std::string(outcome)}});
    }
    return *counter;
  }

  prometheus::Registry& registry;
  Series<Counter> scans, scan_errors, incomplete;
  Series<Histogram> stages;
  Counter& upload_bytes;
  Family<Counter>& fetches;
  Series<Counter> frames, closer_looks, decoder_exits;
  Family<Counter>& matches;
  Family<Counter>& near_misses;
  Counter& suppressed;
  Series<Counter> refusals;
  Family<Counter>& principal_calls;
  Gauge& in_flight;
  Series<Gauge> queue_depth;
  Gauge& bytes_in_flight;
  Family<Gauge>&list_version, &list_entries, &list_updated, &list_bytes, &list_build, &list_delta,
      &list_complete, &list_suspects;
  Family<Counter>& exchange_syncs;
  Family<Gauge>& exchange_success;
  Family<Counter>& exchange_skipped;
  Family<Gauge>& exchange_pending;
  Series<Counter> breaker_trips;
  Counter& import_bytes;
  Series<Counter> import_rows;
  Gauge& selftest_success;
  Series<Counter> selftest_runs;
  Family<Histogram>& rpcs;
  Family<Gauge>& tls_expiry;
  Series<Counter> tls_reloads;
  Gauge &store_usable, &records_waiting;
  Series<Gauge> sandbox_layers;
  Family<Gauge>& build_info;
  Counter& process_cpu;
  Gauge &process_start, &process_resident, &process_virtual, &process_open_fds, &process_max_fds;

  Mutex process_mutex;  // two collections at a time would count processor time twice
  Mutex refresh_mutex;
  std::function<void()> on_collect TAMIZ_GUARDED_BY(refresh_mutex);

  Mutex mutex;
  std::map<std::string, ListGauges, std::less<>> lists TAMIZ_GUARDED_BY(mutex);
  std::map<std::string, StateGauges, std::less<>> list_states TAMIZ_GUARDED_BY(mutex);
  std::map<std::string, ExchangeSeries, std::less<>> exchanges TAMIZ_GUARDED_BY(mutex);
  std::map<Labels2, Counter*> match_series TAMIZ_GUARDED_BY(mutex);
  std::map<Labels2, Counter*> near_miss_series TAMIZ_GUARDED_BY(mutex);
  std::map<Labels2, Counter*> principal_series TAMIZ_GUARDED_BY(mutex);
  std::map<Labels2, Histogram*> rpc_series TAMIZ_GUARDED_BY(mutex);
};

namespace {

// The registry and what points into it live and die together, whoever holds either.
template <typename F>
struct Bundle {
  RefreshingRegistry registry;
  F families{registry};
};

}  // namespace

Metrics::Metrics() {
  const auto bundle = std::make_shared<Bundle<Families>>();
  bundle->registry.refresh = [families = &bundle->families] { families->Refresh(); };
  families_ = std::shared_ptr<Families>(bundle, &bundle->families);
}

Metrics::~Metrics() { OnCollect(nullptr); }

std::shared_ptr<prometheus::Registry> Metrics::registry() const {
  return std::shared_ptr<prometheus::Registry>(families_, &families_->registry);
}

std::string Metrics::Text() const { return prometheus::TextSerializer().Serialize(registry()->Collect()); }

void Metrics::OnCollect(std::function<void()> refresh) {
  MutexLock lock(families_->refresh_mutex);
  families_->on_collect = std::move(refresh);
}

void Metrics::ScanFinished(std::string_view verdict) { families_->scans.Of(verdict).Increment(); }

void Metrics::ScanFailed(std::string_view code) { families_->scan_errors.Of(code).Increment(); }

void Metrics::Incomplete(std::string_view reason) { families_->incomplete.Of(reason).Increment(); }

void Metrics::StageTook(Stage stage, std::chrono::microseconds time) {
  families_->stages.Of(kStages[static_cast<std::size_t>(stage)]).Observe(Seconds(time));
}

void Metrics::Fetched(std::string_view scheme, std::string_view outcome) {
  const auto known = [](const auto& values, std::string_view value) {
    return std::ranges::find(values, value) != values.end() ? value : kOther;
  };
  families_->FetchesOf(known(kFetchSchemes, scheme), known(kFetchOutcomes, outcome)).Increment();
}

void Metrics::UploadBytes(std::uint64_t bytes) {
  families_->upload_bytes.Increment(static_cast<double>(bytes));
}

void Metrics::Frames(std::uint64_t decoded, std::uint64_t hashed, std::uint64_t low_quality) {
  families_->frames.Of("decoded").Increment(static_cast<double>(decoded));
  families_->frames.Of("hashed").Increment(static_cast<double>(hashed));
  families_->frames.Of("low_quality").Increment(static_cast<double>(low_quality));
}

void Metrics::CloserLook(std::string_view outcome) { families_->closer_looks.Of(outcome).Increment(); }
void Metrics::DecoderExit(std::string_view reason) { families_->decoder_exits.Of(reason).Increment(); }

void Metrics::Matched(std::string_view list, std::string_view mode) {
  MutexLock lock(families_->mutex);
  families_->MatchesOf(list, mode).Increment();
}

void Metrics::NearMisses(std::string_view list, std::uint32_t review, std::uint32_t dropped) {
  MutexLock lock(families_->mutex);
  families_->NearMissesOf(list, "review").Increment(review);
  families_->NearMissesOf(list, "dropped").Increment(dropped);
}

void Metrics::Suppressed(std::uint32_t count) { families_->suppressed.Increment(count); }

void Metrics::Refused(std::string_view reason) { families_->refusals.Of(reason).Increment(); }

void Metrics::Principals(std::span<const std::string> names) {
  Families& f = *families_;
  MutexLock lock(f.mutex);
  std::erase_if(f.principal_series, [&](const auto& series) {
    const std::string& name = series.first.first;
    if (name == kAnonymous || name == kUnauthenticated || std::ranges::find(names, name) != names.end())
      return false;
    f.principal_calls.Remove(series.second);
    return true;
  });
  for (const std::string& name : names) {
    for (const std::string_view outcome : kCallOutcomes) f.PrincipalOf(name, outcome);
  }
  f.PrincipalOf(kAnonymous, "admitted");
  f.PrincipalOf(kUnauthenticated, "denied");
}

void Metrics::PrincipalCall(std::string_view principal, std::string_view outcome) {
  Families& f = *families_;
  MutexLock lock(f.mutex);
  const auto found = f.principal_series.find(Families::Labels2(principal, outcome));
  if (found != f.principal_series.end()) found->second->Increment();  // else it went with a reload
}

void Metrics::Load(std::uint32_t running, std::uint32_t queued_live, std::uint32_t queued_bulk,
                   std::uint64_t bytes) {
  families_->in_flight.Set(running);
  families_->queue_depth.Of("live").Set(queued_live);
  families_->queue_depth.Of("bulk").Set(queued_bulk);
  families_->bytes_in_flight.Set(static_cast<double>(bytes));
}

void Metrics::ListLoaded(std::string_view list, std::uint64_t version, std::uint64_t entries,
                         std::uint64_t index_bytes, std::chrono::system_clock::time_point updated,
                         std::chrono::microseconds build) {
  Families& f = *families_;
  MutexLock lock(f.mutex);
  auto found = f.lists.find(list);
  if (found == f.lists.end()) {
    const prometheus::Labels labels{{"list", std::string(list)}};
    found = f.lists
                .emplace(list, Families::ListGauges{&f.list_version.Add(labels), &f.list_entries.Add(labels),
                                                    &f.list_updated.Add(labels), &f.list_bytes.Add(labels),
                                                    &f.list_build.Add(labels)})
                .first;
    for (const std::string_view mode : kModes)
      f.MatchesOf(list, mode);  // a list that never matched shows zero
    for (const std::string_view outcome : kNearMisses) f.NearMissesOf(list, outcome);
  }
  const Families::ListGauges& gauges = found->second;
  gauges.version->Set(static_cast<double>(version));
  gauges.entries->Set(static_cast<double>(entries));
  gauges.updated->Set(Seconds(updated));
  gauges.bytes->Set(static_cast<double>(index_bytes));
  gauges.build->Set(Seconds(build));
}

void Metrics::ListState(std::string_view list, std::uint64_t delta_entries, std::uint64_t flat,
                        std::uint64_t low_quality, std::uint64_t shared) {
  Families& f = *families_;
  MutexLock lock(f.mutex);
  auto found = f.list_states.find(list);
  if (found == f.list_states.end()) {
    const std::string name(list);
    const auto suspects = [&](const char* kind) {
      return &f.list_suspects.Add({{"list", name}, {"kind", kind}});
    };
    found = f.list_states
                .emplace(name, Families::StateGauges{&f.list_delta.Add({{"list", name}}),
                                                     &f.list_complete.Add({{"list", name}}), suspects("flat"),
                                                     suspects("low_quality"), suspects("shared")})
                .first;
  }
  found->second.delta->Set(static_cast<double>(delta_entries));
  found->second.flat->Set(static_cast<double>(flat));
  found->second.low_quality->Set(static_cast<double>(low_quality));
  found->second.shared->Set(static_cast<double>(shared));
}

void Metrics::ListComplete(std::string_view list, std::chrono::system_clock::time_point at) {
  Families& f = *families_;
  MutexLock lock(f.mutex);
  const auto found = f.list_states.find(list);
  if (found != f.list_states.end()) found->second.complete->Set(Seconds(at));
}

void Metrics::BreakerTripped(bool whole_list) {
  families_->breaker_trips.Of(whole_list ? "list" : "entry").Increment();
}

void Metrics::ImportBytes(std::uint64_t bytes) {
  families_->import_bytes.Increment(static_cast<double>(bytes));
}

void Metrics::ImportRows(std::uint64_t taken, std::uint64_t rejected, std::uint64_t skipped) {
  families_->import_rows.Of("taken").Increment(static_cast<double>(taken));
  families_->import_rows.Of("rejected").Increment(static_cast<double>(rejected));
  families_->import_rows.Of("skipped").Increment(static_cast<double>(skipped));
}

void Metrics::ListGone(std::string_view list) {
  Families& f = *families_;
  MutexLock lock(f.mutex);
  if (const auto found = f.lists.find(list); found != f.lists.end()) {
    f.list_version.Remove(found->second.version);
    f.list_entries.Remove(found->second.entries);
    f.list_updated.Remove(found->second.updated);
    f.list_bytes.Remove(found->second.bytes);
    f.list_build.Remove(found->second.build);
    f.lists.erase(found);
  }
  if (const auto found = f.list_states.find(list); found != f.list_states.end()) {
    f.list_delta.Remove(found->second.delta);
    f.list_complete.Remove(found->second.complete);
    for (Gauge* gauge : {found->second.flat, found->second.low_quality, found->second.shared}) {
      f.list_suspects.Remove(gauge);
    }
    f.list_states.erase(found);
  }
  std::erase_if(f.near_miss_series, [&](const auto& series) {
    if (series.first.first != list) return false;
    f.near_misses.Remove(series.second);
    return true;
  });
  std::erase_if(f.match_series, [&](const auto& series) {
    if (series.first.first != list) return false;
    f.matches.Remove(series.second);
    return true;
  });
}

void Metrics::Synced(std::string_view exchange, std::string_view outcome,
                     std::optional<std::chrono::system_clock::time_point> last_success,
                     std::uint64_t skipped) {
  Families& f = *families_;
  MutexLock lock(f.mutex);
  Families::ExchangeSeries& series = f.ExchangeOf(exchange);
  if (const auto counter = series.outcomes.find(outcome); counter != series.outcomes.end()) {
    counter->second->Increment();
  }
  if (last_success) series.success->Set(Seconds(*last_success));
  series.skipped->Increment(static_cast<double>(skipped));
}

void Metrics::ExchangePending(std::string_view exchange, bool is_pending) {
  Families& f = *families_;
  MutexLock lock(f.mutex);
  f.ExchangeOf(exchange).pending->Set(is_pending ? 1 : 0);
}

void Metrics::ExchangeGone(std::string_view exchange) {
  Families& f = *families_;
  MutexLock lock(f.mutex);
  const auto found = f.exchanges.find(exchange);
  if (found == f.exchanges.end()) return;
  for (const auto& [outcome, counter] : found->second.outcomes) f.exchange_syncs.Remove(counter);
  f.exchange_success.Remove(found->second.success);
  f.exchange_pending.Remove(found->second.pending);
  f.exchange_skipped.Remove(found->second.skipped);
  f.exchanges.erase(found);
}

void Metrics::SelfTested(bool passed, std::chrono::system_clock::time_point at) {
  families_->selftest_runs.Of(passed ? "passed" : "failed").Increment();
  if (passed) families_->selftest_success.Set(Seconds(at));
}

void Metrics::Rpc(std::string_view method, std::string_view code, std::chrono::microseconds time) {
  Families& f = *families_;
  Histogram* histogram = nullptr;
  {
    MutexLock lock(f.mutex);
    if (f.rpc_series.size() >= kMostRpcSeries &&
        !f.rpc_series.contains({std::string(method), std::string(code)})) {
      method = code = kOther;
    }
    Histogram*& series = f.rpc_series[{std::string(method), std::string(code)}];
    if (series == nullptr) {
      series = &f.rpcs.Add({{"method", std::string(method)}, {"code", std::string(code)}}, kRpcBuckets);
    }
    histogram = series;  // never removed
  }
  histogram->Observe(Seconds(time));
}

void Metrics::TlsCertificate(std::chrono::system_clock::time_point expiry) {
  families_->tls_expiry.Add({}).Set(Seconds(expiry));
}

void Metrics::TlsReloaded(bool succeeded) {
  families_->tls_reloads.Of(succeeded ? "succeeded" : "failed").Increment();
}

void Metrics::StoreState(bool usable, std::uint64_t records_waiting) {
  families_->store_usable.Set(usable ? 1 : 0);
  families_->records_waiting.Set(static_cast<double>(records_waiting));
}

void Metrics::SandboxLayer(std::string_view layer) { families_->sandbox_layers.Of(layer).Set(1); }

void Metrics::BuildInfo(std::string_view version) {
  families_->build_info.Add({{"version", std::string(version)}}).Set(1);
}

}  // namespace tamiz::metrics
