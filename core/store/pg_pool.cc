#include "core/store/pg_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/log.h"

namespace tamiz::store {
namespace {

constexpr std::chrono::milliseconds kFirstDelay{50};
constexpr std::chrono::milliseconds kLongestDelay{1000};
// The server itself ends a statement at its limit; this is for a server that cannot.
constexpr std::chrono::milliseconds kGrace{5000};

}  // namespace

PgPool::PgPool(PgOptions options, std::size_t size) : options_(std::move(options)), size_(size) {}

StatusOr<PgPool::Taken> PgPool::Take(SteadyTime until) {
  {
    MutexLock lock(mutex_);
    while (true) {
      if (!idle_.empty()) {
        Taken taken{std::move(idle_.back())};
        idle_.pop_back();
        ++taken_;
        return taken;
      }
      if (!failure_.ok() && (is_trying_ || std::chrono::steady_clock::now() < retry_at_)) return failure_;
      if (taken_ < size_) break;
      if (!freed_.WaitUntil(mutex_, until) && std::chrono::steady_clock::now() >= until) {
        return MakeError(StatusCode::kUnavailable,
                         fmt::format("{}: all {} connections are in use; try again, or raise store.pool_size",
                                     options_.where, size_),
                         "STORE_BUSY");
      }
    }
    ++taken_;
    is_trying_ = !failure_.ok();
  }
  auto made = PgConnection::Connect(options_.keywords, options_.where);
  MutexLock lock(mutex_);
  is_trying_ = false;
  if (!made.ok()) {
    --taken_;
    failure_ = made.status();
    delay_ = std::clamp(delay_ * 2, kFirstDelay, kLongestDelay);
    retry_at_ = std::chrono::steady_clock::now() + delay_;
    freed_.NotifyAll();
    return made.status();
  }
  failure_ = OkStatus();
  delay_ = {};
  return Taken{*std::move(made), /*is_fresh=*/true};
}

void PgPool::GiveBack(std::unique_ptr<PgConnection> connection) {
  std::vector<std::unique_ptr<PgConnection>> closed;  // outside the lock
  MutexLock lock(mutex_);
  --taken_;
  if (connection->is_broken()) {
    closed = std::move(idle_);
    idle_.clear();
  } else {
    idle_.push_back(std::move(connection));
  }
  freed_.NotifyOne();
}

StatusOr<PgTransaction> PgTransaction::Begin(PgPool& pool, Kind kind, const Settings& settings) {
  const SteadyTime until = std::chrono::steady_clock::now() + settings.take_timeout;
  // Settings of the transaction and not of the session, so that a pooler between may share sessions.
  const std::string begin = fmt::format(
      "BEGIN ISOLATION LEVEL {}; SET LOCAL search_path = \"{}\"; SET LOCAL statement_timeout = {}; "
      "SET LOCAL lock_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = {}; "
      "SET LOCAL client_min_messages = warning",
      kind == Kind::kRead ? "REPEATABLE READ" : "READ COMMITTED", settings.schema,
      settings.statement_timeout.count(), settings.take_timeout.count(), 60'000);
  while (true) {
    TAMIZ_ASSIGN_OR_RETURN(PgPool::Taken taken, pool.Take(until));
    PgTransaction transaction(pool, std::move(taken.connection));
    transaction->SetPatience(settings.take_timeout + kGrace);
    const Status begun = transaction->Run(begin);
    transaction->SetPatience(settings.statement_timeout + kGrace);
    if (begun.ok()) return transaction;
    // The server may have been restarted since the connection was last used: nothing was done yet.
    if (taken.is_fresh || !transaction->is_broken()) return begun;
  }
}

PgTransaction::PgTransaction(PgTransaction&& other) noexcept
    : pool_(other.pool_), connection_(std::move(other.connection_)), is_open_(other.is_open_) {}

PgTransaction::~PgTransaction() {
  if (connection_ == nullptr) return;
  if (is_open_ && !connection_->is_broken()) {
    if (const Status status = connection_->Run("ROLLBACK"); !status.ok()) {
      LogDebug("a transaction ended with its connection", {{"error", Message(status)}});
    }
  }
  pool_->GiveBack(std::move(connection_));
}

Status PgTransaction::Commit() {
  is_open_ = false;
  const Status status = connection_->Run("COMMIT");
  if (!status.ok() && connection_->is_broken()) {
    return MakeError(
        StatusCode::kUnavailable,
        fmt::format("{}: the connection was lost while the change was being committed; it may have "
                    "been made or not: read the list's version before you repeat it",
                    connection_->where()),
        "STORE_OUTCOME_UNKNOWN");
  }
  return status;
}

}  // namespace tamiz::store
