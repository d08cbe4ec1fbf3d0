#include "core/store/postgres_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

#include "core/base/log.h"
#include "core/lists/entry_codec.h"
#include "core/store/list_json.h"
#include "core/store/pg_migrations.h"
#include "core/store/pg_pool.h"
#include "core/store/postgres_watch.h"
#include "core/store/record_queue.h"
#include "core/store/store_rows.h"

namespace tamiz::store {
namespace {

using Kind = PgTransaction::Kind;

constexpr int kPageRows = 4096;                  // read at once by ForEachEntry and ForEachRecord
constexpr std::size_t kPageBytes = 16 << 20;     // or fewer entries, if they are large
constexpr int kLargeBody = 8192;                 // bytes above which an entry's body is read alone
constexpr std::size_t kChangeBytes = 256 << 20;  // of entries held by ForEachChange
constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();
constexpr std::chrono::milliseconds kStartRetry{250};

// Rows that are part of version $N.
#define TAMIZ_LIVE_AT(version) "added_version <= " version " AND removed_version > " version
#define TAMIZ_LIVE_NOW "removed_version = 9223372036854775807"

constexpr const char* kSelectList =
    "SELECT l.list_key, l.list_id, l.name, l.source_org, l.labels, l.description, l.kind, l.policy, "
    "l.built_in, l.version, l.created_at, l.updated_at, coalesce(v.digest, ''), coalesce(v.enabled_count, "
    "0), "
    "coalesce(v.digest_format, 0) FROM lists l LEFT JOIN versions v ON v.list_key = l.list_key AND v.version "
    "= l.version ";

std::span<const std::uint8_t> BlobOf(std::string_view bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// Fields of a row of COPY … (FORMAT binary).
class CopyRows {
 public:
  explicit CopyRows(PgTransaction& transaction) : transaction_(transaction) {}
  void BeginRow(std::int16_t fields) { Number(static_cast<std::uint16_t>(fields)); }
  void Bytes(std::string_view value) {
    Number(static_cast<std::uint32_t>(value.size()));
    buffer_ += value;
  }
  void Int(std::int64_t value) {
    Number(std::uint32_t{8});
    Number(static_cast<std::uint64_t>(value));
  }
  Status EndRow() { return buffer_.size() < kSendBytes ? OkStatus() : Send(); }
  StatusOr<std::uint64_t> End() {
    TAMIZ_RETURN_IF_ERROR(Send());
    return transaction_->EndCopy();
  }

 private:
  static constexpr std::size_t kSendBytes = 64 * 1024;
  template <typename T>
  void Number(T value) {
    for (int shift = 8 * (int{sizeof value} - 1); shift >= 0; shift -= 8) {
      buffer_.push_back(static_cast<char>(value >> shift));
    }
  }
  Status Send() {
    const Status status = transaction_->CopyBytes(buffer_);
    buffer_.clear();
    return status;
  }

  PgTransaction& transaction_;
  std::string buffer_;
};

class PostgresStore final : public Store {
 public:
  PostgresStore(const Config& config, PgOptions options, const Clock& clock)
      : config_(config), clock_(clock), pool_(std::move(options), config.pool_size) {}

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
  Status Record(const ScanRecord& record) override { return records_.Record(record); }
  std::size_t RecordsWaiting() override { return records_.waiting(); }
  Status ForEachRecord(WallTime from, const std::function<Status(ScanRecord&&)>& each) override;
  StatusOr<std::uint64_t> DeleteRecordsBefore(WallTime before) override;
  Status Check() override;
  std::unique_ptr<Watch> Follow(std::function<Status()> on_change) override;

 private:
  // `doing` completes "could not …" in the error.
  StatusOr<PgTransaction> Begin(Kind kind, std::string_view doing) {
    return Named(doing, PgTransaction::Begin(pool_, kind, Settings(config_.statement_timeout)));
  }
  // For work that goes over all entries of a list.
  StatusOr<PgTransaction> BeginLong(std::string_view doing) {
    return Named(doing, PgTransaction::Begin(pool_, Kind::kWrite, Settings(config_.change_timeout)));
  }
  PgTransaction::Settings Settings(std::chrono::milliseconds statement_timeout) const {
    return {config_.schema, statement_timeout, config_.statement_timeout};
  }
  static StatusOr<PgTransaction> Named(std::string_view doing, StatusOr<PgTransaction> begun) {
    if (begun.ok()) return begun;
    return MakeError(begun.status().code(), fmt::format("could not {}: {}", doing, Message(begun.status())),
                     Reason(begun.status()));
  }

  static StatusOr<ListRow> ReadList(const PgResult& rows, int row);
  static StatusOr<ListRow> FindList(PgTransaction& transaction, std::string_view name_or_id);
  // The same, holding the lock of its row until the transaction ends: changes of a list come one by one.
  static StatusOr<ListRow> LockList(PgTransaction& transaction, std::string_view name_or_id);
  static Status CheckVersion(PgTransaction& transaction, const ListRow& list, std::uint64_t version);
  // Reads all entries of a version.
  static StatusOr<Contents> ReadContents(PgTransaction& transaction, std::int64_t key, std::int64_t version);
  // Those of the current version, without reading it if the state of its digest is there.
  static StatusOr<Contents> CurrentContents(PgTransaction& transaction, const ListRow& list);
  // Sends the upserts, ordered by id, to the server, and adds them to `contents` (may be null).
  static Status SendUpserts(PgTransaction& transaction, const std::vector<const lists::Entry*>& upserts,
                            const std::string& table, std::optional<std::int64_t> key, Contents* contents);
  static Status FillIncoming(PgTransaction& transaction, const std::vector<const lists::Entry*>& upserts,
                             const Change& change, Contents* contents);
  static Status EndRemoved(PgTransaction& transaction, const ListRow& list, const Change& change,
                           Contents* contents, ChangeCounts& counts);
  // If `contents` is set, the change is written, and they follow it.
  static Status ApplyIn(PgTransaction& transaction, const ListRow& list, const Change& change,
                        Contents* contents, ChangeCounts& counts);
  // What a change writes beside entries.
  static Status ApplyBeside(PgTransaction& transaction, const ListRow& list, const Change& change);
  // Writes the row of the version after `list`'s and makes it current.
  StatusOr<lists::ListInfo> AddVersion(PgTransaction& transaction, const ListRow& list,
                                       const Contents& contents, const std::string& change);
  Status WriteRecord(const ScanRecord& record);
  // Tells everybody who follows, when the transaction commits.
  Status Notify(PgTransaction& transaction) const;
  // The same, of something that belongs to the list and is not in its row.
  Status Touch(PgTransaction& transaction, std::int64_t key) const;

  const Config config_;
  const Clock& clock_;
  PgPool pool_;
  RecordQueue records_{[this](const ScanRecord& record) { return WriteRecord(record); }, {}};
};

Status PostgresStore::Open() {
  const SteadyTime until = std::chrono::steady_clock::now() + config_.start_timeout;
  bool is_first = true;
  while (true) {
    const Status status = MigratePg(pool_, {config_.schema, config_.change_timeout, config_.change_timeout});
    if (status.ok() || status.code() != StatusCode::kUnavailable) return status;
    if (std::chrono::steady_clock::now() + kStartRetry > until) {
      return MakeError(status.code(),
                       fmt::format("the database was not usable for {} ms (store.start_timeout): {}",
                                   config_.start_timeout.count(), Message(status)),
                       Reason(status));
    }
    if (is_first) LogWarn("waiting for the database", {{"why", Message(status)}});
    is_first = false;
    std::this_thread::sleep_for(kStartRetry);
  }
}

StatusOr<ListRow> PostgresStore::ReadList(const PgResult& rows, int row) {
  ListRow list;
  list.key = rows.Int(row, 0);
  lists::ListInfo& info = list.info;
  info.list_id = rows.Text(row, 1);
  info.name = rows.Text(row, 2);
  info.source_org = rows.Text(row, 3);
  TAMIZ_ASSIGN_OR_RETURN(info.labels, LabelsFromJson(rows.Text(row, 4)));
  info.description = rows.Text(row, 5);
  info.kind = static_cast<lists::ListKind>(rows.Int(row, 6));
  TAMIZ_ASSIGN_OR_RETURN(info.policy, PolicyFromJson(rows.Text(row, 7)));
  info.built_in = rows.Int(row, 8) != 0;
  info.version = static_cast<std::uint64_t>(rows.Int(row, 9));
  info.created_at = FromNanos(rows.Int(row, 10));
  info.updated_at = FromNanos(rows.Int(row, 11));
  info.digest = rows.Text(row, 12);
  info.entry_count = static_cast<std::uint64_t>(rows.Int(row, 13));
  info.digest_format = static_cast<std::uint32_t>(rows.Int(row, 14));
  return list;
}

StatusOr<ListRow> PostgresStore::FindList(PgTransaction& transaction, std::string_view name_or_id) {
  TAMIZ_ASSIGN_OR_RETURN(const PgResult rows,
                         transaction->Query(std::string(kSelectList) + "WHERE l.list_id = $1 OR l.name = $1 "
                                                                       "ORDER BY l.list_id = $1 DESC LIMIT 1",
                                            {PgParam::Text(name_or_id)}));
  if (rows.empty()) return NoSuchList(name_or_id);
  return ReadList(rows, 0);
}

StatusOr<ListRow> PostgresStore::LockList(PgTransaction& transaction, std::string_view name_or_id) {
  TAMIZ_ASSIGN_OR_RETURN(const ListRow found, FindList(transaction, name_or_id));
  TAMIZ_ASSIGN_OR_RETURN(const PgResult locked,
                         transaction->Query("SELECT list_key FROM lists WHERE list_key = $1 FOR UPDATE",
                                            {PgParam::Int(found.key)}));
  if (locked.empty()) return NoSuchList(name_or_id);  // deleted while we waited
  return FindList(transaction, found.info.list_id);   // as it is now, under the lock
}

Status PostgresStore::CheckVersion(PgTransaction& transaction, const ListRow& list, std::uint64_t version) {
  if (version > static_cast<std::uint64_t>(kForEver)) return NoSuchVersion(list.info, version);
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult found,
      transaction->Query("SELECT 1 FROM versions WHERE list_key = $1 AND version = $2",
                         {PgParam::Int(list.key), PgParam::Int(static_cast<std::int64_t>(version))}));
  return found.empty() ? NoSuchVersion(list.info, version) : OkStatus();
}

Status PostgresStore::Notify(PgTransaction& transaction) const {
  return transaction->Query("SELECT pg_notify($1, '')", {PgParam::Text(WatchChannel(config_))}).status();
}

Status PostgresStore::Touch(PgTransaction& transaction, std::int64_t key) const {
  TAMIZ_RETURN_IF_ERROR(
      transaction->Query("UPDATE lists SET revision = revision + 1 WHERE list_key = $1", {PgParam::Int(key)})
          .status());
  return Notify(transaction);
}

StatusOr<lists::ListInfo> PostgresStore::CreateList(const lists::ListInfo& info) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kWrite, "make a list"));
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult made,
      transaction->Query(
          "INSERT INTO lists (list_id, name, source_org, labels, description, kind, policy, built_in, "
          "created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8 <> 0, $9, $9) ON CONFLICT DO "
          "NOTHING "
          "RETURNING list_key",
          {PgParam::Text(info.list_id), PgParam::Text(info.name), PgParam::Text(info.source_org),
           PgParam::Text(LabelsToJson(info.labels)), PgParam::Text(info.description),
           PgParam::Int(static_cast<std::int64_t>(info.kind)), PgParam::Text(PolicyToJson(info.policy)),
           PgParam::Int(info.built_in ? 1 : 0), PgParam::Int(ToNanos(clock_.WallNow()))}));
  if (made.empty()) {
    return MakeError(StatusCode::kAlreadyExists, fmt::format("a list named '{}' exists", info.name),
                     "LIST_ALREADY_EXISTS");
  }
  TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(transaction, info.list_id));
  TAMIZ_RETURN_IF_ERROR(Notify(transaction));
  TAMIZ_RETURN_IF_ERROR(transaction.Commit());
  return list.info;
}

