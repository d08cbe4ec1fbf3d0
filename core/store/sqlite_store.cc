#include "core/store/sqlite_store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <limits>
#include <system_error>
#include <utility>

#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/lists/entry_codec.h"
#include "core/store/list_json.h"
#include "core/store/migrations.h"
#include "core/store/store_rows.h"

namespace tamiz::store {
namespace {

constexpr int kApplicationId = 0x54616d7a;  // "Tamz": tells our file from anybody's database
constexpr std::size_t kIdleReaders = 4;
constexpr int kPageRows = 2048;               // read at once by ForEachEntry
constexpr std::size_t kPageBytes = 16 << 20;  // or fewer rows, if they are large
constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();

// Rows that are part of version ?N.
#define TAMIZ_LIVE_AT(version) "added_version <= " version " AND removed_version > " version

std::span<const std::uint8_t> BlobOf(const SQLite::Column& column) {
  const auto* data = static_cast<const std::uint8_t*>(column.getBlob());
  return {data, static_cast<std::size_t>(column.getBytes())};
}
std::span<const std::uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const SqliteOptions& options)
      : path_(options.path.string()),
        clock_(*options.clock),
        busy_timeout_ms_(static_cast<int>(options.busy_timeout.count())) {}

  Status Open();

  StatusOr<lists::ListInfo> CreateList(const lists::ListInfo& info) override;
  StatusOr<lists::ListInfo> GetList(std::string_view name_or_id) override;
  StatusOr<std::vector<lists::ListInfo>> Lists() override;
  StatusOr<lists::ListInfo> ChangeList(std::string_view name_or_id,
                                       const std::function<Status(lists::ListInfo&)>& edit) override;
  Status DeleteList(std::string_view list_id) override;
  StatusOr<lists::ListInfo> Apply(std::string_view list_id, const Change& change, bool counts_only,
                                  ChangeCounts& counts) override;
  StatusOr<lists::ListInfo> Rollback(std::string_view list_id, std::uint64_t version) override;
  StatusOr<std::vector<lists::VersionInfo>> Versions(std::string_view list_id) override;
  StatusOr<lists::Entry> GetEntry(std::string_view list_id, std::string_view entry_id) override;
  Status ForEachEntry(std::string_view list_id, std::uint64_t version,
                      const std::function<Status(lists::Entry&&)>& each) override;
  Status ForEachChange(std::string_view list_id, std::uint64_t from, std::uint64_t to, std::uint64_t limit,
                       const std::function<Status(EntryChange&&)>& each) override;
  StatusOr<std::uint64_t> DeleteVersionsBefore(std::string_view list_id, std::uint64_t version) override;
  StatusOr<VersionDiff> Diff(std::string_view list_id, std::uint64_t from, std::uint64_t to) override;
  Status CreateExchange(const ExchangeRow& row) override;
  StatusOr<std::vector<ExchangeRow>> Exchanges() override;
  Status UpdateExchange(const ExchangeRow& row) override;
  Status DeleteExchange(std::string_view name) override;
  Status PutPending(const PendingChange& pending) override;
  StatusOr<std::vector<PendingChange>> PendingChanges() override;
  StatusOr<PendingChange> GetPending(std::string_view list_id) override;
  Status DeletePending(std::string_view list_id) override;
  Status Record(const ScanRecord& record) override;
  Status ForEachRecord(WallTime from, const std::function<Status(ScanRecord&&)>& each) override;
  StatusOr<std::uint64_t> DeleteRecordsBefore(WallTime before) override;
  Status Check() override;

 private:
  // A connection for reading, given back at the end.
  class Reader {
   public:
    explicit Reader(SqliteStore& store) : store_(store), db_(store.TakeReader()) {}
    ~Reader() { store_.GiveBack(std::move(db_)); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    SQLite::Database& db() { return *db_; }

   private:
    SqliteStore& store_;
    std::unique_ptr<SQLite::Database> db_;
  };

  // Runs `work`, which returns Status or StatusOr, and makes a Status of SQLite's exceptions: they do not
  // leave this file. `doing` completes "could not …".
  template <typename Work>
  auto Guarded(std::string_view doing, Work&& work) -> decltype(work()) {
    try {
      return work();
    } catch (const SQLite::Exception& error) {
      return ErrorOf(doing, error);
    }
  }
  Status ErrorOf(std::string_view doing, const SQLite::Exception& error) const;
  Status PrepareFile();
  Status Migrate() TAMIZ_REQUIRES(write_mutex_);
  std::unique_ptr<SQLite::Database> Connect(int flags) const;
  std::unique_ptr<SQLite::Database> TakeReader();
  void GiveBack(std::unique_ptr<SQLite::Database> db);

  static StatusOr<ListRow> ReadList(SQLite::Statement& row);
  static StatusOr<ListRow> FindList(SQLite::Database& db, std::string_view name_or_id);
  static Status CheckVersion(SQLite::Database& db, const ListRow& list, std::uint64_t version);
  // What a change writes beside entries.
  static Status ApplyBeside(SQLite::Database& db, const ListRow& list, const Change& change);
  // Reads all entries of a version; if `first_format` is set, it becomes the digest of format 1 too.
  static Contents ReadContents(SQLite::Database& db, std::int64_t key, std::int64_t version,
                               std::string* first_format = nullptr);
  // Those of the current version, without reading it if the state of its digest is there.
  static StatusOr<Contents> CurrentContents(SQLite::Database& db, const ListRow& list);
  // If `contents` is set, the change is written, and they follow it.
  Status ApplyIn(SQLite::Database& db, const ListRow& list, const Change& change, Contents* contents,
                 ChangeCounts& counts);
  // Writes the row of the version after `list`'s and makes it current.
  StatusOr<lists::ListInfo> AddVersion(SQLite::Database& db, const ListRow& list, const Contents& contents,
                                       const std::string& change);

  // Constant after Open.
  const std::string path_;
  const Clock& clock_;
  const int busy_timeout_ms_;
  dev_t device_ = 0;
  ino_t inode_ = 0;

