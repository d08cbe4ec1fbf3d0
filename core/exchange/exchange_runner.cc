#include "core/exchange/exchange_runner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/exchange/fingerprint.h"
#include "core/exchange/stopncii.h"
#include "core/net/http_client.h"
#include "core/store/change_codec.h"

namespace tamiz::exchange {
namespace {

constexpr std::size_t kMostExchanges = 64;
// A sync that failed is tried again sooner than the schedule says, but not in a hurry.
constexpr auto kRetry = std::chrono::minutes(5);
// After a start, so that all replicas do not ask at once.
constexpr auto kFirstDelay = std::chrono::seconds(2);
// Another replica reads the same exchange: it is left alone for a while.
constexpr auto kOtherReads = std::chrono::seconds(10);

std::string_view OutcomeOf(SyncResult::How how) {
  switch (how) {
    case SyncResult::How::kChanged:
      return "changed";
    case SyncResult::How::kUnchanged:
      return "unchanged";
    case SyncResult::How::kWaiting:
      return "waiting";
  }
  return "failed";
}

Status NoSuchExchange(std::string_view name) {
  return MakeError(StatusCode::kNotFound, fmt::format("there is no exchange '{}'", name),
                   "EXCHANGE_NOT_FOUND");
}

bool IsReadByAnother(const Status& status) { return Reason(status) == "CHECKPOINT_MOVED"; }

}  // namespace

struct ExchangeRunner::State {
  State(const Config& c, const ExchangeRunner::Parts& p) : config(c), parts(p) {}

  // One exchange and its thread.
  struct Worker {
    std::string name;
    Mutex mutex;
    CondVar changed;
    SteadyTime due TAMIZ_GUARDED_BY(mutex){};  // a clock that is set neither hurries nor delays it
    bool is_running TAMIZ_GUARDED_BY(mutex) = false;
    std::jthread thread;  // last: ends before what it uses goes
  };

  exchange::Parts ExchangeParts() { return {config, client, parts.clock}; }

  // The exchange as the store has it.
  struct Found {
    Settings settings;
    std::string list_id, checkpoint;
    ExchangeState state;
    bool has_pending = false;
  };
  StatusOr<std::vector<Found>> ReadAll();
  StatusOr<Found> Read(std::string_view name);
  Status Write(const Found& found);

  StatusOr<std::string> ListFor(const Settings& settings);
  // If there is none.
  void StartWorker(const std::string& name);
  // Null if there is none.
  std::shared_ptr<Worker> TakeWorker(std::string_view name);
  void End(std::shared_ptr<Worker> worker);
  void Work(Worker& worker, const std::stop_token& stop);
  StatusOr<SyncResult> RunOnce(const std::string& name, bool by_hand, const CallContext& context);
  StatusOr<SyncResult> ReadOn(Found& found, const CallContext& context);
  void Note(Found& found, const StatusOr<SyncResult>& result);
  std::chrono::milliseconds Delay(const Found& found);
  std::shared_ptr<Worker> FindWorker(std::string_view name) {
    MutexLock lock(mutex);
    const auto at = workers.find(name);
    return at == workers.end() ? nullptr : at->second;
  }

