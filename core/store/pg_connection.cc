#include "core/store/pg_connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <utility>

namespace tamiz::store {
namespace {

// PostgreSQL's numbers of its own types; they never change.
constexpr Oid kBytes = 17, kInt8 = 20, kText = 25, kFloat8 = 701;

template <typename T>
std::string BigEndian(T value) {
  std::string bytes(sizeof value, '\0');
  for (std::size_t i = 0; i < sizeof value; ++i) {
    bytes[i] = static_cast<char>(value >> (8 * (sizeof value - 1 - i)));
  }
  return bytes;
}

std::uint64_t FromBigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

// One line, without what libpq puts around it.
std::string OneLine(const char* text) {
  std::string line = text == nullptr ? "" : text;
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  for (char& c : line) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  return line;
}

struct Kind {
  std::string_view state;  // SQLSTATE or its class
  StatusCode code;
  std::string_view reason;
  std::string_view remedy;
};

// The first that fits. What is not here is a mistake of ours: INTERNAL.
constexpr std::array kKinds{
    Kind{"08", StatusCode::kUnavailable, "STORE_UNREACHABLE", "the connection failed; try again"},
    Kind{"57P01", StatusCode::kUnavailable, "STORE_UNREACHABLE",
         "the server is being stopped; try again later"},
    Kind{"57P02", StatusCode::kUnavailable, "STORE_UNREACHABLE", "the server crashed; try again later"},
    Kind{"57P03", StatusCode::kUnavailable, "STORE_UNREACHABLE", "the server is starting; try again later"},
    Kind{"57P05", StatusCode::kUnavailable, "STORE_UNREACHABLE",
         "the server ended an idle session; try again"},
    Kind{"57014", StatusCode::kUnavailable, "STORE_TIMEOUT",
         "it took too long and was ended; look at the database's load, or raise store.statement_timeout "
         "(store.change_timeout for imports)"},
    Kind{"55P03", StatusCode::kUnavailable, "STORE_LOCKED",
         "another change of the same list is running; try again when it has ended"},
    Kind{"40", StatusCode::kAborted, "STORE_CONFLICT", "another change came between; repeat it"},
    Kind{"53100", StatusCode::kUnavailable, "STORE_DISK_FULL",
         "the database's disk is full; free space on it"},
    Kind{"53", StatusCode::kUnavailable, "STORE_OVERLOADED",
         "the server lacks connections or memory; lower store.pool_size or raise its limits"},
    Kind{"58", StatusCode::kUnavailable, "STORE_IO", "reading or writing failed; check the server's disk"},
    Kind{"XX001", StatusCode::kDataLoss, "STORE_CORRUPT",
         "the database is damaged; restore it from a backup"},
    Kind{"XX002", StatusCode::kDataLoss, "STORE_CORRUPT", "an index is damaged; REINDEX it, or restore"},
    Kind{"25006", StatusCode::kUnavailable, "STORE_READ_ONLY",
         "this server takes no writes (a standby?); name the primary in store.url, or add "
         "target_session_attrs=read-write to it"},
    Kind{"28", StatusCode::kFailedPrecondition, "STORE_DENIED",
         "the server does not let this user in; check store.url and store.password_file"},
    Kind{"3D", StatusCode::kFailedPrecondition, "STORE_NO_DATABASE", "make the database, or name another"},
    Kind{"3F", StatusCode::kFailedPrecondition, "STORE_NO_SCHEMA",
         "the schema was removed; restart the service"},
    Kind{"42501", StatusCode::kFailedPrecondition, "STORE_DENIED",
         "the user lacks a right; it needs to own the schema, or to be allowed to make it (CREATE on the "
         "database)"},
    Kind{"42P01", StatusCode::kFailedPrecondition, "STORE_NO_SCHEMA",
         "the tables were removed; restart the service"},
    Kind{"22", StatusCode::kInvalidArgument, "STORE_BAD_VALUE", "the database cannot hold this value"},
};

}  // namespace

PgParam PgParam::Int(std::int64_t value) { return {kInt8, BigEndian(static_cast<std::uint64_t>(value))}; }
PgParam PgParam::Real(double value) { return {kFloat8, BigEndian(std::bit_cast<std::uint64_t>(value))}; }
PgParam PgParam::Text(std::string_view value) { return {kText, std::string(value)}; }
PgParam PgParam::Bytes(std::string_view value) { return {kBytes, std::string(value)}; }

std::uint64_t PgResult::affected() const {
  const std::string_view text = PQcmdTuples(result_.get());
  std::uint64_t rows = 0;
  std::from_chars(text.data(), text.data() + text.size(), rows);
  return rows;
}

std::string_view PgResult::Bytes(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t PgResult::Int(int row, int column) const {
  const std::string_view bytes = Bytes(row, column);
  const std::uint64_t value = FromBigEndian(bytes);
  switch (bytes.size()) {
    case 2:
      return static_cast<std::int16_t>(value);
    case 4:
      return static_cast<std::int32_t>(value);
    default:
      return static_cast<std::int64_t>(value);
  }
}

double PgResult::Real(int row, int column) const {
  return std::bit_cast<double>(FromBigEndian(Bytes(row, column)));
}

StatusOr<std::unique_ptr<PgConnection>> PgConnection::Connect(
    const std::vector<std::pair<std::string, std::string>>& options, std::string where) {
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<PGconn, Finish> made(PQconnectdbParams(keys.data(), values.data(), /*expand_dbname=*/0));
  if (made == nullptr || PQstatus(made.get()) != CONNECTION_OK) {
    return MakeError(
        StatusCode::kUnavailable,
        fmt::format("cannot connect to {}: {}; check that the server runs and can be reached, and "
                    "store.url, store.password_file and store.tls",
                    where, OneLine(made == nullptr ? nullptr : PQerrorMessage(made.get()))),
        "STORE_UNREACHABLE");
  }
  // Sending must not wait for ever for a server that does not read.
  PQsetnonblocking(made.get(), 1);
  PQsetNoticeReceiver(
      made.get(), [](void*, const PGresult*) {}, nullptr);
  return std::unique_ptr<PgConnection>(new PgConnection(made.release(), std::move(where)));
}

PgConnection::~PgConnection() = default;

Status PgConnection::Lost(std::string_view why) {
  is_broken_ = true;
  return MakeError(StatusCode::kUnavailable,
                   fmt::format("{}: {}; it is connected to again by itself: try again later", where_, why),
                   "STORE_UNREACHABLE");
}

Status PgConnection::ErrorOf(const PGresult* result) {
  const char* found = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    return Lost(fmt::format("the connection is lost ({})", OneLine(PQerrorMessage(connection_.get()))));
  }
  if (found == nullptr) {
    return Lost(
        OneLine(result == nullptr ? PQerrorMessage(connection_.get()) : PQresultErrorMessage(result)));
  }
  const std::string_view state = found;
  // The main line only: details may quote values.
  const std::string text = OneLine(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  for (const Kind& kind : kKinds) {
    if (!state.starts_with(kind.state)) continue;
    if (kind.reason == "STORE_UNREACHABLE") is_broken_ = true;
    return MakeError(kind.code, fmt::format("{}: {} ({} {})", where_, kind.remedy, state, text), kind.reason);
  }
  return MakeError(StatusCode::kInternal, fmt::format("{}: {} ({})", where_, text, state));
}

Status PgConnection::WaitFor(short events) {
  pollfd entry{.fd = PQsocket(connection_.get()), .events = events};
  if (entry.fd < 0) return Lost("the connection is closed");
  const auto until = std::chrono::steady_clock::now() + patience_;
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0) return Lost(fmt::format("the server said nothing for {} ms", patience_.count()));
    const int ready = ::poll(&entry, 1, static_cast<int>(left));
    if (ready > 0) return OkStatus();
    if (ready < 0 && errno != EINTR) return Lost(std::generic_category().message(errno));
  }
}