StatusOr<lists::ListInfo> PostgresStore::GetList(std::string_view name_or_id) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read a list"));
  TAMIZ_ASSIGN_OR_RETURN(ListRow list, FindList(transaction, name_or_id));
  return list.info;
}

StatusOr<std::vector<lists::ListInfo>> PostgresStore::Lists() {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read the lists"));
  TAMIZ_ASSIGN_OR_RETURN(const PgResult rows,
                         transaction->Query(std::string(kSelectList) + "ORDER BY l.name"));
  std::vector<lists::ListInfo> all;
  for (int row = 0; row < rows.rows(); ++row) {
    TAMIZ_ASSIGN_OR_RETURN(ListRow list, ReadList(rows, row));
    all.push_back(std::move(list.info));
  }
  return all;
}

StatusOr<lists::ListInfo> PostgresStore::ChangeList(std::string_view name_or_id,
                                                    const std::function<Status(lists::ListInfo&)>& edit) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kWrite, "change a list"));
  TAMIZ_ASSIGN_OR_RETURN(ListRow list, LockList(transaction, name_or_id));
  TAMIZ_ASSIGN_OR_RETURN(const bool is_changed, Edit(list.info, edit));
  if (!is_changed) return list.info;
  const lists::ListInfo& info = list.info;
  TAMIZ_RETURN_IF_ERROR(
      transaction
          ->Query("UPDATE lists SET source_org = $1, labels = $2, description = $3, policy = $4, "
                  "revision = revision + 1 WHERE list_key = $5",
                  {PgParam::Text(info.source_org), PgParam::Text(LabelsToJson(info.labels)),
                   PgParam::Text(info.description), PgParam::Text(PolicyToJson(info.policy)),
                   PgParam::Int(list.key)})
          .status());
  TAMIZ_ASSIGN_OR_RETURN(ListRow changed, FindList(transaction, info.list_id));
  TAMIZ_RETURN_IF_ERROR(Notify(transaction));
  TAMIZ_RETURN_IF_ERROR(transaction.Commit());
  return changed.info;
}