  Mutex write_mutex_;
  std::unique_ptr<SQLite::Database> writer_ TAMIZ_GUARDED_BY(write_mutex_);
  Mutex readers_mutex_;
  std::vector<std::unique_ptr<SQLite::Database>> idle_readers_ TAMIZ_GUARDED_BY(readers_mutex_);
};

Status SqliteStore::ErrorOf(std::string_view doing, const SQLite::Exception& error) const {
  const auto unavailable = [&](std::string_view cause_and_remedy, std::string_view reason) {
    return MakeError(
        StatusCode::kUnavailable,
        fmt::format("could not {}: {}: {} (SQLite: {})", doing, path_, cause_and_remedy, error.what()),
        reason);
  };
  switch (error.getErrorCode() & 0xff) {
    case SQLITE_FULL:
      return unavailable("the disk is full; free space on it", "STORE_DISK_FULL");
    case SQLITE_IOERR:
      return unavailable("reading or writing failed; check the disk and its free space", "STORE_IO");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return unavailable(
          "the database is read-only; give the service's user write access to the file and its folder",
          "STORE_READ_ONLY");
    case SQLITE_CANTOPEN:
      return unavailable("the file cannot be opened; check that its folder exists and can be written",
                         "STORE_CANNOT_OPEN");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable("another process holds the database; end it or try again", "STORE_LOCKED");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return unavailable("the file is damaged or no database; restore it from a backup", "STORE_CORRUPT");
    case SQLITE_NOMEM:
      return unavailable("out of memory", "STORE_NO_MEMORY");
    default:
      return MakeError(StatusCode::kInternal,
                       fmt::format("could not {}: {}: {}", doing, path_, error.what()));
  }
}

// Makes the folder and the file with narrow rights before SQLite would make them with wide ones. An existing
// file is not opened here: closing any descriptor of it would drop the locks that this process holds on it.
Status SqliteStore::PrepareFile() {
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  std::error_code error;
  if (!folder.empty() && !std::filesystem::exists(folder, error)) {
    std::filesystem::create_directories(folder, error);
    if (error) {
      return MakeError(StatusCode::kUnavailable,
                       fmt::format("could not make the folder {}: {}; make it, or choose another data_dir",
                                   folder.string(), error.message()),
                       "STORE_CANNOT_OPEN");
    }
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  }
  const int fd = ::open(path_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) {
    ::close(fd);
  } else if (errno != EEXIST) {
    return MakeError(StatusCode::kUnavailable,
                     fmt::format("could not make {}: {}; the service's user needs write access to its folder",
                                 path_, std::generic_category().message(errno)),
                     "STORE_CANNOT_OPEN");
  }
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return MakeError(StatusCode::kUnavailable,
                     fmt::format("{} is not a file; choose another data_dir", path_), "STORE_CANNOT_OPEN");
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
  if ((status.st_mode & 077) != 0) {
    LogWarn("the database can be read by others than its owner; its lists are confidential: chmod 600",
            {{"path", path_}});
  }
  return OkStatus();
}

std::unique_ptr<SQLite::Database> SqliteStore::Connect(int flags) const {
  auto db = std::make_unique<SQLite::Database>(path_, flags | SQLite::OPEN_NOMUTEX, busy_timeout_ms_);
  db->exec("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;");
  return db;
}

Status SqliteStore::Open() {
  TAMIZ_RETURN_IF_ERROR(PrepareFile());
  return Guarded("open the database", [&]() -> Status {
    MutexLock lock(write_mutex_);
    writer_ = Connect(SQLite::OPEN_READWRITE);
    // Larger pages hold more entries a read; only a new file takes them.
    writer_->exec("PRAGMA page_size = 8192; PRAGMA cache_size = -32768;");
    if (const std::string mode = writer_->execAndGet("PRAGMA journal_mode = WAL").getString();
        mode != "wal") {
      return MakeError(
          StatusCode::kUnavailable,
          fmt::format("{}: write-ahead logging cannot be switched on (mode is {}); the database must lie "
                      "on a local disk",
                      path_, mode),
          "STORE_CANNOT_OPEN");
    }
    writer_->exec("PRAGMA journal_size_limit = 67108864");
    return Migrate();
  });
}

Status SqliteStore::Migrate() {
  const auto migrations = SqliteMigrations();
  const int latest = migrations.back().version;
  SQLite::Transaction transaction(*writer_, SQLite::TransactionBehavior::IMMEDIATE);
  const int current = writer_->execAndGet("PRAGMA user_version").getInt();
  const int application = writer_->execAndGet("PRAGMA application_id").getInt();
  const bool is_new = writer_->execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
  if (!is_new && application != kApplicationId) {
    return MakeError(StatusCode::kFailedPrecondition,
                     fmt::format("{} is a database of another program; choose another data_dir", path_),
                     "STORE_NOT_OURS");
  }
  if (current > latest) {
    return MakeError(
        StatusCode::kFailedPrecondition,
        fmt::format("{} was written by a newer Tamiz (schema {}, this one knows {}); run that one, or "
                    "restore an older backup",
                    path_, current, latest),
        "STORE_SCHEMA_NEWER");
  }
  for (const Migration& migration : migrations) {
    if (migration.version > current) writer_->exec(migration.sql);
  }
  if (current != latest) {
    writer_->exec(
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {};", kApplicationId, latest));
  }
  transaction.commit();
  return OkStatus();
}

std::unique_ptr<SQLite::Database> SqliteStore::TakeReader() {
  {
    MutexLock lock(readers_mutex_);
    if (!idle_readers_.empty()) {
      auto db = std::move(idle_readers_.back());
      idle_readers_.pop_back();
      return db;
    }
  }
  auto db = Connect(SQLite::OPEN_READWRITE);  // a read-only connection cannot recover the log of a crash
  db->exec("PRAGMA query_only = ON; PRAGMA cache_size = -4096;");
  return db;
}

void SqliteStore::GiveBack(std::unique_ptr<SQLite::Database> db) {
  MutexLock lock(readers_mutex_);
  if (idle_readers_.size() < kIdleReaders) idle_readers_.push_back(std::move(db));
}

constexpr const char* kSelectList =
    "SELECT l.list_key, l.list_id, l.name, l.source_org, l.labels, l.description, l.kind, l.policy, "
    "l.built_in, "
    "l.version, l.created_at, l.updated_at, coalesce(v.digest, ''), coalesce(v.enabled_count, 0), "
    "coalesce(v.digest_format, 0) "
    "FROM lists l LEFT JOIN versions v ON v.list_key = l.list_key AND v.version = l.version ";

StatusOr<ListRow> SqliteStore::ReadList(SQLite::Statement& row) {
  ListRow list;
  list.key = row.getColumn(0).getInt64();
  lists::ListInfo& info = list.info;
  info.list_id = row.getColumn(1).getString();
  info.name = row.getColumn(2).getString();
  info.source_org = row.getColumn(3).getString();
  TAMIZ_ASSIGN_OR_RETURN(info.labels, LabelsFromJson(row.getColumn(4).getString()));
  info.description = row.getColumn(5).getString();
  info.kind = static_cast<lists::ListKind>(row.getColumn(6).getInt());
  TAMIZ_ASSIGN_OR_RETURN(info.policy, PolicyFromJson(row.getColumn(7).getString()));
  info.built_in = row.getColumn(8).getInt() != 0;
  info.version = static_cast<std::uint64_t>(row.getColumn(9).getInt64());
  info.created_at = FromNanos(row.getColumn(10).getInt64());
  info.updated_at = FromNanos(row.getColumn(11).getInt64());
  info.digest = row.getColumn(12).getString();
  info.entry_count = static_cast<std::uint64_t>(row.getColumn(13).getInt64());
  info.digest_format = static_cast<std::uint32_t>(row.getColumn(14).getInt());
  return list;
}

StatusOr<ListRow> SqliteStore::FindList(SQLite::Database& db, std::string_view name_or_id) {
  SQLite::Statement query(db, std::string(kSelectList) +
                                  "WHERE l.list_id = ?1 OR l.name = ?1 "
                                  "ORDER BY l.list_id = ?1 DESC LIMIT 1");
  query.bind(1, std::string(name_or_id));
  if (!query.executeStep()) return NoSuchList(name_or_id);
  return ReadList(query);
}

Status SqliteStore::CheckVersion(SQLite::Database& db, const ListRow& list, std::uint64_t version) {
  SQLite::Statement query(db, "SELECT 1 FROM versions WHERE list_key = ? AND version = ?");
  query.bind(1, list.key);
  query.bind(2, static_cast<std::int64_t>(version));
  if (version > static_cast<std::uint64_t>(kForEver) || !query.executeStep())
    return NoSuchVersion(list.info, version);
  return OkStatus();
}

StatusOr<lists::ListInfo> SqliteStore::CreateList(const lists::ListInfo& info) {
  return Guarded("make a list", [&]() -> StatusOr<lists::ListInfo> {
    MutexLock lock(write_mutex_);
    SQLite::Transaction transaction(*writer_, SQLite::TransactionBehavior::IMMEDIATE);
    SQLite::Statement taken(*writer_, "SELECT 1 FROM lists WHERE name = ? OR list_id = ?");
    taken.bind(1, info.name);
    taken.bind(2, info.list_id);
    if (taken.executeStep()) {
      return MakeError(StatusCode::kAlreadyExists, fmt::format("a list named '{}' exists", info.name),
                       "LIST_ALREADY_EXISTS");
    }
    SQLite::Statement insert(
        *writer_,
        "INSERT INTO lists (list_id, name, source_org, labels, description, kind, policy, "
        "built_in, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?9, ?9)");
    insert.bind(1, info.list_id);
    insert.bind(2, info.name);
    insert.bind(3, info.source_org);
    insert.bind(4, LabelsToJson(info.labels));
    insert.bind(5, info.description);
    insert.bind(6, static_cast<int>(info.kind));
    insert.bind(7, PolicyToJson(info.policy));
    insert.bind(8, info.built_in ? 1 : 0);
    insert.bind(9, ToNanos(clock_.WallNow()));
    insert.exec();
    TAMIZ_ASSIGN_OR_RETURN(ListRow made, FindList(*writer_, info.list_id));
    transaction.commit();
    return made.info;
  });
}

StatusOr<lists::ListInfo> SqliteStore::GetList(std::string_view name_or_id) {
  return Guarded("read a list", [&]() -> StatusOr<lists::ListInfo> {
    Reader reader(*this);
    TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(reader.db(), name_or_id));
    return list.info;
  });
}

StatusOr<std::vector<lists::ListInfo>> SqliteStore::Lists() {
  return Guarded("read the lists", [&]() -> StatusOr<std::vector<lists::ListInfo>> {
    Reader reader(*this);
    SQLite::Statement query(reader.db(), std::string(kSelectList) + "ORDER BY l.name");
    std::vector<lists::ListInfo> all;
    while (query.executeStep()) {
      TAMIZ_ASSIGN_OR_RETURN(ListRow list, ReadList(query));
      all.push_back(std::move(list.info));
    }
    return all;
  });
}

StatusOr<lists::ListInfo> SqliteStore::ChangeList(std::string_view name_or_id,
                                                  const std::function<Status(lists::ListInfo&)>& edit) {
  return Guarded("change a list", [&]() -> StatusOr<lists::ListInfo> {
    MutexLock lock(write_mutex_);
    SQLite::Transaction transaction(*writer_, SQLite::TransactionBehavior::IMMEDIATE);
    TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(*writer_, name_or_id));
    TAMIZ_ASSIGN_OR_RETURN(const bool is_changed, Edit(list.info, edit));
    if (!is_changed) return list.info;
    const lists::ListInfo& info = list.info;
    SQLite::Statement update(*writer_,
                             "UPDATE lists SET source_org = ?, labels = ?, description = ?, policy = ? "
                             "WHERE list_key = ?");
    update.bind(1, info.source_org);
    update.bind(2, LabelsToJson(info.labels));
    update.bind(3, info.description);
    update.bind(4, PolicyToJson(info.policy));
    update.bind(5, list.key);
    update.exec();
    TAMIZ_ASSIGN_OR_RETURN(ListRow changed, FindList(*writer_, info.list_id));
    transaction.commit();
    return changed.info;
  });
}