  const Config& config;
  const ExchangeRunner::Parts parts;
  net::HttpClient client;
  Mutex set_mutex;  // held while exchanges and workers are made the same set, before `mutex`
  Mutex mutex;
  std::map<std::string, std::shared_ptr<Worker>, std::less<>> workers TAMIZ_GUARDED_BY(mutex);
};

StatusOr<std::vector<ExchangeRunner::State::Found>> ExchangeRunner::State::ReadAll() {
  TAMIZ_ASSIGN_OR_RETURN(const std::vector<store::ExchangeRow> rows, parts.store.Exchanges());
  TAMIZ_ASSIGN_OR_RETURN(const std::vector<lists::ListInfo> lists, parts.store.Lists());
  TAMIZ_ASSIGN_OR_RETURN(const std::vector<store::PendingChange> pending, parts.store.PendingChanges());
  std::vector<Found> all;
  for (const store::ExchangeRow& row : rows) {
    Found found{.list_id = row.list_id, .checkpoint = row.checkpoint, .state = StateFromJson(row.status)};
    TAMIZ_ASSIGN_OR_RETURN(found.settings, SettingsFromJson(row.settings));
    found.settings.name = row.name;
    const auto list = std::ranges::find(lists, row.list_id, &lists::ListInfo::list_id);
    if (list != lists.end()) found.settings.list = list->name;
    found.has_pending =
        std::ranges::find(pending, row.list_id, &store::PendingChange::list_id) != pending.end();
    all.push_back(std::move(found));
  }
  return all;
}

StatusOr<ExchangeRunner::State::Found> ExchangeRunner::State::Read(std::string_view name) {
  TAMIZ_ASSIGN_OR_RETURN(std::vector<Found> all, ReadAll());
  for (Found& found : all) {
    if (found.settings.name == name) return std::move(found);
  }
  return NoSuchExchange(name);
}

Status ExchangeRunner::State::Write(const Found& found) {
  return parts.store.UpdateExchange(
      {.name = found.settings.name, .settings = ToJson(found.settings), .status = ToJson(found.state)});
}

// The id of the list that the exchange feeds; it is made if there is none.
StatusOr<std::string> ExchangeRunner::State::ListFor(const Settings& settings) {
  const bool is_ncii = settings.type == "stopncii";
  StatusOr<lists::ListInfo> list = parts.lists.GetList(settings.list);
  if (list.ok()) {
    if (list->built_in || list->kind != lists::ListKind::kBlock) {
      return WithField(
          MakeError(StatusCode::kFailedPrecondition,
                    fmt::format("list '{}' cannot be fed by an exchange", settings.list), "LIST_UNSUITABLE"),
          "list");
    }
    const bool says_not_csam = std::ranges::find(list->labels, kNotCsamLabel) != list->labels.end();
    if (is_ncii != says_not_csam) {
      return WithField(
          MakeError(StatusCode::kFailedPrecondition,
                    fmt::format("list '{}' {} the label {}: StopNCII's images of adults and child abuse "
                                "material never share a list; name another list",
                                settings.list, says_not_csam ? "has" : "lacks", kNotCsamLabel),
                    "LIST_UNSUITABLE"),
          "list");
    }
    return list->list_id;
  }
  if (list.status().code() != StatusCode::kNotFound) return list.status();
  lists::ListInfo info{.name = settings.list, .source_org = is_ncii ? "StopNCII" : "NCMEC"};
  if (is_ncii) {
    info.labels = {std::string(kNciiLabel), std::string(kNotCsamLabel)};
    info.description =
        "Intimate images of adults, shared without consent (StopNCII). Not child abuse material: a match "
        "must "
        "never lead to a CyberTipline report.";
    info.policy.action_hint = kNciiActionHint;
  } else {
    info.description = fmt::format("NCMEC Hash Sharing, {}",
                                   settings.environment.empty() ? "own address" : settings.environment);
  }
  TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo made, parts.lists.CreateList(info));
  return made.list_id;
}

std::chrono::milliseconds ExchangeRunner::State::Delay(const Found& found) {
  std::chrono::milliseconds base = found.settings.interval;
  if (found.state.outcome == "failed") base = std::min<std::chrono::milliseconds>(base, kRetry);
  thread_local std::minstd_rand random{std::random_device{}()};
  const double factor = std::uniform_real_distribution<double>(0.9, 1.1)(random);
  return std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(base.count()) * factor));
}

void ExchangeRunner::State::StartWorker(const std::string& name) {
  MutexLock lock(mutex);
  std::shared_ptr<Worker>& worker = workers[name];
  if (worker != nullptr) return;
  worker = std::make_shared<Worker>();
  worker->name = name;
  Worker* const one = worker.get();
  {
    MutexLock worker_lock(one->mutex);
    one->due = parts.clock.Now() + kFirstDelay;
  }
  one->thread = std::jthread([this, one](const std::stop_token& stop) { Work(*one, stop); });
}

