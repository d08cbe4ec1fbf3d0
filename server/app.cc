#include "server/app.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <map>
#include <thread>

#include "core/base/log.h"
#include "core/base/settled_clock.h"
#include "core/calibration/calibration_file.h"
#include "core/sandbox/decoder_pool.h"
#include "core/scan/self_test.h"
#include "server/admin_service.h"
#include "server/authorization.h"
#include "server/data_dir_lock.h"
#include "server/early_call.h"
#include "server/exchange_service.h"
#include "server/hash_service.h"
#include "server/list_service.h"
#include "server/listen_address.h"
#include "server/metrics_server.h"
#include "server/scan_service.h"
#include "server/shutdown.h"
#include "server/store_opening.h"
#include "server/tls_files.h"

namespace tamiz::server {
namespace {

constexpr std::uint32_t kUploadThreads = 2;
constexpr std::size_t kUploadQueue = 1024;  // one step of a stream each
constexpr std::uint32_t kChangeThreads = 2;
constexpr std::size_t kChangeQueue = 256;
constexpr std::uint32_t kExportThreads = 2;
constexpr std::size_t kExportQueue = 4;
constexpr std::uint32_t kSyncThreads = 4;
constexpr std::size_t kSyncQueue = 16;
constexpr int kUnaskedBytes = 64 << 10;
constexpr auto kLookEvery = std::chrono::seconds(10);
constexpr auto kLookAtSharedStoreEvery = std::chrono::seconds(1);
constexpr auto kRecordCleaningEvery = std::chrono::hours(1);

LogLevel LevelOf(std::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warn") return LogLevel::kWarn;
  if (name == "error") return LogLevel::kError;
  return LogLevel::kInfo;
}

// What a reload takes over; everything else needs a restart.
bool IsLive(std::string_view key) {
  return key.starts_with("auth.") || key.starts_with("scan.") || key.starts_with("lists.") ||
         key == "self_test.interval" || key == "log.level";
}

constexpr std::array kScanningServices = {"", "tamiz.v1.ScanService", "tamiz.v1.HashService"};
// What needs the store, and what does not.
constexpr std::array kManagingServices = {"tamiz.v1.ListService", "tamiz.v1.ExchangeService"};
constexpr const char* kAdminService = "tamiz.v1.AdminService";

// Lists in metrics: what is new, what changed, what went.
class ListReporter {
 public:
  explicit ListReporter(metrics::Metrics& metrics) : metrics_(metrics) {}
  // What time alone changes.
  void Age(const lists::Catalog& catalog) {
    for (const auto& list : catalog.lists) metrics_.ListComplete(list->info.name, catalog.CompleteAt(*list));
  }
  void Report(const lists::Catalog& catalog) {
    MutexLock lock(mutex_);
    std::map<std::string, const lists::ListSnapshot*> now;
    for (const auto& list : catalog.lists) {
      now[list->info.name] = list.get();
      std::shared_ptr<const lists::ListSnapshot>& known = known_[list->info.name];
      if (known == list) continue;
      known = list;
      metrics_.ListLoaded(list->info.name, list->info.version, list->entry_count(), list->memory_bytes(),
                          list->info.updated_at, list->build_time);
      const lists::SuspectHashes suspects = list->suspects();
      metrics_.ListState(list->info.name, list->delta_entries(), suspects.flat, suspects.low_quality,
                         suspects.shared);
    }
    Age(catalog);
    std::erase_if(known_, [&](const auto& item) {
      if (now.contains(item.first)) return false;
      metrics_.ListGone(item.first);
      return true;
    });
  }

 private:
  metrics::Metrics& metrics_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<const lists::ListSnapshot>> known_ TAMIZ_GUARDED_BY(mutex_);
};

}  // namespace

// In the order in which they start; destroyed the other way round.
struct App::Parts {
  explicit Parts(config::Config given) : config(std::move(given)) {}

  StatusOr<AdminService::Reloaded> Reload();
  Status Listen();
  void Housekeeping(const std::stop_token& stop);
  void LookAtStore();
  void ReportLists();
  // Says in the log who may call what, where that is not said by principals.
  void WarnOfOpenDoors() const;
  Status Trip(const match::HitBreaker::Trip& trip);
  bool ShutDownOnce();
  [[nodiscard]] ServiceParts service_parts() {
    return {*access,  *calls,     *connections, *streams, config.server.max_call_time,
            *scanner, *admission, *budget,      source,   *lists,
            *store,   metrics,    settings,     *uploads, *changes,
            *exports, *exchanges};
  }

