// One connection to PostgreSQL (libpq): parameters and results in binary, a deadline for every wait.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"

namespace tamiz::store {

// A statement's parameter, typed, so that the server neither guesses nor parses.
struct PgParam {
  static PgParam Int(std::int64_t value);
  static PgParam Real(double value);
  static PgParam Text(std::string_view value);
  static PgParam Bytes(std::string_view value);

  Oid type;
  std::string bytes;
};
using PgParams = std::vector<PgParam>;

// Rows of an answer, in binary. Columns are read by position.
class PgResult {
 public:
  explicit PgResult(PGresult* result) : result_(result) {}
  [[nodiscard]] PGresult* get() const { return result_.get(); }
  [[nodiscard]] int rows() const { return PQntuples(result_.get()); }
  [[nodiscard]] bool empty() const { return rows() == 0; }
  // Rows that an INSERT, UPDATE, DELETE or COPY touched.
  [[nodiscard]] std::uint64_t affected() const;
  [[nodiscard]] bool IsNull(int row, int column) const {
    return PQgetisnull(result_.get(), row, column) != 0;
  }
  // Text or bytea; valid as long as this.
  [[nodiscard]] std::string_view Bytes(int row, int column) const;
  [[nodiscard]] std::string Text(int row, int column) const { return std::string(Bytes(row, column)); }
  [[nodiscard]] std::int64_t Int(int row, int column) const;  // boolean, smallint, integer, bigint
  [[nodiscard]] double Real(int row, int column) const;       // double precision

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

// Not thread-safe. Errors are UNAVAILABLE if the server cannot be reached or cannot serve now, with cause and
// remedy; after one that broke the connection (is_broken) every call fails.
class PgConnection {
 public:
  // `options`: libpq's keywords and values. `where` names the server in messages, for example
  // "PostgreSQL at db:5432/tamiz".
  [[nodiscard]] static StatusOr<std::unique_ptr<PgConnection>> Connect(
      const std::vector<std::pair<std::string, std::string>>& options, std::string where);
  ~PgConnection();
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  // How long the server may keep silent in any of the calls below; then the connection is broken.
  void SetPatience(std::chrono::milliseconds patience) { patience_ = patience; }

  // Statements without parameters, separated by semicolons.
  [[nodiscard]] Status Run(const std::string& statements);
  [[nodiscard]] StatusOr<PgResult> Query(const std::string& statement, const PgParams& params = {});
  // Row by row, for answers that are too large to be held; each call sees a result of one row. An error of
  // `each` ends the query and is passed on; the connection is broken then.
  [[nodiscard]] Status QueryEach(const std::string& statement, const PgParams& params,
                                 const std::function<Status(const PgResult&)>& each);

  // COPY … FROM STDIN (FORMAT binary): begin, then rows, then the end, which gives the number of rows. An
  // error in between ends it.
  [[nodiscard]] Status BeginCopy(const std::string& statement);
  [[nodiscard]] Status CopyBytes(std::string_view bytes);
  [[nodiscard]] StatusOr<std::uint64_t> EndCopy();

  // Waits until something comes in, or `until`; true if a notification came. UNAVAILABLE if the connection
  // is lost. `wake_fd` becoming readable ends the wait too.
  [[nodiscard]] StatusOr<bool> WaitForNotification(SteadyTime until, int wake_fd);

  [[nodiscard]] bool is_broken() const { return is_broken_; }
  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] int server_version() const { return PQserverVersion(connection_.get()); }

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  PgConnection(PGconn* connection, std::string where) : connection_(connection), where_(std::move(where)) {}

  [[nodiscard]] Status Send(const std::string& statement, const PgParams& params);
  [[nodiscard]] Status Flush();
  [[nodiscard]] StatusOr<PgResult> Next();  // the next result, or one of null
  // Takes results to the end of the command; the last, or the first error.
  [[nodiscard]] StatusOr<PgResult> Last();
  [[nodiscard]] Status WaitFor(short events);
  [[nodiscard]] Status Lost(std::string_view why);
  [[nodiscard]] Status ErrorOf(const PGresult* result);

  std::unique_ptr<PGconn, Finish> connection_;
  const std::string where_;
  std::chrono::milliseconds patience_ = std::chrono::seconds(30);
  bool is_broken_ = false;
};

}  // namespace tamiz::store