Status SqliteStore::DeleteList(std::string_view list_id) {
  return Guarded("delete a list", [&]() -> Status {
    MutexLock lock(write_mutex_);
    SQLite::Transaction transaction(*writer_, SQLite::TransactionBehavior::IMMEDIATE);
    SQLite::Statement remove(*writer_, "DELETE FROM lists WHERE list_id = ?");
    remove.bind(1, std::string(list_id));
    if (remove.exec() == 0) return NoSuchList(list_id);
    transaction.commit();
    writer_->exec("PRAGMA shrink_memory");
    return OkStatus();
  });
}

Contents SqliteStore::ReadContents(SQLite::Database& db, std::int64_t key, std::int64_t version,
                                   std::string* first_format) {
  SQLite::Statement query(db, "SELECT entry_id, body FROM entries WHERE list_key = ?1 AND " TAMIZ_LIVE_AT(
                                  "?2") " ORDER BY entry_id");
  query.bind(1, key);
  query.bind(2, version);
  lists::BodyDigest digest;
  Contents contents;
  while (query.executeStep()) {
    const SQLite::Column id_column = query.getColumn(0);
    const auto id_bytes = BlobOf(id_column);
    const std::string_view id(reinterpret_cast<const char*>(id_bytes.data()), id_bytes.size());
    const SQLite::Column body = query.getColumn(1);
    contents.Add(id, BlobOf(body));
    if (first_format != nullptr) digest.Add(id, BlobOf(body));
  }
  if (first_format != nullptr) *first_format = digest.Finish();
  return contents;
}

