#include "core/store/postgres_watch.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/base/unique_fd.h"
#include "core/store/pg_connection.h"

namespace tamiz::store {
namespace {

constexpr std::chrono::milliseconds kFirstDelay{100};
constexpr std::chrono::milliseconds kLongestDelay{2000};
constexpr std::chrono::milliseconds kLongestRetry{30'000};

class PostgresWatch final : public Watch {
 public:
  PostgresWatch(const Config& config, const PgOptions& options, std::function<Status()> on_change)
      : config_(config),
        options_(options),
        on_change_(std::move(on_change)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        thread_([this](const std::stop_token& stop) { Run(stop); }) {}

  ~PostgresWatch() override {
    thread_.request_stop();
    (void)::eventfd_write(wake_.get(), 1);
  }

  std::string Problem() const override {
    MutexLock lock(mutex_);
    return problem_;
  }

 private:
  void Run(const std::stop_token& stop);
  // Connects, then follows until the connection is lost or the watch ends.
  Status FollowOn(const std::stop_token& stop);
  // Calls on_change if the lists are not as when it last succeeded.
  Status Look(PgConnection& connection);
  void SetProblem(std::string problem);
  // Waits, or less if the watch ends.
  void Pause(std::chrono::milliseconds time) const;

  // Constant after construction.
  const Config config_;
  const PgOptions options_;
  const std::function<Status()> on_change_;
  const UniqueFd wake_;

  // The watch's thread only.
  std::optional<std::string> seen_;
  std::chrono::milliseconds delay_{0};
  std::chrono::milliseconds failures_{0};  // how long to wait after the next failure of on_change
  SteadyTime retry_at_{};

  mutable Mutex mutex_;
  std::string problem_ TAMIZ_GUARDED_BY(mutex_) = "not connected yet";

  std::jthread thread_;  // last: it uses the rest
};

void PostgresWatch::SetProblem(std::string problem) {
  bool was_fine = false;
  {
    MutexLock lock(mutex_);
    was_fine = problem_.empty();
    problem_ = problem;
  }
  if (!problem.empty() && was_fine) LogWarn("changes of lists are not followed", {{"why", problem}});
  if (problem.empty() && !was_fine) LogInfo("following changes of lists", {{"database", options_.where}});
}

void PostgresWatch::Pause(std::chrono::milliseconds time) const {
  pollfd entry{.fd = wake_.get(), .events = POLLIN};
  (void)::poll(&entry, 1, static_cast<int>(time.count()));
}

void PostgresWatch::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Status lost = FollowOn(stop);
    if (stop.stop_requested()) return;
    SetProblem(Message(lost));
    delay_ = std::clamp(delay_ * 2, kFirstDelay, kLongestDelay);
    Pause(delay_);
  }
}

Status PostgresWatch::Look(PgConnection& connection) {
  // A list that came, went or changed changes this text; long ones are compared by their digest.
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult rows,
      connection.Query(fmt::format("SELECT md5(coalesce(string_agg(list_key || ':' || revision, ',' ORDER BY "
                                   "list_key), '')) FROM \"{}\".lists",
                                   config_.schema)));
  const std::string now = rows.Text(0, 0);
  if (seen_ == now || std::chrono::steady_clock::now() < retry_at_) return OkStatus();
  if (const Status status = on_change_(); !status.ok()) {
    // Looked at again later: seen_ stays as it was. Reading a large list again and again is no help.
    failures_ =
        std::clamp(failures_ * 2, config_.poll_interval, std::max(config_.poll_interval, kLongestRetry));
    retry_at_ = std::chrono::steady_clock::now() + failures_;
    LogWarn("changes of lists could not be taken over and are tried again", {{"why", Message(status)}});
    return OkStatus();
  }
  seen_ = now;
  failures_ = {};
  return OkStatus();
}

Status PostgresWatch::FollowOn(const std::stop_token& stop) {
  TAMIZ_ASSIGN_OR_RETURN(const auto connection, PgConnection::Connect(options_.keywords, options_.where));
  connection->SetPatience(config_.statement_timeout);
  TAMIZ_RETURN_IF_ERROR(connection->Run(fmt::format(
      "SET statement_timeout = {}; LISTEN {}", config_.statement_timeout.count(), WatchChannel(config_))));
  delay_ = {};
  SetProblem("");
  while (!stop.stop_requested()) {
    TAMIZ_RETURN_IF_ERROR(Look(*connection));
    const SteadyTime until = std::chrono::steady_clock::now() + config_.poll_interval;
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < until) {
      TAMIZ_ASSIGN_OR_RETURN(const bool told, connection->WaitForNotification(until, wake_.get()));
      if (told) break;
    }
  }
  return OkStatus();
}

}  // namespace

std::string WatchChannel(const Config& config) { return "tamiz_lists_" + config.schema; }

std::unique_ptr<Watch> WatchPostgres(const Config& config, const PgOptions& options,
                                     std::function<Status()> on_change) {
  return std::make_unique<PostgresWatch>(config, options, std::move(on_change));
}

}  // namespace tamiz::store