std::shared_ptr<ExchangeRunner::State::Worker> ExchangeRunner::State::TakeWorker(std::string_view name) {
  MutexLock lock(mutex);
  const auto at = workers.find(name);
  if (at == workers.end()) return nullptr;
  std::shared_ptr<Worker> worker = std::move(at->second);
  workers.erase(at);
  return worker;
}

void ExchangeRunner::State::End(std::shared_ptr<Worker> worker) {
  if (worker == nullptr) return;
  worker->thread.request_stop();
  if (worker->thread.joinable()) worker->thread.join();
  parts.metrics.ExchangeGone(worker->name);
}

void ExchangeRunner::State::Work(Worker& worker, const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [&] {
    MutexLock lock(worker.mutex);
    worker.changed.NotifyAll();
  });
  while (!stop.stop_requested()) {
    {
      MutexLock lock(worker.mutex);
      if (stop.stop_requested()) return;  // under the lock: the callback has not been missed
      const SteadyTime now = parts.clock.Now();
      if (worker.due > now) {
        worker.changed.WaitUntil(worker.mutex, std::chrono::steady_clock::now() + (worker.due - now));
        continue;
      }
      if (worker.is_running) {
        worker.due = now + kFirstDelay;
        continue;
      }
      worker.is_running = true;
    }
    CallContext context;
    context.stop = stop;
    const StatusOr<SyncResult> result = RunOnce(worker.name, /*by_hand=*/false, context);
    const StatusOr<Found> found = Read(worker.name);
    MutexLock lock(worker.mutex);
    worker.is_running = false;
    worker.due = parts.clock.Now() + (IsReadByAnother(result.status()) ? kOtherReads
                                      : found.ok()                     ? Delay(*found)
                                                                       : kRetry);
    if (result.ok() && !result->is_caught_up && result->how == SyncResult::How::kChanged) {
      worker.due = parts.clock.Now();  // there is more
    }
  }
}

// Runs with the worker's `is_running` held by the caller.
StatusOr<SyncResult> ExchangeRunner::State::RunOnce(const std::string& name, bool by_hand,
                                                    const CallContext& context) {
  TAMIZ_ASSIGN_OR_RETURN(Found found, Read(name));
  if (found.has_pending) {
    return MakeError(
        StatusCode::kFailedPrecondition,
        fmt::format("a change of list '{}' waits: approve or reject it first (tamiz list approve)",
                    found.settings.list),
        "CHANGE_PENDING");
  }
  if (found.state.is_paused && !by_hand) {
    return MakeError(StatusCode::kFailedPrecondition, "the exchange is paused: its last change was rejected",
                     "EXCHANGE_PAUSED");
  }
  if (found.state.last_success) parts.lists.Confirm(found.list_id, *found.state.last_success);
  // Another replica on the same database may have been faster.
  const WallTime now = parts.clock.WallNow();
  const bool is_settled = found.state.outcome == "changed" || found.state.outcome == "unchanged";
  if (!by_hand && found.state.is_caught_up && is_settled &&
      WasTriedLately(found.state, found.settings.interval, now)) {
    return SyncResult{.is_caught_up = true};
  }
  found.state.last_attempt = now;
  StatusOr<SyncResult> result = ReadOn(found, context);
  // By hand one waits for the end: it goes on from where the other replica is. Each round one of them gets
  // on.
  while (by_hand && IsReadByAnother(result.status()) &&
         context.StillWanted(std::chrono::steady_clock::now()).ok()) {
    TAMIZ_ASSIGN_OR_RETURN(found, Read(name));
    found.state.last_attempt = now;
    result = ReadOn(found, context);
  }
  // A reading that was cut off goes on later, as does one that another replica is faster with; that says
  // nothing of the exchange.
  if (result.status().code() != StatusCode::kCancelled &&
      result.status().code() != StatusCode::kDeadlineExceeded && !IsReadByAnother(result.status())) {
    Note(found, result);
  }
  return result;
}

