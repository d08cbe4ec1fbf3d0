// A bounded set of connections to PostgreSQL.
#pragma once

#include <memory>
#include <vector>

#include "core/base/mutex.h"
#include "core/store/pg_connection.h"
#include "core/store/pg_options.h"

namespace tamiz::store {

// Thread-safe. While the server cannot be reached one caller at a time tries to, after a delay that grows to
// a second; the others are told at once. So a database that is gone holds nobody up.
class PgPool {
 public:
  PgPool(PgOptions options, std::size_t size);

  struct Taken {
    std::unique_ptr<PgConnection> connection;
    bool is_fresh = false;  // connected just now: if it fails, so does the server
  };
  // Waits for a free connection until `until`. UNAVAILABLE if there is none by then, or the server cannot be
  // reached.
  [[nodiscard]] StatusOr<Taken> Take(SteadyTime until);
  // A broken connection is closed, and idle ones with it: they are likely to be broken too.
  void GiveBack(std::unique_ptr<PgConnection> connection);

  [[nodiscard]] const PgOptions& options() const { return options_; }

 private:
  const PgOptions options_;
  const std::size_t size_;

  Mutex mutex_;
  CondVar freed_;
  std::vector<std::unique_ptr<PgConnection>> idle_ TAMIZ_GUARDED_BY(mutex_);
  std::size_t taken_ TAMIZ_GUARDED_BY(mutex_) = 0;
  // After a failed attempt to connect: what it said, when to try again, and whether somebody does.
  Status failure_ TAMIZ_GUARDED_BY(mutex_);
  SteadyTime retry_at_ TAMIZ_GUARDED_BY(mutex_){};
  std::chrono::milliseconds delay_ TAMIZ_GUARDED_BY(mutex_){0};
  bool is_trying_ TAMIZ_GUARDED_BY(mutex_) = false;
};

// A transaction on a connection of the pool; rolled back unless committed.
class PgTransaction {
 public:
  enum class Kind {
    kRead,   // sees one state of the database throughout
    kWrite,  // each statement sees what is committed by then: take the list's row lock first
  };
  struct Settings {
    std::string schema;
    std::chrono::milliseconds statement_timeout{};
    std::chrono::milliseconds take_timeout{};  // waiting for a connection
  };
  [[nodiscard]] static StatusOr<PgTransaction> Begin(PgPool& pool, Kind kind, const Settings& settings);
  ~PgTransaction();
  PgTransaction(PgTransaction&& other) noexcept;
  PgTransaction& operator=(PgTransaction&&) = delete;

  PgConnection* operator->() { return connection_.get(); }
  // UNAVAILABLE with the reason STORE_OUTCOME_UNKNOWN if the connection was lost while the server may have
  // committed.
  [[nodiscard]] Status Commit();

 private:
  PgTransaction(PgPool& pool, std::unique_ptr<PgConnection> connection)
      : pool_(&pool), connection_(std::move(connection)) {}

  PgPool* pool_;
  std::unique_ptr<PgConnection> connection_;
  bool is_open_ = true;
};

}  // namespace tamiz::store