Status PgConnection::Flush() {
  while (true) {
    const int left = PQflush(connection_.get());
    if (left < 0) return ErrorOf(nullptr);
    if (left == 0) return OkStatus();
    TAMIZ_RETURN_IF_ERROR(WaitFor(POLLOUT | POLLIN));
    // The server may be telling why it does not read.
    if (PQconsumeInput(connection_.get()) == 0) return ErrorOf(nullptr);
  }
}

Status PgConnection::Send(const std::string& statement, const PgParams& params) {
  if (is_broken_) return Lost("the connection is lost");
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  for (const PgParam& param : params) {
    types.push_back(param.type);
    values.push_back(param.bytes.data());
    lengths.push_back(static_cast<int>(param.bytes.size()));
    formats.push_back(1);
  }
  if (PQsendQueryParams(connection_.get(), statement.c_str(), static_cast<int>(params.size()), types.data(),
                        values.data(), lengths.data(), formats.data(), /*resultFormat=*/1) == 0) {
    return ErrorOf(nullptr);
  }
  return Flush();
}

StatusOr<PgResult> PgConnection::Next() {
  while (PQisBusy(connection_.get()) != 0) {
    TAMIZ_RETURN_IF_ERROR(WaitFor(POLLIN));
    if (PQconsumeInput(connection_.get()) == 0) return ErrorOf(nullptr);
  }
  return PgResult(PQgetResult(connection_.get()));
}