  config::Config config;      // as configured; sections that a reload takes over change
  source::Config source;      // with the data directory for its default; constant after the start
  exchange::Config exchange;  // the same
  std::function<StatusOr<config::Config>()> load_config;
  const WallTime started_at = Clock::System().WallNow();

  std::optional<DataDirLock> lock;
  metrics::Metrics metrics;
  Readiness readiness;
  ListReporter list_reporter{metrics};
  std::unique_ptr<media::FrameSource> frames;
  sandbox::DecoderPool* decoders = nullptr;  // `frames`, if these are decoder processes
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::ListRegistry> lists;
  std::unique_ptr<source::ByteBudget> budget;
  std::unique_ptr<source::Fetcher> fetcher;
  std::unique_ptr<work::ComputePool> compute;
  std::unique_ptr<scan::Scanner> scanner;
  std::unique_ptr<scan::SelfTest> self_test;
  LiveSettings settings;
  std::unique_ptr<AccessControl> access;
  std::unique_ptr<CallCount> calls;
  std::unique_ptr<ConnectionWatch> connections;
  std::unique_ptr<StreamWatch> streams;
  std::unique_ptr<work::Admission> admission;
  std::unique_ptr<IoPool> uploads, changes, exports, syncs;
  std::unique_ptr<exchange::ExchangeRunner> exchanges;
  std::unique_ptr<SelfTestRunner> self_test_runner;
  std::unique_ptr<store::Watch> follower;  // null if no other process changes lists

  std::unique_ptr<EarlyService> early_service;
  std::unique_ptr<ScanService> scan_service;
  std::unique_ptr<HashService> hash_service;
  std::unique_ptr<ListService> list_service;
  std::unique_ptr<ExchangeService> exchange_service;
  std::unique_ptr<AdminService> admin_service;
  std::unique_ptr<TlsFiles> tls;  // null without TLS
  std::unique_ptr<grpc::Server> server;
  int grpc_port = 0;
  std::unique_ptr<MetricsServer> metrics_server;
  std::jthread housekeeping;
  bool is_shut_down = false;