StatusOr<Contents> SqliteStore::CurrentContents(SQLite::Database& db, const ListRow& list) {
  const auto version = static_cast<std::int64_t>(list.info.version);
  if (version == 0) return Contents{};
  SQLite::Statement query(db,
                          "SELECT l.digest_state, v.entry_count, v.enabled_count FROM lists l "
                          "JOIN versions v ON v.list_key = l.list_key AND v.version = l.version "
                          "WHERE l.list_key = ?");
  query.bind(1, list.key);
  if (!query.executeStep() || query.getColumn(0).isNull()) return ReadContents(db, list.key, version);
  Contents contents;
  const SQLite::Column state = query.getColumn(0);
  TAMIZ_ASSIGN_OR_RETURN(contents.digest, lists::ContentDigest::FromState(BlobOf(state)));
  contents.entries = query.getColumn(1).getInt64();
  contents.enabled = query.getColumn(2).getInt64();
  return contents;
}

Status SqliteStore::ApplyIn(SQLite::Database& db, const ListRow& list, const Change& change,
                            Contents* contents, ChangeCounts& counts) {
  const auto next = static_cast<std::int64_t>(list.info.version) + 1;
  // In order of id, so that the tree is walked and filled from one end to the other.
  std::vector<const lists::Entry*> upserts;
  upserts.reserve(change.upserts.size());
  for (const lists::Entry& entry : change.upserts) upserts.push_back(&entry);
  std::sort(upserts.begin(), upserts.end(), [](auto* a, auto* b) { return a->id < b->id; });
  if (std::adjacent_find(upserts.begin(), upserts.end(), [](auto* a, auto* b) { return a->id == b->id; }) !=
      upserts.end()) {
    return InvalidArgument("an entry id stands twice in one change");
  }
  const auto is_upserted = [&](const std::string& id) {
    const auto at = std::lower_bound(
        upserts.begin(), upserts.end(), id,
        [](const lists::Entry* entry, const std::string& wanted) { return entry->id < wanted; });
    return at != upserts.end() && (*at)->id == id;
  };

  std::vector<std::string> removals;
  if (change.replace) {
    SQLite::Statement live(db, "SELECT entry_id FROM entries WHERE list_key = ? AND removed_version = ?");
    live.bind(1, list.key);
    live.bind(2, kForEver);
    while (live.executeStep()) {
      if (std::string id = live.getColumn(0).getString(); !is_upserted(id)) removals.push_back(std::move(id));
    }
  } else {
    removals = change.removals;
    std::sort(removals.begin(), removals.end());
    removals.erase(std::unique(removals.begin(), removals.end()), removals.end());
    std::erase_if(removals, is_upserted);
  }

  SQLite::Statement find(
      db, "SELECT body FROM entries WHERE list_key = ? AND entry_id = ? AND removed_version = ?");
  SQLite::Statement end(db,
                        "UPDATE entries SET removed_version = ?4 "
                        "WHERE list_key = ?1 AND entry_id = ?2 AND removed_version = ?3");
  SQLite::Statement insert(
      db, "INSERT INTO entries (list_key, entry_id, added_version, body) VALUES (?, ?, ?, ?)");
  find.bind(1, list.key);
  find.bind(3, kForEver);
  end.bind(1, list.key);
  end.bind(3, kForEver);
  end.bind(4, next);
  insert.bind(1, list.key);
  insert.bind(3, next);

  for (const std::string& id : removals) {
    find.reset();
    find.bindNoCopy(2, id);
    if (!find.executeStep()) continue;
    ++counts.removed;
    if (contents == nullptr) continue;
    // What is replaced whole is summed up afresh below, so that damage does not outlive it.
    if (!change.replace) {
      const SQLite::Column column = find.getColumn(0);
      contents->Remove(id, BlobOf(column));
    }
    find.reset();
    end.reset();
    end.bindNoCopy(2, id);
    end.exec();
  }
  const bool is_empty = list.info.version == 0;
  std::string body;
  for (const lists::Entry* entry : upserts) {
    body.clear();
    lists::Entry canonical = *entry;
    lists::Canonicalise(canonical);
    lists::EncodeBody(canonical, body);
    bool is_new = true;
    if (contents != nullptr && change.replace) contents->Add(entry->id, BytesOf(body));
    if (!is_empty) {
      find.reset();
      find.bindNoCopy(2, entry->id);
      if (find.executeStep()) {
        is_new = false;
        const SQLite::Column column = find.getColumn(0);
        const auto old = BlobOf(column);
        if (std::ranges::equal(old, BytesOf(body))) {
          ++counts.unchanged;
          continue;
        }
        if (contents != nullptr && !change.replace) contents->Remove(entry->id, old);
      }
      find.reset();
    }
    ++(is_new ? counts.added : counts.updated);
    if (contents == nullptr) continue;
    if (!change.replace) contents->Add(entry->id, BytesOf(body));
    if (!is_new) {
      end.reset();
      end.bindNoCopy(2, entry->id);
      end.exec();
    }
    insert.reset();
    insert.bindNoCopy(2, entry->id);
    insert.bindNoCopy(4, body.data(), static_cast<int>(body.size()));
    insert.exec();
  }
  return OkStatus();
}

StatusOr<lists::ListInfo> SqliteStore::AddVersion(SQLite::Database& db, const ListRow& list,
                                                  const Contents& contents, const std::string& change) {
  const auto next = static_cast<std::int64_t>(list.info.version) + 1;
  const std::int64_t now = ToNanos(clock_.WallNow());
  SQLite::Statement insert(db,
                           "INSERT INTO versions (list_key, version, digest, entry_count, enabled_count, "
                           "created_at, change, digest_format) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(1, list.key);
  insert.bind(2, next);
  insert.bind(3, contents.digest.Finish());
  insert.bind(4, contents.entries);
  insert.bind(5, contents.enabled);
  insert.bind(6, now);
  insert.bind(7, change);
  insert.bind(8, static_cast<int>(lists::kDigestFormat));
  insert.exec();
  SQLite::Statement update(
      db, "UPDATE lists SET version = ?, updated_at = ?, digest_state = ? WHERE list_key = ?");
  const std::string state = contents.digest.State();
  update.bind(1, next);
  update.bind(2, now);
  update.bind(3, state.data(), static_cast<int>(state.size()));
  update.bind(4, list.key);
  update.exec();
  TAMIZ_ASSIGN_OR_RETURN(ListRow changed, FindList(db, list.info.list_id));
  return changed.info;
}

StatusOr<lists::ListInfo> SqliteStore::Apply(std::string_view list_id, const Change& change, bool counts_only,
                                             ChangeCounts& counts) {
  counts = {};
  if (counts_only) {
    return Guarded("compare a change with a list", [&]() -> StatusOr<lists::ListInfo> {
      Reader reader(*this);
      SQLite::Transaction snapshot(reader.db());
      TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(reader.db(), list_id));
      TAMIZ_RETURN_IF_ERROR(CheckExpected(list.info, change));
      TAMIZ_RETURN_IF_ERROR(ApplyIn(reader.db(), list, change, /*contents=*/nullptr, counts));
      return list.info;
    });
  }
  return Guarded("write a list's entries", [&]() -> StatusOr<lists::ListInfo> {
    MutexLock lock(write_mutex_);
    SQLite::Transaction transaction(*writer_, SQLite::TransactionBehavior::IMMEDIATE);
    TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(*writer_, list_id));
    TAMIZ_RETURN_IF_ERROR(CheckExpected(list.info, change));
    Contents contents;
    if (!change.replace) {
      TAMIZ_ASSIGN_OR_RETURN(contents, CurrentContents(*writer_, list));
    }
    TAMIZ_RETURN_IF_ERROR(ApplyIn(*writer_, list, change, &contents, counts));
    TAMIZ_RETURN_IF_ERROR(ApplyBeside(*writer_, list, change));
    if (counts.added + counts.updated + counts.removed == 0) {
      transaction.commit();
      return list.info;
    }
    TAMIZ_ASSIGN_OR_RETURN(lists::ListInfo changed, AddVersion(*writer_, list, contents, change.what));
    transaction.commit();
    writer_->exec("PRAGMA shrink_memory");
    return changed;
  });
}