Status PostgresStore::DeleteList(std::string_view list_id) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, BeginLong("delete a list"));
  TAMIZ_ASSIGN_OR_RETURN(const PgResult locked,
                         transaction->Query("SELECT list_key FROM lists WHERE list_id = $1 FOR UPDATE",
                                            {PgParam::Text(list_id)}));
  if (locked.empty()) return NoSuchList(list_id);
  const PgParams key{PgParam::Int(locked.Int(0, 0))};
  TAMIZ_RETURN_IF_ERROR(transaction->Query("DELETE FROM entries WHERE list_key = $1", key).status());
  TAMIZ_RETURN_IF_ERROR(transaction->Query("DELETE FROM lists WHERE list_key = $1", key).status());
  TAMIZ_RETURN_IF_ERROR(Notify(transaction));
  return transaction.Commit();
}

StatusOr<Contents> PostgresStore::ReadContents(PgTransaction& transaction, std::int64_t key,
                                               std::int64_t version) {
  Contents contents;
  TAMIZ_RETURN_IF_ERROR(transaction->QueryEach(
      "SELECT entry_id, body FROM entries WHERE list_key = $1 AND " TAMIZ_LIVE_AT("$2"),
      {PgParam::Int(key), PgParam::Int(version)}, [&](const PgResult& row) {
        contents.Add(row.Bytes(0, 0), BlobOf(row.Bytes(0, 1)));
        return OkStatus();
      }));
  return contents;
}

StatusOr<Contents> PostgresStore::CurrentContents(PgTransaction& transaction, const ListRow& list) {
  const auto version = static_cast<std::int64_t>(list.info.version);
  if (version == 0) return Contents{};
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult row,
      transaction->Query("SELECT l.digest_state, v.entry_count, v.enabled_count FROM lists l JOIN versions v "
                         "ON v.list_key = l.list_key AND v.version = l.version WHERE l.list_key = $1",
                         {PgParam::Int(list.key)}));
  if (row.empty() || row.IsNull(0, 0)) return ReadContents(transaction, list.key, version);
  Contents contents;
  TAMIZ_ASSIGN_OR_RETURN(contents.digest, lists::ContentDigest::FromState(BlobOf(row.Bytes(0, 0))));
  contents.entries = row.Int(0, 1);
  contents.enabled = row.Int(0, 2);
  return contents;
}

Status PostgresStore::SendUpserts(PgTransaction& transaction, const std::vector<const lists::Entry*>& upserts,
                                  const std::string& table, std::optional<std::int64_t> key,
                                  Contents* contents) {
  TAMIZ_RETURN_IF_ERROR(transaction->BeginCopy(fmt::format("COPY {} FROM STDIN (FORMAT binary)", table)));
  CopyRows rows(transaction);
  std::string body;
  for (const lists::Entry* entry : upserts) {
    body.clear();
    lists::Entry canonical = *entry;
    lists::Canonicalise(canonical);
    lists::EncodeBody(canonical, body);
    if (contents != nullptr) contents->Add(entry->id, BlobOf(body));
    rows.BeginRow(key ? 4 : 2);
    rows.Bytes(entry->id);
    rows.Bytes(body);
    if (key) {
      rows.Int(*key);
      rows.Int(1);  // into the first version
    }
    TAMIZ_RETURN_IF_ERROR(rows.EndRow());
  }
  return rows.End().status();
}

// Brings the change to the server: tables `incoming` (upserts) and `outgoing` (ids to remove), which are
// empty again when the transaction ends.
Status PostgresStore::FillIncoming(PgTransaction& transaction,
                                   const std::vector<const lists::Entry*>& upserts, const Change& change,
                                   Contents* contents) {
  TAMIZ_RETURN_IF_ERROR(transaction->Run(
      "CREATE TEMPORARY TABLE IF NOT EXISTS incoming (entry_id text COLLATE \"C\" NOT NULL, body bytea NOT "
      "NULL) ON COMMIT DELETE ROWS; "
      "CREATE TEMPORARY TABLE IF NOT EXISTS outgoing (entry_id text COLLATE \"C\" NOT NULL) ON COMMIT DELETE "
      "ROWS"));
  TAMIZ_RETURN_IF_ERROR(
      SendUpserts(transaction, upserts, "pg_temp.incoming (entry_id, body)", std::nullopt, contents));
  if (!change.replace && !change.removals.empty()) {
    TAMIZ_RETURN_IF_ERROR(
        transaction->BeginCopy("COPY pg_temp.outgoing (entry_id) FROM STDIN (FORMAT binary)"));
    CopyRows ids(transaction);
    for (const std::string& id : change.removals) {
      ids.BeginRow(1);
      ids.Bytes(id);
      TAMIZ_RETURN_IF_ERROR(ids.EndRow());
    }
    TAMIZ_RETURN_IF_ERROR(ids.End().status());
  }
  // The server plans by how many rows there are.
  return transaction->Run("ANALYZE pg_temp.incoming; ANALYZE pg_temp.outgoing");
}