StatusOr<PgResult> PgConnection::Last() {
  PgResult last(nullptr);
  Status failed;
  while (true) {
    TAMIZ_ASSIGN_OR_RETURN(PgResult next, Next());
    if (next.get() == nullptr) break;
    switch (PQresultStatus(next.get())) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
      case PGRES_SINGLE_TUPLE:
      case PGRES_EMPTY_QUERY:
        break;
      case PGRES_COPY_IN:
        return next;  // asks for rows; there is no more until they are sent
      default:
        if (failed.ok()) failed = ErrorOf(next.get());
        if (is_broken_) return failed;
    }
    last = std::move(next);
  }
  if (!failed.ok()) return failed;
  return last;
}

Status PgConnection::Run(const std::string& statements) {
  if (is_broken_) return Lost("the connection is lost");
  if (PQsendQuery(connection_.get(), statements.c_str()) == 0) return ErrorOf(nullptr);
  TAMIZ_RETURN_IF_ERROR(Flush());
  return Last().status();
}

StatusOr<PgResult> PgConnection::Query(const std::string& statement, const PgParams& params) {
  TAMIZ_RETURN_IF_ERROR(Send(statement, params));
  return Last();
}

Status PgConnection::QueryEach(const std::string& statement, const PgParams& params,
                               const std::function<Status(const PgResult&)>& each) {
  TAMIZ_RETURN_IF_ERROR(Send(statement, params));
  PQsetSingleRowMode(connection_.get());
  Status failed;
  while (true) {
    TAMIZ_ASSIGN_OR_RETURN(const PgResult next, Next());
    if (next.get() == nullptr) return failed;
    switch (PQresultStatus(next.get())) {
      case PGRES_SINGLE_TUPLE:
        if (Status status = each(next); !status.ok()) {
          is_broken_ = true;  // the rest of the rows is on its way; who takes over would read it
          return status;
        }
        break;
      case PGRES_TUPLES_OK:
        break;
      default:
        failed = ErrorOf(next.get());
        if (is_broken_) return failed;
    }
  }
}

Status PgConnection::BeginCopy(const std::string& statement) {
  TAMIZ_RETURN_IF_ERROR(Send(statement, {}));
  TAMIZ_ASSIGN_OR_RETURN(const PgResult asked, Last());
  if (PQresultStatus(asked.get()) != PGRES_COPY_IN) return Internal("a COPY did not ask for rows");
  using namespace std::string_view_literals;
  return CopyBytes("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"sv);  // the format's signature, no flags, no extension
}

Status PgConnection::CopyBytes(std::string_view bytes) {
  if (is_broken_) return Lost("the connection is lost");
  while (true) {
    const int sent = PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (sent < 0) return ErrorOf(nullptr);
    if (sent > 0) break;
    TAMIZ_RETURN_IF_ERROR(WaitFor(POLLOUT | POLLIN));
    if (PQconsumeInput(connection_.get()) == 0) return ErrorOf(nullptr);
    if (PQflush(connection_.get()) < 0) return ErrorOf(nullptr);
  }
  return Flush();
}

StatusOr<std::uint64_t> PgConnection::EndCopy() {
  TAMIZ_RETURN_IF_ERROR(CopyBytes(std::string_view("\xff\xff", 2)));
  while (true) {
    const int sent = PQputCopyEnd(connection_.get(), nullptr);
    if (sent < 0) return ErrorOf(nullptr);
    if (sent > 0) break;
    TAMIZ_RETURN_IF_ERROR(WaitFor(POLLOUT));
  }
  TAMIZ_RETURN_IF_ERROR(Flush());
  TAMIZ_ASSIGN_OR_RETURN(const PgResult done, Last());
  return done.affected();
}

StatusOr<bool> PgConnection::WaitForNotification(SteadyTime until, int wake_fd) {
  const auto take = [&] {
    bool any = false;
    while (PGnotify* notification = PQnotifies(connection_.get())) {
      PQfreemem(notification);
      any = true;
    }
    return any;
  };
  if (take()) return true;  // came along with an earlier answer
  std::array<pollfd, 2> entries{pollfd{.fd = PQsocket(connection_.get()), .events = POLLIN},
                                pollfd{.fd = wake_fd, .events = POLLIN}};
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
  const int ready = ::poll(entries.data(), entries.size(), static_cast<int>(std::max<std::int64_t>(0, left)));
  if (ready < 0 && errno != EINTR) return Lost(std::generic_category().message(errno));
  if (ready > 0 && entries[0].revents != 0 && PQconsumeInput(connection_.get()) == 0) return ErrorOf(nullptr);
  return take();
}

}  // namespace tamiz::store