StatusOr<SyncResult> ExchangeRunner::State::ReadOn(Found& found, const CallContext& context) {
  const std::unique_ptr<Exchange> exchange = MakeExchange(found.settings, ExchangeParts());
  const SyncTarget target{.exchange = found.settings.name,
                          .list_id = found.list_id,
                          .checkpoint = found.checkpoint,
                          .is_guarded = found.state.is_caught_up,
                          .max_change_share = found.settings.max_change_share < 0
                                                  ? config.max_change_share
                                                  : found.settings.max_change_share,
                          .min_guarded_entries = config.min_guarded_entries};
  return Sync(*exchange, target, parts.lists, parts.store, context);
}

void ExchangeRunner::State::Note(Found& found, const StatusOr<SyncResult>& result) {
  ExchangeState& state = found.state;
  if (result.ok()) {
    state.outcome = OutcomeOf(result->how);
    state.message.clear();
    state.counts = result->counts;
    state.skipped = result->skipped;
    state.is_paused = false;
    if (result->is_caught_up && result->how != SyncResult::How::kWaiting) {
      state.is_caught_up = true;
      state.last_success = parts.clock.WallNow();
      parts.lists.Confirm(found.list_id, *state.last_success);
    }
  } else {
    state.outcome = "failed";
    state.message = Message(result.status());
  }
  parts.metrics.Synced(found.settings.name, state.outcome, state.last_success, state.skipped);
  parts.metrics.ExchangePending(found.settings.name, state.outcome == "waiting");
  LogInfo("exchange synchronised", {{"exchange", found.settings.name},
                                    {"list", found.settings.list},
                                    {"outcome", state.outcome},
                                    {"added", static_cast<std::int64_t>(state.counts.added)},
                                    {"updated", static_cast<std::int64_t>(state.counts.updated)},
                                    {"removed", static_cast<std::int64_t>(state.counts.removed)},
                                    {"skipped", static_cast<std::int64_t>(state.skipped)},
                                    {"why", state.message}});
  if (const Status written = Write(found); !written.ok()) {
    LogError("the state of an exchange could not be written",
             {{"exchange", found.settings.name}, {"error", Message(written)}});
  }
}

ExchangeRunner::ExchangeRunner(const Config& config, const Parts& parts)
    : state_(std::make_unique<State>(config, parts)) {}

ExchangeRunner::~ExchangeRunner() {
  std::map<std::string, std::shared_ptr<State::Worker>, std::less<>> workers;
  {
    MutexLock lock(state_->mutex);
    workers.swap(state_->workers);
  }
  for (const auto& [name, worker] : workers) worker->thread.request_stop();
}

Status ExchangeRunner::Refresh() {
  std::vector<std::shared_ptr<State::Worker>> gone;
  {
    MutexLock set(state_->set_mutex);
    TAMIZ_ASSIGN_OR_RETURN(const std::vector<State::Found> all, state_->ReadAll());
    std::set<std::string_view> names;
    for (const State::Found& found : all) {
      names.insert(found.settings.name);
      state_->parts.metrics.Synced(found.settings.name, "", found.state.last_success, 0);
      if (found.state.last_success) state_->parts.lists.Confirm(found.list_id, *found.state.last_success);
      state_->parts.metrics.ExchangePending(found.settings.name, found.has_pending);
      state_->StartWorker(found.settings.name);
    }
    MutexLock lock(state_->mutex);
    for (auto at = state_->workers.begin(); at != state_->workers.end();) {
      if (names.contains(at->first)) {
        ++at;
      } else {
        gone.push_back(std::move(at->second));
        at = state_->workers.erase(at);
      }
    }
  }
  for (std::shared_ptr<State::Worker>& worker : gone) state_->End(std::move(worker));
  return OkStatus();
}