Status PostgresStore::EndRemoved(PgTransaction& transaction, const ListRow& list, const Change& change,
                                 Contents* contents, ChangeCounts& counts) {
  counts.removed = 0;
  if (!change.replace && change.removals.empty()) return OkStatus();
  std::string which = "e.list_key = $1 AND e." TAMIZ_LIVE_NOW
                      " AND NOT EXISTS (SELECT 1 FROM pg_temp.incoming i WHERE i.entry_id = e.entry_id)";
  if (!change.replace)
    which += " AND EXISTS (SELECT 1 FROM pg_temp.outgoing o WHERE o.entry_id = e.entry_id)";
  if (contents == nullptr) {
    TAMIZ_ASSIGN_OR_RETURN(
        const PgResult gone,
        transaction->Query("SELECT count(*) FROM entries e WHERE " + which, {PgParam::Int(list.key)}));
    counts.removed = static_cast<std::uint64_t>(gone.Int(0, 0));
    return OkStatus();
  }
  const PgParams params{PgParam::Int(list.key),
                        PgParam::Int(static_cast<std::int64_t>(list.info.version) + 1)};
  const std::string end = "UPDATE entries e SET removed_version = $2 WHERE " + which;
  if (change.replace) {
    TAMIZ_ASSIGN_OR_RETURN(const PgResult gone, transaction->Query(end, params));
    counts.removed = gone.affected();
    return OkStatus();
  }
  return transaction->QueryEach(end + " RETURNING e.entry_id, e.body", params, [&](const PgResult& row) {
    ++counts.removed;
    contents->Remove(row.Bytes(0, 0), BlobOf(row.Bytes(0, 1)));
    return OkStatus();
  });
}

Status PostgresStore::ApplyIn(PgTransaction& transaction, const ListRow& list, const Change& change,
                              Contents* contents, ChangeCounts& counts) {
  const auto next = static_cast<std::int64_t>(list.info.version) + 1;
  std::vector<const lists::Entry*> upserts;
  upserts.reserve(change.upserts.size());
  for (const lists::Entry& entry : change.upserts) upserts.push_back(&entry);
  std::sort(upserts.begin(), upserts.end(), [](auto* a, auto* b) { return a->id < b->id; });
  if (std::adjacent_find(upserts.begin(), upserts.end(), [](auto* a, auto* b) { return a->id == b->id; }) !=
      upserts.end()) {
    return InvalidArgument("an entry id stands twice in one change");
  }
  if (list.info.version == 0) {  // nothing to compare with
    counts.added = upserts.size();
    if (contents == nullptr || upserts.empty()) return OkStatus();
    return SendUpserts(transaction, upserts, "entries (entry_id, body, list_key, added_version)", list.key,
                       contents);
  }
  TAMIZ_RETURN_IF_ERROR(FillIncoming(transaction, upserts, change, contents));

  const PgParams key{PgParam::Int(list.key)};
  constexpr std::string_view kKnown =
      "FROM pg_temp.incoming i JOIN entries e ON e.list_key = $1 AND e.entry_id = i.entry_id "
      "AND e." TAMIZ_LIVE_NOW;
  if (contents == nullptr || change.replace) {
    TAMIZ_ASSIGN_OR_RETURN(const PgResult known,
                           transaction->Query(fmt::format("SELECT count(*) FILTER (WHERE e.body = i.body), "
                                                          "count(*) FILTER (WHERE e.body <> i.body) {}",
                                                          kKnown),
                                              key));
    counts.unchanged = static_cast<std::uint64_t>(known.Int(0, 0));
    counts.updated = static_cast<std::uint64_t>(known.Int(0, 1));
  } else {
    // All upserts were added to the contents: what they replace, were it by the same, is taken away.
    TAMIZ_RETURN_IF_ERROR(transaction->QueryEach(
        fmt::format("SELECT e.entry_id, e.body, e.body = i.body {}", kKnown), key, [&](const PgResult& row) {
          ++(row.Int(0, 2) != 0 ? counts.unchanged : counts.updated);
          contents->Remove(row.Bytes(0, 0), BlobOf(row.Bytes(0, 1)));
          return OkStatus();
        }));
  }
  counts.added = upserts.size() - counts.unchanged - counts.updated;
  TAMIZ_RETURN_IF_ERROR(EndRemoved(transaction, list, change, contents, counts));
  if (contents == nullptr || counts.added + counts.updated == 0) return OkStatus();
  const PgParams params{PgParam::Int(list.key), PgParam::Int(next)};
  if (counts.updated > 0) {
    TAMIZ_RETURN_IF_ERROR(
        transaction
            ->Query("UPDATE entries e SET removed_version = $2 FROM pg_temp.incoming i WHERE e.list_key = $1 "
                    "AND e.entry_id = i.entry_id AND e." TAMIZ_LIVE_NOW " AND e.body <> i.body",
                    params)
            .status());
  }
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult added,
      transaction->Query(
          "INSERT INTO entries (list_key, entry_id, added_version, body) SELECT $1, i.entry_id, $2, i.body "
          "FROM pg_temp.incoming i WHERE NOT EXISTS (SELECT 1 FROM entries e WHERE e.list_key = $1 AND "
          "e.entry_id = i.entry_id AND e." TAMIZ_LIVE_NOW ")",
          params));
  if (added.affected() != counts.added + counts.updated) {
    return Internal(fmt::format("{} entries were to be written and {} were", counts.added + counts.updated,
                                added.affected()));
  }
  return OkStatus();
}

StatusOr<lists::ListInfo> PostgresStore::AddVersion(PgTransaction& transaction, const ListRow& list,
                                                    const Contents& contents, const std::string& change) {
  const auto next = static_cast<std::int64_t>(list.info.version) + 1;
  const std::int64_t now = ToNanos(clock_.WallNow());
  TAMIZ_RETURN_IF_ERROR(
      transaction
          ->Query("INSERT INTO versions (list_key, version, digest, entry_count, enabled_count, created_at, "
                  "change, digest_format) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                  {PgParam::Int(list.key), PgParam::Int(next), PgParam::Text(contents.digest.Finish()),
                   PgParam::Int(contents.entries), PgParam::Int(contents.enabled), PgParam::Int(now),
                   PgParam::Text(change), PgParam::Int(lists::kDigestFormat)})
          .status());
  TAMIZ_RETURN_IF_ERROR(
      transaction
          ->Query(
              "UPDATE lists SET version = $2, revision = revision + 1, updated_at = $3, digest_state = $4 "
              "WHERE list_key = $1",
              {PgParam::Int(list.key), PgParam::Int(next), PgParam::Int(now),
               PgParam::Bytes(contents.digest.State())})
          .status());
  TAMIZ_ASSIGN_OR_RETURN(ListRow changed, FindList(transaction, list.info.list_id));
  TAMIZ_RETURN_IF_ERROR(Notify(transaction));
  return changed.info;
}