  Mutex reload_mutex;  // one reload at a time
};

// Not on the scan's thread: a change may have to wait for an import.
Status App::Parts::Trip(const match::HitBreaker::Trip& trip) {
  if (changes == nullptr) return MakeError(StatusCode::kUnavailable, "the server is starting");
  return changes->Submit([this, trip] {
    lists::Hold hold;
    hold.kind = lists::HoldKind::kBreaker;
    hold.entry_id = trip.entry_id;
    hold.reason = fmt::format("{} different uploads matched within {} s", trip.hits, trip.window.count());
    hold.since = Clock::System().WallNow();
    bool is_new = false;
    const auto changed = lists->ChangeExceptions(trip.list_id, [&](lists::Exceptions& exceptions) {
      is_new = exceptions.TrippedBreaker(trip.entry_id) == nullptr;
      return is_new ? exceptions.Put(hold) : OkStatus();
    });
    if (!changed.ok()) {
      scanner->ForgetHits(trip.list_id, trip.entry_id);
      return LogError(
          "a breaker reached its limit and could not be tripped",
          {{"list", trip.list_name}, {"entry", trip.entry_id}, {"error", Message(changed.status())}});
    }
    if (!is_new) return;  // another replica was faster
    metrics.BreakerTripped(trip.entry_id.empty());
    LogError("a hit-rate breaker tripped: matches are in shadow until a person resets it",
             {{"list", trip.list_name},
              {"entry", trip.entry_id},
              {"hits", static_cast<std::int64_t>(trip.hits)},
              {"window_s", std::int64_t{trip.window.count()}}});
  });
}

void App::Parts::ReportLists() {
  const std::shared_ptr<const lists::Catalog> catalog = lists->Current();
  list_reporter.Report(*catalog);
  std::string missing;
  for (const lists::UnavailableList& list : catalog->unavailable) {
    missing += fmt::format("{}{}: {}", missing.empty() ? "" : "; ", list.name, list.why);
  }
  readiness.Set("lists", std::move(missing));
}

StatusOr<AdminService::Reloaded> App::Parts::Reload() {
  MutexLock lock_reload(reload_mutex);
  if (!load_config)
    return MakeError(StatusCode::kFailedPrecondition, "there is no configuration file to read");
  TAMIZ_ASSIGN_OR_RETURN(const config::Config fresh, load_config());
  TAMIZ_ASSIGN_OR_RETURN(auto calibration, calibration::Load(fresh.scan.calibration_file));
  if (tls != nullptr) TAMIZ_RETURN_IF_ERROR(tls->Refresh());  // first: if it fails, all stays as it is
  AdminService::Reloaded reloaded;
  for (std::string& key : config::Difference(config, fresh)) {
    (IsLive(key) ? reloaded.applied : reloaded.needs_restart).push_back(std::move(key));
  }
  config.auth = fresh.auth;
  config.scan = fresh.scan;
  config.lists = fresh.lists;
  config.self_test = fresh.self_test;
  config.log = fresh.log;
  access->Reconfigure(config.auth);
  WarnOfOpenDoors();
  scanner->Reconfigure(config.scan);
  scanner->SetCalibration(std::move(calibration));
  settings.max_rejected_share = config.lists.max_rejected_share;
  settings.allow_export = config.lists.allow_export;
  lists->Configure(config.lists.save_snapshots, config.lists.keep_versions);
  self_test_runner->SetInterval(config.self_test.interval);
  SetLogLevel(LevelOf(config.log.level));
  LogInfo("configuration read again",
          {{"applied", fmt::format("{}", fmt::join(reloaded.applied, ","))},
           {"needs_restart", fmt::format("{}", fmt::join(reloaded.needs_restart, ","))}});
  return reloaded;
}

void App::Parts::WarnOfOpenDoors() const {
  const bool has_tls = !config.server.tls_certificate_file.empty();
  if (config.auth.principals.empty()) {
    LogWarn(config.server.tls_client_ca_file.empty() ? "no principals are configured: whoever reaches the "
                                                       "port may call every method, exports too; see "
                                                       "[[auth.principal]]"
                                                     : "no principals are configured: whoever has a client "
                                                       "certificate may call every method, exports too; "
                                                       "see [[auth.principal]]",
            {{"address", config.server.listen}});
  } else if (!has_tls && !config::IsLoopback(config.server.listen)) {
    LogWarn("tokens travel in clear text: without TLS whoever sees the traffic can use them",
            {{"address", config.server.listen}});
  }
}

Status App::Parts::Listen() {
  if (const std::vector<std::string> faults = MethodRuleFaults(); !faults.empty()) {
    return Internal(fmt::format("{}", fmt::join(faults, "; ")));
  }
  TAMIZ_ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress(config.server.listen));
  TAMIZ_RETURN_IF_ERROR(config::CheckExposure(config));
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (!config.server.tls_certificate_file.empty()) {
    TAMIZ_ASSIGN_OR_RETURN(tls, TlsFiles::Open(config.server, metrics));
    credentials = tls->Credentials();
  }