StatusOr<lists::ListInfo> SqliteStore::Rollback(std::string_view list_id, std::uint64_t version) {
  return Guarded("roll a list back", [&]() -> StatusOr<lists::ListInfo> {
    MutexLock lock(write_mutex_);
    SQLite::Transaction transaction(*writer_, SQLite::TransactionBehavior::IMMEDIATE);
    TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(*writer_, list_id));
    TAMIZ_RETURN_IF_ERROR(CheckVersion(*writer_, list, version));
    const auto next = static_cast<std::int64_t>(list.info.version) + 1;
    // What is in the current version and not, or not so, in the old one ends; then what is missing is added.
    // Only rows that came or went since can be either.
    SQLite::Statement end(
        *writer_,
        "UPDATE entries SET removed_version = ?3 WHERE list_key = ?1 AND removed_version = ?4 AND "
        "added_version > ?2 AND "
        "NOT EXISTS (SELECT 1 FROM entries o WHERE o.list_key = ?1 AND o.entry_id = entries.entry_id "
        "AND o.added_version <= ?2 AND o.removed_version > ?2 AND o.body = entries.body)");
    SQLite::Statement add(*writer_,
                          "INSERT INTO entries (list_key, entry_id, added_version, body) "
                          "SELECT list_key, entry_id, ?3, body FROM entries o WHERE list_key = ?1 AND "
                          "removed_version < 9223372036854775807 AND " TAMIZ_LIVE_AT(
                              "?2") " AND NOT EXISTS (SELECT 1 FROM entries n WHERE n.list_key = ?1 "
                                    "AND n.entry_id = o.entry_id AND n.removed_version = ?4)");
    int changes = 0;
    for (SQLite::Statement* statement : {&end, &add}) {
      statement->bind(1, list.key);
      statement->bind(2, static_cast<std::int64_t>(version));
      statement->bind(3, next);
      statement->bind(4, kForEver);
      changes += statement->exec();
    }
    if (changes == 0) return list.info;
    // Going back is rare, and the contents gone back to must be sound: they are read whole.
    std::string first_format;
    const Contents contents = ReadContents(*writer_, list.key, next, &first_format);
    SQLite::Statement old(*writer_,
                          "SELECT digest, digest_format FROM versions WHERE list_key = ? AND version = ?");
    old.bind(1, list.key);
    old.bind(2, static_cast<std::int64_t>(version));
    const bool has_old = old.executeStep();
    if (!has_old || old.getColumn(0).getString() !=
                        (old.getColumn(1).getInt() == 1 ? first_format : contents.digest.Finish())) {
      return MakeError(
          StatusCode::kDataLoss,
          fmt::format("the stored contents of list '{}' version {} are damaged; roll back to another "
                      "version, or import the list whole",
                      list.info.name, version),
          "LIST_DIGEST_MISMATCH");
    }
    TAMIZ_ASSIGN_OR_RETURN(lists::ListInfo changed,
                           AddVersion(*writer_, list, contents, fmt::format("rollback to {}", version)));
    transaction.commit();
    writer_->exec("PRAGMA shrink_memory");
    return changed;
  });
}

StatusOr<std::vector<lists::VersionInfo>> SqliteStore::Versions(std::string_view list_id) {
  return Guarded("read a list's versions", [&]() -> StatusOr<std::vector<lists::VersionInfo>> {
    Reader reader(*this);
    SQLite::Transaction snapshot(reader.db());
    TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(reader.db(), list_id));
    SQLite::Statement query(
        reader.db(),
        "SELECT version, digest, entry_count, created_at, change, digest_format FROM versions "
        "WHERE list_key = ? ORDER BY version DESC");
    query.bind(1, list.key);
    std::vector<lists::VersionInfo> versions;
    while (query.executeStep()) {
      lists::VersionInfo& version = versions.emplace_back();
      version.version = static_cast<std::uint64_t>(query.getColumn(0).getInt64());
      version.digest = query.getColumn(1).getString();
      version.entry_count = static_cast<std::uint64_t>(query.getColumn(2).getInt64());
      version.created_at = FromNanos(query.getColumn(3).getInt64());
      version.change = query.getColumn(4).getString();
      version.digest_format = static_cast<std::uint32_t>(query.getColumn(5).getInt());
    }
    return versions;
  });
}

StatusOr<lists::Entry> SqliteStore::GetEntry(std::string_view list_id, std::string_view entry_id) {
  return Guarded("read an entry", [&]() -> StatusOr<lists::Entry> {
    Reader reader(*this);
    SQLite::Transaction snapshot(reader.db());
    TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(reader.db(), list_id));
    SQLite::Statement query(
        reader.db(), "SELECT body FROM entries WHERE list_key = ? AND entry_id = ? AND removed_version = ?");
    query.bind(1, list.key);
    query.bind(2, std::string(entry_id));
    query.bind(3, kForEver);
    if (!query.executeStep()) {
      return MakeError(StatusCode::kNotFound, fmt::format("list '{}' has no such entry", list.info.name),
                       "ENTRY_NOT_FOUND");
    }
    const SQLite::Column body = query.getColumn(0);
    return lists::DecodeBody(entry_id, BlobOf(body));
  });
}