StatusOr<lists::ListInfo> PostgresStore::Apply(std::string_view list_id, const Change& change,
                                               bool counts_only, ChangeCounts& counts) {
  counts = {};
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction,
                         BeginLong(counts_only ? "compare a change with a list" : "write a list's entries"));
  TAMIZ_ASSIGN_OR_RETURN(const ListRow list,
                         counts_only ? FindList(transaction, list_id) : LockList(transaction, list_id));
  TAMIZ_RETURN_IF_ERROR(CheckExpected(list.info, change));
  Contents contents;
  if (!counts_only && !change.replace) {
    TAMIZ_ASSIGN_OR_RETURN(contents, CurrentContents(transaction, list));
  }
  // What is replaced whole is summed up afresh, so that damage does not outlive it.
  TAMIZ_RETURN_IF_ERROR(ApplyIn(transaction, list, change, counts_only ? nullptr : &contents, counts));
  if (counts_only) return list.info;
  TAMIZ_RETURN_IF_ERROR(ApplyBeside(transaction, list, change));
  if (counts.added + counts.updated + counts.removed == 0) {
    if (change.settles_pending) TAMIZ_RETURN_IF_ERROR(Touch(transaction, list.key));
    TAMIZ_RETURN_IF_ERROR(transaction.Commit());
    return list.info;
  }
  TAMIZ_ASSIGN_OR_RETURN(lists::ListInfo changed, AddVersion(transaction, list, contents, change.what));
  TAMIZ_RETURN_IF_ERROR(transaction.Commit());
  return changed;
}

StatusOr<lists::ListInfo> PostgresStore::Rollback(std::string_view list_id, std::uint64_t version) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, BeginLong("roll a list back"));
  TAMIZ_ASSIGN_OR_RETURN(const ListRow list, LockList(transaction, list_id));
  TAMIZ_RETURN_IF_ERROR(CheckVersion(transaction, list, version));
  const auto next = static_cast<std::int64_t>(list.info.version) + 1;
  const PgParams params{PgParam::Int(list.key), PgParam::Int(static_cast<std::int64_t>(version)),
                        PgParam::Int(next)};
  // What is in the current version and not, or not so, in the old one ends; then what is missing is added.
  // Only rows that came or went since can be either.
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult ended,
      transaction->Query(
          "UPDATE entries e SET removed_version = $3 WHERE e.list_key = $1 AND e." TAMIZ_LIVE_NOW " AND "
          "e.added_version > $2 AND NOT EXISTS (SELECT 1 FROM entries o WHERE o.list_key = $1 AND o.entry_id "
          "= e.entry_id "
          "AND o.added_version <= $2 AND o.removed_version > $2 AND o.body = e.body)",
          params));
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult added,
      transaction->Query("INSERT INTO entries (list_key, entry_id, added_version, body) "
                         "SELECT o.list_key, o.entry_id, $3, o.body FROM entries o WHERE o.list_key = $1 AND "
                         "o.removed_version < 9223372036854775807 AND o.added_version <= $2 AND "
                         "o.removed_version > $2 AND NOT EXISTS (SELECT 1 FROM entries n "
                         "WHERE n.list_key = $1 AND n.entry_id = o.entry_id AND n." TAMIZ_LIVE_NOW ")",
                         params));
  if (ended.affected() + added.affected() == 0) return list.info;
  // Going back is rare, and the contents gone back to must be sound: they are read whole.
  TAMIZ_ASSIGN_OR_RETURN(const Contents contents, ReadContents(transaction, list.key, next));
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult old,
      transaction->Query("SELECT digest FROM versions WHERE list_key = $1 AND version = $2",
                         {PgParam::Int(list.key), PgParam::Int(static_cast<std::int64_t>(version))}));
  if (old.empty() || old.Bytes(0, 0) != contents.digest.Finish()) {
    return MakeError(
        StatusCode::kDataLoss,
        fmt::format("the stored contents of list '{}' version {} are damaged; roll back to another "
                    "version, or import the list whole",
                    list.info.name, version),
        "LIST_DIGEST_MISMATCH");
  }
  TAMIZ_ASSIGN_OR_RETURN(lists::ListInfo changed,
                         AddVersion(transaction, list, contents, fmt::format("rollback to {}", version)));
  TAMIZ_RETURN_IF_ERROR(transaction.Commit());
  return changed;
}

StatusOr<std::vector<lists::VersionInfo>> PostgresStore::Versions(std::string_view list_id) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read a list's versions"));
  TAMIZ_ASSIGN_OR_RETURN(const ListRow list, FindList(transaction, list_id));
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult rows,
      transaction->Query(
          "SELECT version, digest, entry_count, created_at, change, digest_format FROM versions "
          "WHERE list_key = $1 ORDER BY version DESC",
          {PgParam::Int(list.key)}));
  std::vector<lists::VersionInfo> versions;
  for (int row = 0; row < rows.rows(); ++row) {
    lists::VersionInfo& version = versions.emplace_back();
    version.version = static_cast<std::uint64_t>(rows.Int(row, 0));
    version.digest = rows.Text(row, 1);
    version.entry_count = static_cast<std::uint64_t>(rows.Int(row, 2));
    version.created_at = FromNanos(rows.Int(row, 3));
    version.change = rows.Text(row, 4);
    version.digest_format = static_cast<std::uint32_t>(rows.Int(row, 5));
  }
  return versions;
}

StatusOr<lists::Entry> PostgresStore::GetEntry(std::string_view list_id, std::string_view entry_id) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read an entry"));
  TAMIZ_ASSIGN_OR_RETURN(const ListRow list, FindList(transaction, list_id));
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult found,
      transaction->Query("SELECT body FROM entries WHERE list_key = $1 AND entry_id = $2 AND " TAMIZ_LIVE_NOW,
                         {PgParam::Int(list.key), PgParam::Text(entry_id)}));
  if (found.empty()) {
    return MakeError(StatusCode::kNotFound, fmt::format("list '{}' has no such entry", list.info.name),
                     "ENTRY_NOT_FOUND");
  }
  return lists::DecodeBody(entry_id, BlobOf(found.Bytes(0, 0)));
}