  grpc::EnableDefaultHealthCheckService(true);
  if (config.server.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address.ForGrpc(), credentials, &grpc_port);
  builder.RegisterService(scan_service.get());
  builder.RegisterService(hash_service.get());
  builder.RegisterService(list_service.get());
  builder.RegisterService(exchange_service.get());
  builder.RegisterService(admin_service.get());
  early_service = std::make_unique<EarlyService>(
      EarlyService::Services{*scan_service, *hash_service, *list_service, *exchange_service, *admin_service},
      service_parts());
  if (const std::vector<std::string> missing = early_service->Missing(); !missing.empty()) {
    return MakeError(StatusCode::kInternal, fmt::format("methods that server/early_call.cc does not name: {}",
                                                        fmt::join(missing, ", ")));
  }
  builder.RegisterCallbackGenericService(early_service.get());
  const auto max_message =
      static_cast<int>(std::min<std::uint64_t>(config.server.max_message_bytes, INT32_MAX));
  builder.SetMaxReceiveMessageSize(max_message);
  builder.SetMaxSendMessageSize(max_message);
  // gRPC unpacks a message whole before it looks at its size, and before anybody is asked who sent it: half a
  // megabyte would become half a gigabyte. Pictures are packed already.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // Two servers on one port would each get some of the calls: the second must not start.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  const auto set_time = [&](const char* argument, std::chrono::milliseconds time) {
    builder.AddChannelArgument(argument, static_cast<int>(std::min<std::int64_t>(time.count(), INT32_MAX)));
  };
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(config.server.max_metadata_bytes));
  set_time(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, config.server.handshake_time);
  // Finds dead peers, and lets clients ping as often as they usually do.
  set_time(GRPC_ARG_KEEPALIVE_TIME_MS, config.server.keepalive_time);
  set_time(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, config.server.keepalive_timeout);
  if (config.server.max_connection_idle.count() > 0) {
    set_time(GRPC_ARG_MAX_CONNECTION_IDLE_MS, config.server.max_connection_idle);
  }
  if (config.server.max_connection_age.count() > 0) {
    set_time(GRPC_ARG_MAX_CONNECTION_AGE_MS, config.server.max_connection_age);
    set_time(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, config.server.max_connection_age_grace);
  }
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // What comes of a picture before it is asked for, which is lost on one that is refused. The rest comes in
  // one go as soon as its length is known. Fixed: left to gRPC the window grows with the load.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kUnaskedBytes);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20);
  // Calls of one connection; more wait at the client.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1024);
  // Bytes that gRPC itself may hold.
  grpc::ResourceQuota quota("tamizd");
  quota.Resize(config.server.transport_memory_bytes);
  builder.SetResourceQuota(quota);
  server = builder.BuildAndStart();
  if (server == nullptr || (address.unix_path.empty() && grpc_port == 0)) {
    return MakeError(
        StatusCode::kUnavailable,
        fmt::format("cannot listen on {}: is the port taken, is the address one of this machine? Set "
                    "server.listen or --listen",
                    address.ForGrpc()));
  }
  server->GetHealthCheckService()->SetServingStatus(kAdminService, true);
  for (const char* service : kManagingServices)
    server->GetHealthCheckService()->SetServingStatus(service, true);
  readiness.OnChange([this](bool is_ready) {
    for (const char* service : kScanningServices) {
      server->GetHealthCheckService()->SetServingStatus(service, is_ready);
    }
    if (is_ready) LogInfo("ready");
  });
  LogInfo("listening", {{"service", std::string("grpc")},
                        {"address", address.ForGrpc()},
                        {"port", std::int64_t{address.unix_path.empty() ? grpc_port : 0}},
                        {"tls", !config.server.tls_certificate_file.empty()}});
  if (address.unix_path.empty()) {
    connections->Start(grpc_port);
  } else {
    grpc_port = 0;
  }

  WarnOfOpenDoors();
  if (config.server.metrics_listen.empty()) return OkStatus();
  TAMIZ_ASSIGN_OR_RETURN(const ListenAddress metrics_address,
                         ParseListenAddress(config.server.metrics_listen));
  TAMIZ_ASSIGN_OR_RETURN(metrics_server, MetricsServer::Start(metrics_address, metrics, readiness, [this] {
                           const work::Admission::Gauges gauges = admission->gauges();
                           metrics.Load(gauges.running, gauges.queued_live, gauges.queued_bulk,
                                        budget->in_use());
                         }));
  LogInfo("listening", {{"service", std::string("metrics")},
                        {"address", metrics_address.ForHttp()},
                        {"port", std::int64_t{metrics_server->port()}}});
  return OkStatus();
}

// A store that cannot be used takes down what needs it, the management of lists. Uploads are scanned on: the
// lists are in memory.
void App::Parts::LookAtStore() {
  const Status usable = store->Check();
  readiness.Warn("store", usable.ok()
                              ? ""
                              : Message(usable) +
                                    " (uploads are scanned with the lists as they were loaded; changes of "
                                    "lists fail until the store is back)");
  for (const char* service : kManagingServices)
    server->GetHealthCheckService()->SetServingStatus(service, usable.ok());
  metrics.StoreState(usable.ok(), store->RecordsWaiting());
  if (follower != nullptr) {
    const std::string problem = follower->Problem();
    readiness.Warn("changes",
                   problem.empty() ? "" : "changes of lists by other tamizd are not seen: " + problem);
  }
}