StatusOr<ExchangeStatus> ExchangeRunner::Add(const Settings& settings) {
  TAMIZ_RETURN_IF_ERROR(Validate(settings, state_->config));
  {
    MutexLock lock(state_->mutex);
    if (state_->workers.size() >= kMostExchanges) {
      return MakeError(StatusCode::kResourceExhausted,
                       fmt::format("there are {} exchanges already", kMostExchanges), "TOO_MANY_EXCHANGES");
    }
    if (state_->workers.contains(settings.name)) {
      return MakeError(StatusCode::kAlreadyExists,
                       fmt::format("an exchange named '{}' exists", settings.name),
                       "EXCHANGE_ALREADY_EXISTS");
    }
  }
  TAMIZ_ASSIGN_OR_RETURN(const std::string list_id, state_->ListFor(settings));
  {
    MutexLock set(state_->set_mutex);
    TAMIZ_RETURN_IF_ERROR(state_->parts.store.CreateExchange({.name = settings.name,
                                                              .list_id = list_id,
                                                              .settings = ToJson(settings),
                                                              .status = ToJson(ExchangeState{})}));
    state_->parts.metrics.Synced(settings.name, "", std::nullopt, 0);
    state_->StartWorker(settings.name);
  }
  return Get(settings.name);
}

Status ExchangeRunner::Remove(std::string_view name) {
  std::shared_ptr<State::Worker> worker;
  {
    MutexLock set(state_->set_mutex);
    TAMIZ_RETURN_IF_ERROR(state_->parts.store.DeleteExchange(name));
    worker = state_->TakeWorker(name);
  }
  state_->End(std::move(worker));
  return OkStatus();
}

StatusOr<std::vector<ExchangeStatus>> ExchangeRunner::All() {
  TAMIZ_ASSIGN_OR_RETURN(std::vector<State::Found> all, state_->ReadAll());
  std::vector<ExchangeStatus> statuses;
  for (State::Found& found : all) {
    ExchangeStatus& status = statuses.emplace_back();
    if (const auto worker = state_->FindWorker(found.settings.name)) {
      MutexLock lock(worker->mutex);
      status.is_running = worker->is_running;
      if (!worker->is_running && !found.state.is_paused && !found.has_pending)
        status.next_attempt = state_->parts.clock.WallNow() + std::chrono::duration_cast<WallTime::duration>(
                                                                  worker->due - state_->parts.clock.Now());
    }
    status.settings = std::move(found.settings);
    status.state = std::move(found.state);
    status.has_pending = found.has_pending;
  }
  return statuses;
}

StatusOr<ExchangeStatus> ExchangeRunner::Get(std::string_view name) {
  TAMIZ_ASSIGN_OR_RETURN(std::vector<ExchangeStatus> all, All());
  for (ExchangeStatus& status : all) {
    if (status.settings.name == name) return std::move(status);
  }
  return NoSuchExchange(name);
}

StatusOr<ExchangeStatus> ExchangeRunner::SyncNow(std::string_view name, const CallContext& context) {
  if (state_->FindWorker(name) == nullptr) TAMIZ_RETURN_IF_ERROR(Refresh());  // another replica's, and new
  const auto worker = state_->FindWorker(name);
  if (worker == nullptr) return NoSuchExchange(name);
  {
    MutexLock lock(worker->mutex);
    if (worker->is_running) {
      return MakeError(StatusCode::kAborted, fmt::format("a sync of exchange '{}' runs already", name),
                       "SYNC_RUNNING");
    }
    worker->is_running = true;
  }
  StatusOr<SyncResult> result = SyncResult{};
  do {
    result = state_->RunOnce(worker->name, /*by_hand=*/true, context);
  } while (result.ok() && !result->is_caught_up && result->how == SyncResult::How::kChanged);
  {
    MutexLock lock(worker->mutex);
    worker->is_running = false;
  }
  TAMIZ_RETURN_IF_ERROR(result.status());
  return Get(name);
}

StatusOr<std::string> ExchangeRunner::Test(std::string_view name, const CallContext& context) {
  TAMIZ_ASSIGN_OR_RETURN(const State::Found found, state_->Read(name));
  return MakeExchange(found.settings, state_->ExchangeParts())->Test(context);
}