// Reads page by page, each in a transaction of its own: the rows of a version never change, and a reader that
// takes minutes (an export) must neither hold a connection nor keep the server from cleaning up.
Status PostgresStore::ForEachEntry(std::string_view list_id, std::uint64_t version,
                                   const std::function<Status(lists::Entry&&)>& each) {
  ListRow list;
  {
    TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read a list's entries"));
    TAMIZ_ASSIGN_OR_RETURN(list, FindList(transaction, list_id));
    if (version == 0) version = list.info.version;
    if (version == 0) return OkStatus();
    TAMIZ_RETURN_IF_ERROR(CheckVersion(transaction, list, version));
  }
  const PgParam key = PgParam::Int(list.key), at = PgParam::Int(static_cast<std::int64_t>(version));
  std::string last;
  std::vector<lists::Entry> page;
  bool is_there = true;
  bool is_last = false;
  while (is_there && !is_last) {
    page.clear();
    std::size_t bytes = 0;
    {
      TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read a list's entries"));
      TAMIZ_ASSIGN_OR_RETURN(
          const PgResult rows,
          transaction->Query(
              fmt::format("SELECT entry_id, CASE WHEN octet_length(body) <= {} THEN body END FROM "
                          "entries WHERE list_key = $1 AND entry_id > $3 AND {} ORDER BY "
                          "entry_id LIMIT $4",
                          kLargeBody, TAMIZ_LIVE_AT("$2")),
              {key, at, PgParam::Text(last), PgParam::Int(kPageRows)}));
      TAMIZ_ASSIGN_OR_RETURN(
          const PgResult still,
          transaction->Query("SELECT 1 FROM versions WHERE list_key = $1 AND version = $2",
                             {PgParam::Int(list.key), PgParam::Int(static_cast<std::int64_t>(version))}));
      is_there = !still.empty();
      is_last = rows.rows() < kPageRows;
      for (int row = 0; is_there && row < rows.rows(); ++row) {
        if (bytes >= kPageBytes) {
          is_last = false;
          break;
        }
        last = rows.Text(row, 0);
        std::optional<PgResult> alone;
        if (rows.IsNull(row, 1)) {
          TAMIZ_ASSIGN_OR_RETURN(
              alone, transaction->Query("SELECT body FROM entries WHERE list_key = $1 AND entry_id = $3 "
                                        "AND " TAMIZ_LIVE_AT("$2"),
                                        {key, at, PgParam::Text(last)}));
        }
        const std::string_view body = alone ? alone->Bytes(0, 0) : rows.Bytes(row, 1);
        bytes += body.size();
        auto entry = lists::DecodeBody(last, BlobOf(body));
        if (!entry.ok()) {
          return MakeError(entry.status().code(),
                           fmt::format("list '{}' version {} in {}: {}", list.info.name, version,
                                       transaction->where(), Message(entry.status())));
        }
        page.push_back(*std::move(entry));
      }
    }
    for (lists::Entry& entry : page) TAMIZ_RETURN_IF_ERROR(each(std::move(entry)));
  }
  if (!is_there) {
    return MakeError(
        StatusCode::kAborted,
        fmt::format("list '{}' or its version {} was deleted while it was read", list.info.name, version));
  }
  return OkStatus();
}

Status PostgresStore::ForEachChange(std::string_view list_id, std::uint64_t from, std::uint64_t to,
                                    std::uint64_t limit, const std::function<Status(EntryChange&&)>& each) {
  struct Row {
    std::string id;
    std::optional<std::string> before, after;
  };
  std::vector<Row> changed;
  std::size_t bytes = 0;
  {
    TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read a list's changes"));
    TAMIZ_ASSIGN_OR_RETURN(const ListRow list, FindList(transaction, list_id));
    for (const std::uint64_t version : {from, to}) {
      if (version != 0) TAMIZ_RETURN_IF_ERROR(CheckVersion(transaction, list, version));
    }
    constexpr std::string_view kTouched =
        "SELECT entry_id FROM entries WHERE list_key = $1 AND added_version > $2 AND added_version <= $3 "
        "UNION "
        "SELECT entry_id FROM entries WHERE list_key = $1 AND removed_version > $2 AND removed_version <= $3 "
        "AND removed_version < 9223372036854775807";
    const auto most = static_cast<std::int64_t>(std::min<std::uint64_t>(limit, kForEver - 1));
    TAMIZ_RETURN_IF_ERROR(transaction->QueryEach(
        fmt::format(
            "SELECT t.entry_id, o.body, n.body FROM ({}) t "
            "LEFT JOIN entries o ON o.list_key = $1 AND o.entry_id = t.entry_id AND o.added_version <= "
            "$2 AND o.removed_version > $2 "
            "LEFT JOIN entries n ON n.list_key = $1 AND n.entry_id = t.entry_id AND n.added_version <= "
            "$3 AND n.removed_version > $3 ORDER BY t.entry_id LIMIT $4",
            kTouched),
        {PgParam::Int(list.key), PgParam::Int(static_cast<std::int64_t>(from)),
         PgParam::Int(static_cast<std::int64_t>(to)), PgParam::Int(most + 1)},
        [&](const PgResult& row) {
          Row& change = changed.emplace_back();
          change.id = row.Text(0, 0);
          if (!row.IsNull(0, 1)) change.before = row.Text(0, 1);
          if (!row.IsNull(0, 2)) change.after = row.Text(0, 2);
          bytes += (change.before ? change.before->size() : 0) + (change.after ? change.after->size() : 0);
          if (bytes <= kChangeBytes) return OkStatus();
          return MakeError(StatusCode::kOutOfRange,
                           fmt::format("what changed of list '{}' between versions {} and {} has more than "
                                       "{} bytes",
                                       list.info.name, from, to, kChangeBytes));
        }));
    if (changed.size() > limit) {
      return MakeError(StatusCode::kOutOfRange,
                       fmt::format("more than {} entries of list '{}' changed between versions {} and {}",
                                   limit, list.info.name, from, to));
    }
  }
  for (Row& row : changed) {
    if (row.before == row.after) continue;  // went and came back the same, or came and went
    EntryChange change;
    if (row.before) {
      TAMIZ_ASSIGN_OR_RETURN(change.before, lists::DecodeBody(row.id, BlobOf(*row.before)));
    }
    if (row.after) {
      TAMIZ_ASSIGN_OR_RETURN(change.after, lists::DecodeBody(row.id, BlobOf(*row.after)));
    }
    row = {};
    TAMIZ_RETURN_IF_ERROR(each(std::move(change)));
  }
  return OkStatus();
}

StatusOr<std::uint64_t> PostgresStore::DeleteVersionsBefore(std::string_view list_id, std::uint64_t version) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, BeginLong("delete old versions of a list"));
  TAMIZ_ASSIGN_OR_RETURN(const ListRow list, LockList(transaction, list_id));
  const PgParams params{PgParam::Int(list.key),
                        PgParam::Int(static_cast<std::int64_t>(std::min(version, list.info.version)))};
  TAMIZ_RETURN_IF_ERROR(transaction
                            ->Query("DELETE FROM entries WHERE list_key = $1 AND removed_version <= $2 "
                                    "AND removed_version < 9223372036854775807",
                                    params)
                            .status());
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult deleted,
      transaction->Query("DELETE FROM versions WHERE list_key = $1 AND version < $2", params));
  TAMIZ_RETURN_IF_ERROR(transaction.Commit());
  return deleted.affected();
}