// Reads page by page, each in a read of its own: the rows of a version never change, and a reader that takes
// minutes (an export) must not keep the write-ahead log from being folded back.
Status SqliteStore::ForEachEntry(std::string_view list_id, std::uint64_t version,
                                 const std::function<Status(lists::Entry&&)>& each) {
  return Guarded("read a list's entries", [&]() -> Status {
    Reader reader(*this);
    TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(reader.db(), list_id));
    if (version == 0) version = list.info.version;
    if (version == 0) return OkStatus();
    TAMIZ_RETURN_IF_ERROR(CheckVersion(reader.db(), list, version));
    SQLite::Statement query(reader.db(),
                            "SELECT entry_id, body FROM entries WHERE list_key = ?1 AND entry_id > ?3 "
                            "AND " TAMIZ_LIVE_AT("?2") " ORDER BY entry_id LIMIT ?4");
    query.bind(1, list.key);
    query.bind(2, static_cast<std::int64_t>(version));
    query.bind(4, kPageRows);
    std::string last;
    std::vector<lists::Entry> page;
    bool is_last = false;
    while (!is_last) {
      page.clear();
      std::size_t bytes = 0;
      query.bind(3, last);
      while (bytes < kPageBytes && query.executeStep()) {
        last = query.getColumn(0).getString();
        const SQLite::Column body = query.getColumn(1);
        bytes += static_cast<std::size_t>(body.getBytes());
        auto entry = lists::DecodeBody(last, BlobOf(body));
        if (!entry.ok()) {
          return MakeError(entry.status().code(),
                           fmt::format("list '{}' version {} in {}: {}", list.info.name, version, path_,
                                       Message(entry.status())));
        }
        page.push_back(*std::move(entry));
      }
      query.reset();
      is_last = page.size() < static_cast<std::size_t>(kPageRows) && bytes < kPageBytes;
      for (lists::Entry& entry : page) TAMIZ_RETURN_IF_ERROR(each(std::move(entry)));
    }
    SQLite::Statement still(reader.db(), "SELECT 1 FROM lists WHERE list_key = ? AND list_id = ?");
    still.bind(1, list.key);
    still.bind(2, list.info.list_id);
    if (!still.executeStep()) {
      return MakeError(StatusCode::kAborted,
                       fmt::format("list '{}' was deleted while it was read", list.info.name));
    }
    return OkStatus();
  });
}

Status SqliteStore::ForEachChange(std::string_view list_id, std::uint64_t from, std::uint64_t to,
                                  std::uint64_t limit, const std::function<Status(EntryChange&&)>& each) {
  return Guarded("read a list's changes", [&]() -> Status {
    Reader reader(*this);
    TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(reader.db(), list_id));
    for (const std::uint64_t version : {from, to}) {
      if (version != 0) TAMIZ_RETURN_IF_ERROR(CheckVersion(reader.db(), list, version));
    }
    std::vector<std::string> ids;
    {
      SQLite::Statement query(reader.db(),
                              "SELECT entry_id FROM entries WHERE list_key = ?1 AND added_version > ?2 "
                              "AND added_version <= ?3 UNION "
                              "SELECT entry_id FROM entries WHERE list_key = ?1 AND removed_version > ?2 "
                              "AND removed_version <= ?3 AND removed_version < 9223372036854775807 "
                              "ORDER BY entry_id");
      query.bind(1, list.key);
      query.bind(2, static_cast<std::int64_t>(from));
      query.bind(3, static_cast<std::int64_t>(to));
      while (query.executeStep()) {
        if (ids.size() == limit) {
          return MakeError(StatusCode::kOutOfRange,
                           fmt::format("more than {} entries of list '{}' changed between versions {} and {}",
                                       limit, list.info.name, from, to));
        }
        ids.push_back(query.getColumn(0).getString());
      }
    }
    SQLite::Statement query(reader.db(),
                            "SELECT body FROM entries WHERE list_key = ?1 AND entry_id = ?2 "
                            "AND " TAMIZ_LIVE_AT("?3"));
    query.bind(1, list.key);
    const auto body_at = [&](const std::string& id, std::uint64_t version) {
      query.reset();
      query.bindNoCopy(2, id);
      query.bind(3, static_cast<std::int64_t>(version));
      std::optional<std::string> body;
      if (query.executeStep()) body = query.getColumn(0).getString();
      query.reset();
      return body;
    };
    for (const std::string& id : ids) {
      const std::optional<std::string> before = body_at(id, from);
      const std::optional<std::string> after = body_at(id, to);
      if (before == after) continue;
      EntryChange change;
      if (before) {
        TAMIZ_ASSIGN_OR_RETURN(change.before, lists::DecodeBody(id, BytesOf(*before)));
      }
      if (after) {
        TAMIZ_ASSIGN_OR_RETURN(change.after, lists::DecodeBody(id, BytesOf(*after)));
      }
      TAMIZ_RETURN_IF_ERROR(each(std::move(change)));
    }
    SQLite::Statement still(reader.db(), "SELECT 1 FROM lists WHERE list_key = ? AND list_id = ?");
    still.bind(1, list.key);
    still.bind(2, list.info.list_id);
    if (!still.executeStep()) {
      return MakeError(StatusCode::kAborted,
                       fmt::format("list '{}' was deleted while it was read", list.info.name));
    }
    return OkStatus();
  });
}

StatusOr<std::uint64_t> SqliteStore::DeleteVersionsBefore(std::string_view list_id, std::uint64_t version) {
  return Guarded("delete old versions of a list", [&]() -> StatusOr<std::uint64_t> {
    MutexLock lock(write_mutex_);
    SQLite::Transaction transaction(*writer_, SQLite::TransactionBehavior::IMMEDIATE);
    TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(*writer_, list_id));
    const auto oldest = static_cast<std::int64_t>(std::min(version, list.info.version));
    SQLite::Statement rows(*writer_,
                           "DELETE FROM entries WHERE list_key = ? AND removed_version <= ? "
                           "AND removed_version < 9223372036854775807");
    rows.bind(1, list.key);
    rows.bind(2, oldest);
    rows.exec();
    SQLite::Statement versions(*writer_, "DELETE FROM versions WHERE list_key = ? AND version < ?");
    versions.bind(1, list.key);
    versions.bind(2, oldest);
    const int deleted = versions.exec();
    transaction.commit();
    writer_->exec("PRAGMA shrink_memory");
    return static_cast<std::uint64_t>(deleted);
  });
}