StatusOr<std::vector<FeedbackReason>> ExchangeRunner::FeedbackReasons(std::string_view name,
                                                                      const std::string& type,
                                                                      const CallContext& context) {
  TAMIZ_ASSIGN_OR_RETURN(const State::Found found, state_->Read(name));
  return MakeExchange(found.settings, state_->ExchangeParts())->FeedbackReasons(NormalType(type), context);
}

Status ExchangeRunner::SendFeedback(std::string_view name, std::string_view entry_id, Feedback feedback,
                                    const CallContext& context) {
  TAMIZ_ASSIGN_OR_RETURN(const State::Found found, state_->Read(name));
  TAMIZ_ASSIGN_OR_RETURN(const lists::Entry entry, state_->parts.store.GetEntry(found.list_id, entry_id));
  feedback.type = NormalType(feedback.type);
  std::set<std::string> types;
  for (const lists::EntryHash& hash : entry.hashes) types.insert(TypeName(hash));
  // Large fingerprints may be there and not kept.
  if (const auto large = entry.metadata.find("large_fingerprints"); large != entry.metadata.end()) {
    for (std::size_t at = 0; at < large->second.size();) {
      const std::size_t end = std::min(large->second.find(',', at), large->second.size());
      types.insert(large->second.substr(at, end - at));
      at = end + 1;
    }
  }
  if (!types.contains(feedback.type)) {
    return WithField(InvalidArgument(fmt::format("the entry has no hash of type '{}'; it has {}",
                                                 feedback.type, fmt::join(types, ", "))),
                     "hash_type");
  }
  return MakeExchange(found.settings, state_->ExchangeParts())->SendFeedback(entry, feedback, context);
}

StatusOr<lists::ListInfo> ExchangeRunner::Approve(std::string_view list, bool reject,
                                                  store::ChangeCounts& counts) {
  store::Store& store = state_->parts.store;
  TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo info, store.GetList(list));
  TAMIZ_ASSIGN_OR_RETURN(const store::PendingChange pending, store.GetPending(info.list_id));
  counts = pending.counts;
  TAMIZ_ASSIGN_OR_RETURN(std::vector<State::Found> all, state_->ReadAll());
  std::erase_if(all, [&](const State::Found& found) { return found.list_id != info.list_id; });
  const auto settled = [&] {
    for (const State::Found& found : all) {
      state_->parts.metrics.ExchangePending(found.settings.name, false);
      if (const auto worker = state_->FindWorker(found.settings.name); worker != nullptr && !reject) {
        MutexLock lock(worker->mutex);
        worker->due = state_->parts.clock.Now();  // what came since
        worker->changed.NotifyAll();
      }
    }
  };
  if (!reject) {
    TAMIZ_ASSIGN_OR_RETURN(store::Change change, store::DecodeChange(pending.body));
    change.settles_pending = true;
    StatusOr<lists::ListInfo> changed =
        state_->parts.lists.Apply(info.list_id, change, /*dry_run=*/false, counts);
    if (IsReadByAnother(changed.status())) {
      // What it holds and what came since is read again, and looked at again.
      TAMIZ_RETURN_IF_ERROR(store.DeletePending(info.list_id));
      settled();
      return MakeError(StatusCode::kAborted,
                       fmt::format("the change of list '{}' is out of date and was dropped: its exchange was "
                                   "read on meanwhile; the next sync brings what is missing",
                                   info.name),
                       "CHANGE_OUTDATED");
    }
    if (changed.ok()) settled();
    return changed;
  }
  // First paused, then dropped: in between nothing could bring it back by itself.
  for (State::Found& found : all) {
    found.state.is_paused = true;
    found.state.message = "its last change was rejected; a sync by hand goes on";
    TAMIZ_RETURN_IF_ERROR(state_->Write(found));
  }
  TAMIZ_RETURN_IF_ERROR(store.DeletePending(info.list_id));
  settled();
  return info;
}

}  // namespace tamiz::exchange