StatusOr<VersionDiff> PostgresStore::Diff(std::string_view list_id, std::uint64_t from, std::uint64_t to) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "compare versions of a list"));
  TAMIZ_ASSIGN_OR_RETURN(const ListRow list, FindList(transaction, list_id));
  if (to == 0) to = list.info.version;
  for (const std::uint64_t version : {from, to}) {
    if (version != 0) TAMIZ_RETURN_IF_ERROR(CheckVersion(transaction, list, version));
  }
  // Rows of exactly one of the two: one of an id that came or went, two of one that changed, or that went and
  // came back the same.
  VersionDiff diff;
  TAMIZ_RETURN_IF_ERROR(transaction->QueryEach(
      "SELECT entry_id, bool_or(" TAMIZ_LIVE_AT("$2") "), bool_or(" TAMIZ_LIVE_AT(
          "$3") ") FROM entries "
                "WHERE list_key = $1 AND (" TAMIZ_LIVE_AT("$2") ") <> (" TAMIZ_LIVE_AT(
                    "$3") ") "
                          "GROUP BY entry_id HAVING count(*) = 1 OR count(DISTINCT body) > 1 ORDER BY "
                          "entry_id",
      {PgParam::Int(list.key), PgParam::Int(static_cast<std::int64_t>(from)),
       PgParam::Int(static_cast<std::int64_t>(to)),
       PgParam::Int(static_cast<std::int64_t>(std::min(from, to))),
       PgParam::Int(static_cast<std::int64_t>(std::max(from, to)))},
      [&](const PgResult& row) {
        const bool was = row.Int(0, 1) != 0, is = row.Int(0, 2) != 0;
        std::uint64_t& count = was && is ? diff.updated : is ? diff.added : diff.removed;
        std::vector<std::string>& ids = was && is ? diff.updated_ids : is ? diff.added_ids : diff.removed_ids;
        ++count;
        if (ids.size() < VersionDiff::kMaxIds) ids.push_back(row.Text(0, 0));
        return OkStatus();
      }));
  return diff;
}

Status PostgresStore::ApplyBeside(PgTransaction& transaction, const ListRow& list, const Change& change) {
  const PgParam key = PgParam::Int(list.key);
  if (change.settles_pending) {
    TAMIZ_RETURN_IF_ERROR(
        transaction->Query("DELETE FROM pending_changes WHERE list_key = $1", {key}).status());
  }
  if (!change.checkpoint) return OkStatus();
  const Checkpoint& checkpoint = *change.checkpoint;
  // The list's lock is held: nobody else moves the checkpoints of its exchanges.
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult stored,
      transaction->Query("SELECT checkpoint FROM exchanges WHERE name = $1 AND list_key = $2 FOR UPDATE",
                         {PgParam::Text(checkpoint.exchange), key}));
  if (stored.empty()) return NoSuchExchange(checkpoint.exchange);
  TAMIZ_RETURN_IF_ERROR(CheckPrevious(checkpoint, stored.Bytes(0, 0)));
  return transaction
      ->Query("UPDATE exchanges SET checkpoint = $1 WHERE name = $2",
              {PgParam::Bytes(checkpoint.state), PgParam::Text(checkpoint.exchange)})
      .status();
}

Status PostgresStore::CreateExchange(const ExchangeRow& row) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kWrite, "write an exchange"));
  TAMIZ_ASSIGN_OR_RETURN(const ListRow list, LockList(transaction, row.list_id));
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult made,
      transaction->Query("INSERT INTO exchanges (name, list_key, settings, status, checkpoint, created_at) "
                         "VALUES ($1, $2, $3, $4, '', $5) ON CONFLICT DO NOTHING",
                         {PgParam::Text(row.name), PgParam::Int(list.key), PgParam::Text(row.settings),
                          PgParam::Text(row.status), PgParam::Int(ToNanos(clock_.WallNow()))}));
  if (made.affected() == 0) {
    return MakeError(StatusCode::kAlreadyExists, fmt::format("an exchange named '{}' exists", row.name),
                     "EXCHANGE_ALREADY_EXISTS");
  }
  TAMIZ_RETURN_IF_ERROR(Touch(transaction, list.key));
  return transaction.Commit();
}

StatusOr<std::vector<ExchangeRow>> PostgresStore::Exchanges() {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read the exchanges"));
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult found,
      transaction->Query("SELECT e.name, l.list_id, e.settings, e.status, e.checkpoint, e.created_at "
                         "FROM exchanges e JOIN lists l USING (list_key) ORDER BY e.name"));
  std::vector<ExchangeRow> rows;
  for (int at = 0; at < found.rows(); ++at) {
    ExchangeRow& row = rows.emplace_back();
    row.name = found.Text(at, 0);
    row.list_id = found.Text(at, 1);
    row.settings = found.Text(at, 2);
    row.status = found.Text(at, 3);
    row.checkpoint = found.Text(at, 4);
    row.created_at = FromNanos(found.Int(at, 5));
  }
  return rows;
}

Status PostgresStore::UpdateExchange(const ExchangeRow& row) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kWrite, "write an exchange"));
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult changed,
      transaction->Query("UPDATE exchanges SET settings = $1, status = $2 WHERE name = $3",
                         {PgParam::Text(row.settings), PgParam::Text(row.status), PgParam::Text(row.name)}));
  if (changed.affected() == 0) return NoSuchExchange(row.name);
  return transaction.Commit();
}

Status PostgresStore::DeleteExchange(std::string_view name) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kWrite, "delete an exchange"));
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult of,
      transaction->Query("SELECT list_key FROM exchanges WHERE name = $1", {PgParam::Text(name)}));
  if (of.empty()) return NoSuchExchange(name);
  TAMIZ_RETURN_IF_ERROR(Touch(transaction, of.Int(0, 0)));
  TAMIZ_ASSIGN_OR_RETURN(const PgResult gone,
                         transaction->Query("DELETE FROM exchanges WHERE name = $1", {PgParam::Text(name)}));
  if (gone.affected() == 0) return NoSuchExchange(name);
  return transaction.Commit();
}

Status PostgresStore::PutPending(const PendingChange& pending) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, BeginLong("write a pending change"));
  TAMIZ_ASSIGN_OR_RETURN(const ListRow list, LockList(transaction, pending.list_id));
  const auto count = [](std::uint64_t value) { return PgParam::Int(static_cast<std::int64_t>(value)); };
  TAMIZ_RETURN_IF_ERROR(
      transaction->Query("DELETE FROM pending_changes WHERE list_key = $1", {PgParam::Int(list.key)})
          .status());
  TAMIZ_RETURN_IF_ERROR(
      transaction
          ->Query(
              "INSERT INTO pending_changes (list_key, why, added, updated, removed, unchanged, created_at, "
              "body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
              {PgParam::Int(list.key), PgParam::Text(pending.why), count(pending.counts.added),
               count(pending.counts.updated), count(pending.counts.removed), count(pending.counts.unchanged),
               PgParam::Int(ToNanos(clock_.WallNow())), PgParam::Bytes(pending.body)})
          .status());
  TAMIZ_RETURN_IF_ERROR(Touch(transaction, list.key));
  return transaction.Commit();
}