StatusOr<VersionDiff> SqliteStore::Diff(std::string_view list_id, std::uint64_t from, std::uint64_t to) {
  return Guarded("compare versions of a list", [&]() -> StatusOr<VersionDiff> {
    Reader reader(*this);
    SQLite::Transaction snapshot(reader.db());
    TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(reader.db(), list_id));
    if (to == 0) to = list.info.version;
    for (const std::uint64_t version : {from, to}) {
      if (version != 0) TAMIZ_RETURN_IF_ERROR(CheckVersion(reader.db(), list, version));
    }
    // Rows of exactly one of the two: one of an id that came or went, two of one that changed, or that went
    // and came back the same.
    SQLite::Statement query(reader.db(),
                            "SELECT entry_id, (" TAMIZ_LIVE_AT("?2") ") AS is_old, body FROM entries "
                            "WHERE list_key = ?1 AND (added_version > ?4 AND added_version <= ?5 OR "
                            "removed_version > ?4 AND removed_version <= ?5 "
                            "AND removed_version < 9223372036854775807) "
                            "AND (" TAMIZ_LIVE_AT("?2") ") <> (" TAMIZ_LIVE_AT("?3") ") "
                            "ORDER BY entry_id");
    query.bind(4, static_cast<std::int64_t>(std::min(from, to)));
    query.bind(5, static_cast<std::int64_t>(std::max(from, to)));
    query.bind(1, list.key);
    query.bind(2, static_cast<std::int64_t>(from));
    query.bind(3, static_cast<std::int64_t>(to));
    VersionDiff diff;
    const auto note = [](std::uint64_t& count, std::vector<std::string>& ids, const std::string& id) {
      ++count;
      if (ids.size() < VersionDiff::kMaxIds) ids.push_back(id);
    };
    std::string id, old_body, new_body;
    bool has_old = false, has_new = false;
    const auto settle = [&] {
      if (has_old && has_new) {
        if (old_body != new_body) note(diff.updated, diff.updated_ids, id);
      } else if (has_new) {
        note(diff.added, diff.added_ids, id);
      } else if (has_old) {
        note(diff.removed, diff.removed_ids, id);
      }
      has_old = has_new = false;
    };
    while (query.executeStep()) {
      if (std::string row_id = query.getColumn(0).getString(); row_id != id) {
        settle();
        id = std::move(row_id);
      }
      const bool is_old = query.getColumn(1).getInt() != 0;
      (is_old ? has_old : has_new) = true;
      (is_old ? old_body : new_body) = query.getColumn(2).getString();
    }
    settle();
    return diff;
  });
}

Status SqliteStore::ApplyBeside(SQLite::Database& db, const ListRow& list, const Change& change) {
  if (change.settles_pending) {
    SQLite::Statement settle(db, "DELETE FROM pending_changes WHERE list_key = ?");
    settle.bind(1, list.key);
    settle.exec();
  }
  if (!change.checkpoint) return OkStatus();
  const Checkpoint& checkpoint = *change.checkpoint;
  SQLite::Statement stored(db, "SELECT checkpoint FROM exchanges WHERE name = ? AND list_key = ?");
  stored.bind(1, checkpoint.exchange);
  stored.bind(2, list.key);
  if (!stored.executeStep()) return NoSuchExchange(checkpoint.exchange);
  TAMIZ_RETURN_IF_ERROR(CheckPrevious(checkpoint, stored.getColumn(0).getString()));
  SQLite::Statement note(db, "UPDATE exchanges SET checkpoint = ? WHERE name = ?");
  note.bind(1, checkpoint.state);
  note.bind(2, checkpoint.exchange);
  note.exec();
  return OkStatus();
}

Status SqliteStore::CreateExchange(const ExchangeRow& row) {
  return Guarded("write an exchange", [&]() -> Status {
    MutexLock lock(write_mutex_);
    SQLite::Transaction transaction(*writer_, SQLite::TransactionBehavior::IMMEDIATE);
    TAMIZ_ASSIGN_OR_RETURN(const ListRow list, FindList(*writer_, row.list_id));
    SQLite::Statement insert(
        *writer_,
        "INSERT INTO exchanges (name, list_key, settings, status, checkpoint, created_at) "
        "VALUES (?, ?, ?, ?, '', ?) ON CONFLICT DO NOTHING");
    insert.bind(1, row.name);
    insert.bind(2, list.key);
    insert.bind(3, row.settings);
    insert.bind(4, row.status);
    insert.bind(5, ToNanos(clock_.WallNow()));
    if (insert.exec() == 0) {
      return MakeError(StatusCode::kAlreadyExists, fmt::format("an exchange named '{}' exists", row.name),
                       "EXCHANGE_ALREADY_EXISTS");
    }
    transaction.commit();
    return OkStatus();
  });
}

StatusOr<std::vector<ExchangeRow>> SqliteStore::Exchanges() {
  return Guarded("read the exchanges", [&]() -> StatusOr<std::vector<ExchangeRow>> {
    Reader reader(*this);
    SQLite::Statement query(reader.db(),
                            "SELECT e.name, l.list_id, e.settings, e.status, e.checkpoint, e.created_at "
                            "FROM exchanges e JOIN lists l USING (list_key) ORDER BY e.name");
    std::vector<ExchangeRow> rows;
    while (query.executeStep()) {
      ExchangeRow& row = rows.emplace_back();
      row.name = query.getColumn(0).getString();
      row.list_id = query.getColumn(1).getString();
      row.settings = query.getColumn(2).getString();
      row.status = query.getColumn(3).getString();
      row.checkpoint = query.getColumn(4).getString();
      row.created_at = FromNanos(query.getColumn(5).getInt64());
    }
    return rows;
  });
}

Status SqliteStore::UpdateExchange(const ExchangeRow& row) {
  return Guarded("write an exchange", [&]() -> Status {
    MutexLock lock(write_mutex_);
    SQLite::Statement update(*writer_, "UPDATE exchanges SET settings = ?, status = ? WHERE name = ?");
    update.bind(1, row.settings);
    update.bind(2, row.status);
    update.bind(3, row.name);
    return update.exec() == 0 ? NoSuchExchange(row.name) : OkStatus();
  });
}

Status SqliteStore::DeleteExchange(std::string_view name) {
  return Guarded("delete an exchange", [&]() -> Status {
    MutexLock lock(write_mutex_);
    SQLite::Statement remove(*writer_, "DELETE FROM exchanges WHERE name = ?");
    remove.bind(1, std::string(name));
    return remove.exec() == 0 ? NoSuchExchange(name) : OkStatus();
  });
}