// Checks the store, looks for new TLS files and forgets old records.
void App::Parts::Housekeeping(const std::stop_token& stop) {
  Mutex mutex;
  CondVar wake;
  const std::stop_callback on_stop(stop, [&] {
    MutexLock lock_wait(mutex);
    wake.NotifyAll();
  });
  SettledClock settled(Clock::System());
  SteadyTime next_cleaning = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    LookAtStore();
    list_reporter.Age(*lists->Current());
    if (tls != nullptr) (void)tls->Refresh();  // it logs
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now >= next_cleaning) {
      next_cleaning = now + kRecordCleaningEvery;
      std::uint32_t days = 0;
      {
        MutexLock lock_reload(reload_mutex);
        days = config.scan.record_days;
      }
      const auto deleted = store->DeleteRecordsBefore(settled.WallNow() - std::chrono::hours(24) * days);
      if (settled.Leapt()) {
        LogWarn("the wall clock leapt ahead; until it has stood for a day no record is deleted by it", {});
      }
      if (!deleted.ok()) {
        LogError("old records could not be deleted", {{"error", Message(deleted.status())}});
      } else if (*deleted > 0) {
        LogInfo("old records deleted", {{"records", static_cast<std::int64_t>(*deleted)}});
      }
    }
    MutexLock lock_wait(mutex);
    if (!stop.stop_requested())
      wake.WaitUntil(mutex, now + (follower == nullptr ? kLookEvery : kLookAtSharedStoreEvery));
  }
}

bool App::Parts::ShutDownOnce() {
  if (is_shut_down) return true;
  is_shut_down = true;
  ShutdownSteps steps;
  steps.say_not_serving = [this] {
    readiness.Set("draining", "the service is shutting down");
    if (server != nullptr) server->GetHealthCheckService()->Shutdown();
  };
  steps.stop_rpc = [this](std::chrono::steady_clock::time_point until) {
    if (server == nullptr) return;
    server->Shutdown(std::chrono::system_clock::now() + (until - std::chrono::steady_clock::now()));
  };
  steps.drain_scans = [this](std::chrono::steady_clock::time_point until) {
    return admission == nullptr || admission->Drain(until);
  };
  steps.kill_decoders = [this] {
    if (decoders != nullptr) decoders->Stop();
  };
  steps.stop_background = [this] {
    housekeeping = {};
    follower.reset();
    if (lists != nullptr) lists->StopTidying();  // its listener asks for self-tests
    self_test_runner.reset();
    admission.reset();  // waits for scans whose decoders were just killed
    uploads.reset();
    changes.reset();
    syncs.reset();
    exchanges.reset();
    exports.reset();
  };
  steps.stop_http = [this] { metrics_server.reset(); };
  steps.close_store = [this] {
    scanner.reset();
    self_test.reset();
    lists.reset();
    store.reset();
  };
  return ShutDown(steps, config.server.drain_time);
}