constexpr const char* kSelectPending =
    "SELECT l.list_id, p.why, p.added, p.updated, p.removed, p.unchanged, p.created_at "
    "FROM pending_changes p JOIN lists l USING (list_key) ";

PendingChange ReadPending(const PgResult& rows, int row) {
  const auto number = [&](int column) { return static_cast<std::uint64_t>(rows.Int(row, column)); };
  PendingChange pending;
  pending.list_id = rows.Text(row, 0);
  pending.why = rows.Text(row, 1);
  pending.counts = {.added = number(2), .updated = number(3), .removed = number(4), .unchanged = number(5)};
  pending.created_at = FromNanos(rows.Int(row, 6));
  return pending;
}

StatusOr<std::vector<PendingChange>> PostgresStore::PendingChanges() {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read the pending changes"));
  TAMIZ_ASSIGN_OR_RETURN(const PgResult rows, transaction->Query(std::string(kSelectPending) +
                                                                 "ORDER BY p.created_at, p.list_key"));
  std::vector<PendingChange> all;
  for (int row = 0; row < rows.rows(); ++row) all.push_back(ReadPending(rows, row));
  return all;
}

StatusOr<PendingChange> PostgresStore::GetPending(std::string_view list_id) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read a pending change"));
  TAMIZ_ASSIGN_OR_RETURN(const ListRow list, FindList(transaction, list_id));
  const PgParams key{PgParam::Int(list.key)};
  TAMIZ_ASSIGN_OR_RETURN(const PgResult rows,
                         transaction->Query(std::string(kSelectPending) + "WHERE p.list_key = $1", key));
  if (rows.empty()) return NothingPending(list.info.name);
  PendingChange pending = ReadPending(rows, 0);
  TAMIZ_ASSIGN_OR_RETURN(const PgResult body,
                         transaction->Query("SELECT body FROM pending_changes WHERE list_key = $1", key));
  pending.body = body.Text(0, 0);  // there: a read transaction sees one state
  return pending;
}

Status PostgresStore::DeletePending(std::string_view list_id) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kWrite, "delete a pending change"));
  TAMIZ_ASSIGN_OR_RETURN(const ListRow list, LockList(transaction, list_id));
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult gone,
      transaction->Query("DELETE FROM pending_changes WHERE list_key = $1", {PgParam::Int(list.key)}));
  if (gone.affected() == 0) return NothingPending(list.info.name);
  TAMIZ_RETURN_IF_ERROR(Touch(transaction, list.key));
  return transaction.Commit();
}

Status PostgresStore::WriteRecord(const ScanRecord& record) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kWrite, "write a record"));
  TAMIZ_RETURN_IF_ERROR(
      transaction
          ->Query("INSERT INTO records (at, scan_id, request_id, verdict, confidence, labels, hits) "
                  "VALUES ($1, $2, $3, $4, $5, $6, $7)",
                  {PgParam::Int(ToNanos(record.at)), PgParam::Text(record.scan_id),
                   PgParam::Text(record.request_id), PgParam::Text(record.verdict),
                   PgParam::Real(std::isfinite(record.confidence) ? record.confidence : 0.0),
                   PgParam::Text(RecordLabelsToJson(record.labels)), PgParam::Text(HitsToJson(record.hits))})
          .status());
  return transaction.Commit();
}

Status PostgresStore::ForEachRecord(WallTime from, const std::function<Status(ScanRecord&&)>& each) {
  std::int64_t last_at = ToNanos(from) - 1, last_key = kForEver;
  std::vector<ScanRecord> page;
  do {
    page.clear();
    {
      TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read records"));
      TAMIZ_ASSIGN_OR_RETURN(
          const PgResult rows,
          transaction->Query(
              "SELECT at, scan_id, request_id, verdict, confidence, labels, hits, record_key FROM records "
              "WHERE (at, record_key) > ($1, $2) ORDER BY at, record_key LIMIT $3",
              {PgParam::Int(last_at), PgParam::Int(last_key), PgParam::Int(kPageRows)}));
      for (int row = 0; row < rows.rows(); ++row) {
        ScanRecord& record = page.emplace_back();
        last_at = rows.Int(row, 0);
        last_key = rows.Int(row, 7);
        record.at = FromNanos(last_at);
        record.scan_id = rows.Text(row, 1);
        record.request_id = rows.Text(row, 2);
        record.verdict = rows.Text(row, 3);
        record.confidence = rows.Real(row, 4);
        TAMIZ_RETURN_IF_ERROR(RecordFromJson(rows.Text(row, 5), rows.Text(row, 6), record));
      }
    }
    for (ScanRecord& record : page) TAMIZ_RETURN_IF_ERROR(each(std::move(record)));
  } while (page.size() == static_cast<std::size_t>(kPageRows));
  return OkStatus();
}

StatusOr<std::uint64_t> PostgresStore::DeleteRecordsBefore(WallTime before) {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, BeginLong("delete records"));
  TAMIZ_ASSIGN_OR_RETURN(const PgResult gone, transaction->Query("DELETE FROM records WHERE at < $1",
                                                                 {PgParam::Int(ToNanos(before))}));
  TAMIZ_RETURN_IF_ERROR(transaction.Commit());
  return gone.affected();
}

Status PostgresStore::Check() {
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction, Begin(Kind::kRead, "read the database"));
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult rows,
      transaction->Query("SELECT version, pg_catalog.pg_is_in_recovery() FROM tamiz_schema"));
  if (rows.empty()) return MakeError(StatusCode::kFailedPrecondition, "the schema lost its version");
  if (rows.Int(0, 1) != 0) {
    return MakeError(StatusCode::kUnavailable,
                     fmt::format("{} is a standby and takes no changes; name the primary in store.url",
                                 transaction->where()),
                     "STORE_READ_ONLY");
  }
  return OkStatus();
}

std::unique_ptr<Watch> PostgresStore::Follow(std::function<Status()> on_change) {
  return WatchPostgres(config_, pool_.options(), std::move(on_change));
}

#undef TAMIZ_LIVE_AT
#undef TAMIZ_LIVE_NOW

}  // namespace

Status CheckPostgresConfig(const Config& config) { return MakePgOptions(config).status(); }

StatusOr<std::unique_ptr<Store>> OpenPostgresStore(const Config& config, const Clock& clock) {
  TAMIZ_ASSIGN_OR_RETURN(PgOptions options, MakePgOptions(config));
  auto store = std::make_unique<PostgresStore>(config, std::move(options), clock);
  TAMIZ_RETURN_IF_ERROR(store->Open());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace tamiz::store