Status SqliteStore::PutPending(const PendingChange& pending) {
  return Guarded("write a pending change", [&]() -> Status {
    MutexLock lock(write_mutex_);
    SQLite::Transaction transaction(*writer_, SQLite::TransactionBehavior::IMMEDIATE);
    TAMIZ_ASSIGN_OR_RETURN(const ListRow list, FindList(*writer_, pending.list_id));
    SQLite::Statement insert(
        *writer_,
        "INSERT OR REPLACE INTO pending_changes (list_key, why, added, updated, removed, "
        "unchanged, created_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    insert.bind(1, list.key);
    insert.bind(2, pending.why);
    insert.bind(3, static_cast<std::int64_t>(pending.counts.added));
    insert.bind(4, static_cast<std::int64_t>(pending.counts.updated));
    insert.bind(5, static_cast<std::int64_t>(pending.counts.removed));
    insert.bind(6, static_cast<std::int64_t>(pending.counts.unchanged));
    insert.bind(7, ToNanos(clock_.WallNow()));
    insert.bindNoCopy(8, pending.body.data(), static_cast<int>(pending.body.size()));
    insert.exec();
    transaction.commit();
    writer_->exec("PRAGMA shrink_memory");
    return OkStatus();
  });
}

constexpr const char* kSelectPending =
    "SELECT l.list_id, p.why, p.added, p.updated, p.removed, p.unchanged, p.created_at "
    "FROM pending_changes p JOIN lists l USING (list_key) ";

PendingChange ReadPending(SQLite::Statement& row) {
  const auto number = [&](int column) {
    return static_cast<std::uint64_t>(row.getColumn(column).getInt64());
  };
  PendingChange pending;
  pending.list_id = row.getColumn(0).getString();
  pending.why = row.getColumn(1).getString();
  pending.counts = {.added = number(2), .updated = number(3), .removed = number(4), .unchanged = number(5)};
  pending.created_at = FromNanos(row.getColumn(6).getInt64());
  return pending;
}

StatusOr<std::vector<PendingChange>> SqliteStore::PendingChanges() {
  return Guarded("read the pending changes", [&]() -> StatusOr<std::vector<PendingChange>> {
    Reader reader(*this);
    SQLite::Statement query(reader.db(), std::string(kSelectPending) + "ORDER BY p.created_at, p.list_key");
    std::vector<PendingChange> all;
    while (query.executeStep()) all.push_back(ReadPending(query));
    return all;
  });
}

StatusOr<PendingChange> SqliteStore::GetPending(std::string_view list_id) {
  return Guarded("read a pending change", [&]() -> StatusOr<PendingChange> {
    Reader reader(*this);
    SQLite::Transaction snapshot(reader.db());
    TAMIZ_ASSIGN_OR_RETURN(const ListRow list, FindList(reader.db(), list_id));
    SQLite::Statement query(reader.db(), std::string(kSelectPending) + "WHERE p.list_key = ?");
    query.bind(1, list.key);
    if (!query.executeStep()) return NothingPending(list.info.name);
    PendingChange pending = ReadPending(query);
    SQLite::Statement body(reader.db(), "SELECT body FROM pending_changes WHERE list_key = ?");
    body.bind(1, list.key);
    if (!body.executeStep()) return NothingPending(list.info.name);
    pending.body = body.getColumn(0).getString();
    return pending;
  });
}

Status SqliteStore::DeletePending(std::string_view list_id) {
  return Guarded("delete a pending change", [&]() -> Status {
    MutexLock lock(write_mutex_);
    SQLite::Transaction transaction(*writer_, SQLite::TransactionBehavior::IMMEDIATE);
    TAMIZ_ASSIGN_OR_RETURN(const ListRow list, FindList(*writer_, list_id));
    SQLite::Statement remove(*writer_, "DELETE FROM pending_changes WHERE list_key = ?");
    remove.bind(1, list.key);
    if (remove.exec() == 0) return NothingPending(list.info.name);
    transaction.commit();
    return OkStatus();
  });
}

Status SqliteStore::Record(const ScanRecord& record) {
  return Guarded("write a record", [&]() -> Status {
    MutexLock lock(write_mutex_);
    SQLite::Statement insert(
        *writer_,
        "INSERT INTO records (at, scan_id, request_id, verdict, confidence, labels, hits) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)");
    insert.bind(1, ToNanos(record.at));
    insert.bind(2, record.scan_id);
    insert.bind(3, record.request_id);
    insert.bind(4, record.verdict);
    insert.bind(5, std::isfinite(record.confidence) ? record.confidence : 0.0);  // SQLite turns NaN into NULL
    insert.bind(6, RecordLabelsToJson(record.labels));
    insert.bind(7, HitsToJson(record.hits));
    insert.exec();
    return OkStatus();
  });
}

Status SqliteStore::ForEachRecord(WallTime from, const std::function<Status(ScanRecord&&)>& each) {
  return Guarded("read records", [&]() -> Status {
    Reader reader(*this);
    SQLite::Statement query(
        reader.db(),
        "SELECT at, scan_id, request_id, verdict, confidence, labels, hits, record_key FROM records "
        "WHERE (at, record_key) > (?1, ?2) ORDER BY at, record_key LIMIT ?3");
    std::int64_t last_at = ToNanos(from) - 1, last_key = kForEver;
    std::vector<ScanRecord> page;
    do {
      page.clear();
      query.bind(1, last_at);
      query.bind(2, last_key);
      query.bind(3, kPageRows);
      while (query.executeStep()) {
        ScanRecord& record = page.emplace_back();
        last_at = query.getColumn(0).getInt64();
        last_key = query.getColumn(7).getInt64();
        record.at = FromNanos(last_at);
        record.scan_id = query.getColumn(1).getString();
        record.request_id = query.getColumn(2).getString();
        record.verdict = query.getColumn(3).getString();
        record.confidence = query.getColumn(4).getDouble();
        TAMIZ_RETURN_IF_ERROR(
            RecordFromJson(query.getColumn(5).getString(), query.getColumn(6).getString(), record));
      }
      query.reset();
      for (ScanRecord& record : page) TAMIZ_RETURN_IF_ERROR(each(std::move(record)));
    } while (page.size() == static_cast<std::size_t>(kPageRows));
    return OkStatus();
  });
}

StatusOr<std::uint64_t> SqliteStore::DeleteRecordsBefore(WallTime before) {
  return Guarded("delete records", [&]() -> StatusOr<std::uint64_t> {
    MutexLock lock(write_mutex_);
    SQLite::Statement remove(*writer_, "DELETE FROM records WHERE at < ?");
    remove.bind(1, ToNanos(before));
    return static_cast<std::uint64_t>(remove.exec());
  });
}

Status SqliteStore::Check() {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0 || status.st_dev != device_ || status.st_ino != inode_) {
    return MakeError(StatusCode::kUnavailable,
                     fmt::format("{} was removed or replaced while in use; restart the service", path_),
                     "STORE_GONE");
  }
  if (::access(path_.c_str(), R_OK | W_OK) != 0) {
    return MakeError(StatusCode::kUnavailable,
                     fmt::format("{} cannot be read and written: {}; give the service's user access", path_,
                                 std::generic_category().message(errno)),
                     "STORE_READ_ONLY");
  }
  return Guarded("read the database", [&]() -> Status {
    Reader reader(*this);
    reader.db().execAndGet("SELECT count(*) FROM lists");
    return OkStatus();
  });
}

#undef TAMIZ_LIVE_AT

}  // namespace

StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteOptions& options) {
  auto store = std::make_unique<SqliteStore>(options);
  TAMIZ_RETURN_IF_ERROR(store->Open());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace tamiz::store