StatusOr<std::unique_ptr<App>> App::Start(Options options) {
  auto parts = std::make_unique<Parts>(std::move(options.config));
  Parts& p = *parts;
  p.load_config = std::move(options.load_config);
  SetLogLevel(LevelOf(p.config.log.level));
  p.source = p.config.source;
  if (p.source.spool_dir.empty()) p.source.spool_dir = p.config.data_dir;
  p.settings.max_rejected_share = p.config.lists.max_rejected_share;
  p.settings.allow_export = p.config.lists.allow_export;
  p.metrics.BuildInfo(TAMIZ_VERSION);

  TAMIZ_ASSIGN_OR_RETURN(DataDirLock lock, DataDirLock::Take(p.config.data_dir));
  p.lock.emplace(std::move(lock));

  // Decoders first: they are forked from a small process, and the fewer threads there are by then the better.
  std::vector<std::string> layers;
  p.frames = std::move(options.frames);
  if (p.frames == nullptr) {
    TAMIZ_ASSIGN_OR_RETURN(std::unique_ptr<sandbox::DecoderPool> decoders,
                           sandbox::DecoderPool::Start(p.config.decode));
    decoders->OnExit([&p](sandbox::ExitReason reason) { p.metrics.DecoderExit(sandbox::ToString(reason)); });
    layers = decoders->layers();
    for (const std::string& layer : layers) p.metrics.SandboxLayer(layer);
    LogInfo("decoders are confined", {{"layers", fmt::format("{}", fmt::join(layers, ", "))}});
    p.decoders = decoders.get();
    p.frames = std::move(decoders);
  }

  TAMIZ_ASSIGN_OR_RETURN(p.store, OpenStore(p.config));
  p.lists = std::make_unique<store::ListRegistry>(
      *p.store, Clock::System(), store::RegistryOptions{.snapshot_dir = p.config.data_dir + "/snapshots"});
  p.lists->Configure(p.config.lists.save_snapshots, p.config.lists.keep_versions);
  p.lists->OnSwap([&p](const lists::ListInfo& info) {
    LogInfo("list swapped", {{"list", info.name}, {"version", static_cast<std::int64_t>(info.version)}});
    p.ReportLists();
    if (p.self_test_runner != nullptr) p.self_test_runner->Request();
  });
  TAMIZ_RETURN_IF_ERROR(p.lists->LoadAll());

  p.budget = std::make_unique<source::ByteBudget>(p.source.max_bytes_in_flight);
  TAMIZ_ASSIGN_OR_RETURN(p.fetcher, source::MakeFetcher(p.source, *p.budget));
  p.compute = std::make_unique<work::ComputePool>();
  TAMIZ_ASSIGN_OR_RETURN(auto calibration, calibration::Load(p.config.scan.calibration_file));
  p.scanner = std::make_unique<scan::Scanner>(
      p.config.scan,
      scan::Scanner::Parts{*p.frames, *p.fetcher, *p.lists, *p.store, *p.compute, p.metrics, Clock::System(),
                           [&p](const match::HitBreaker::Trip& trip) { return p.Trip(trip); }});
  p.scanner->SetCalibration(std::move(calibration));
  p.self_test =
      std::make_unique<scan::SelfTest>(*p.scanner, *p.lists, p.source, *p.budget, p.metrics, Clock::System());
  TAMIZ_RETURN_IF_ERROR(p.self_test->InstallList());
  TAMIZ_RETURN_IF_ERROR(p.lists->LoadAll());  // what another process made since the first time
  p.ReportLists();

  p.access = std::make_unique<AccessControl>(p.config.auth, p.metrics);
  p.admission = std::make_unique<work::Admission>(p.config.admission);
  p.uploads = std::make_unique<IoPool>("upload", kUploadThreads, kUploadQueue);
  p.changes = std::make_unique<IoPool>("list operation", kChangeThreads, kChangeQueue);
  p.exports = std::make_unique<IoPool>("export", kExportThreads, kExportQueue);
  p.syncs = std::make_unique<IoPool>("sync", kSyncThreads, kSyncQueue);
  p.exchange = p.config.exchange;
  if (p.exchange.secrets_dir.empty()) p.exchange.secrets_dir = p.config.data_dir + "/secrets";
  p.exchanges = std::make_unique<exchange::ExchangeRunner>(
      p.exchange, exchange::ExchangeRunner::Parts{*p.store, *p.lists, p.metrics, Clock::System()});
  p.self_test_runner =
      std::make_unique<SelfTestRunner>(*p.self_test, p.readiness, p.config.self_test.interval);
  p.follower = p.store->Follow([&p]() -> Status {
    TAMIZ_RETURN_IF_ERROR(p.lists->LoadAll());
    return p.exchanges->Refresh();
  });

  p.calls = std::make_unique<CallCount>(p.config.server.max_calls_in_flight);
  ConnectionWatch::Limits connection_limits;
  connection_limits.most_untaken = p.config.server.transport_memory_bytes;
  p.connections = std::make_unique<ConnectionWatch>(connection_limits, p.metrics);
  p.streams = std::make_unique<StreamWatch>(
      StreamWatch::Limits{p.config.server.stream_idle_time, p.config.server.max_call_time});
  const ServiceParts services = p.service_parts();
  p.scan_service = std::make_unique<ScanService>(services);
  p.hash_service = std::make_unique<HashService>(services);
  p.list_service = std::make_unique<ListService>(services);
  p.exchange_service = std::make_unique<ExchangeService>(services, *p.exchanges, *p.syncs);
  p.admin_service = std::make_unique<AdminService>(
      services, AdminService::Parts{p.readiness, *p.self_test, *p.self_test_runner, TAMIZ_VERSION,
                                    p.started_at, std::move(layers), [&p] { return p.Reload(); }});
  std::unique_ptr<App> app(new App(std::move(parts)));
  TAMIZ_RETURN_IF_ERROR(p.exchanges->Refresh());
  TAMIZ_RETURN_IF_ERROR(p.Listen());
  p.housekeeping = std::jthread([&p](const std::stop_token& stop) { p.Housekeeping(stop); });
  return app;
}

App::App(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

App::~App() { parts_->ShutDownOnce(); }

int App::grpc_port() const { return parts_->grpc_port; }
int App::metrics_port() const { return parts_->metrics_server ? parts_->metrics_server->port() : 0; }
bool App::ready() const { return parts_->readiness.Problems().empty(); }
Status App::ReloadConfig() { return parts_->Reload().status(); }
bool App::Shutdown() { return parts_->ShutDownOnce(); }

}  // namespace tamiz::server
