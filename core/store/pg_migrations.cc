#include "core/store/pg_migrations.h"

#include <fmt/format.h>

#include <array>

#include "core/base/log.h"

namespace tamiz::store {
namespace {

constexpr std::int64_t kLock = 0x54616d7a;  // "Tamz"

// Times are nanoseconds since 1970 UTC. Ids and names are compared bytewise (COLLATE "C"), whatever the
// database's own order. JSON is kept as text: it is never looked into here, and jsonb refuses U+0000.
constexpr std::array kMigrations{
    Migration{1, "lists, versions, entries, records", R"sql(
CREATE TABLE lists (
  list_key    bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- short, repeated in every entry row
  list_id     text    COLLATE "C" NOT NULL UNIQUE,
  name        text    COLLATE "C" NOT NULL UNIQUE,
  source_org  text    NOT NULL,
  labels      text    NOT NULL,                -- JSON array
  description text    NOT NULL,
  kind        integer NOT NULL,
  policy      text    NOT NULL,                -- JSON object
  built_in    boolean NOT NULL,
  version     bigint  NOT NULL DEFAULT 0,      -- current
  revision    bigint  NOT NULL DEFAULT 1,      -- grows with every change of the row: what replicas look at
  created_at  bigint  NOT NULL,
  updated_at  bigint  NOT NULL
);

CREATE TABLE versions (
  list_key      bigint NOT NULL REFERENCES lists (list_key) ON DELETE CASCADE,
  version       bigint NOT NULL,
  digest        text   NOT NULL,
  entry_count   bigint NOT NULL,
  enabled_count bigint NOT NULL,
  created_at    bigint NOT NULL,
  change        text   NOT NULL,
  PRIMARY KEY (list_key, version)
);

-- A row is part of the versions added_version <= v < removed_version, so a version costs what it changed.
-- No foreign key: a check for each of a million rows costs more than the rows. All who write entries hold the
-- lock of the list's row.
CREATE TABLE entries (
  list_key        bigint NOT NULL,
  entry_id        text   COLLATE "C" NOT NULL,
  added_version   bigint NOT NULL,
  removed_version bigint NOT NULL DEFAULT 9223372036854775807,
  body            bytea  NOT NULL,              -- core/lists/entry_codec.h
  PRIMARY KEY (list_key, entry_id, added_version)
);
ALTER TABLE entries ALTER COLUMN body SET STORAGE EXTERNAL;  -- hashes do not compress

-- Outlives the lists it names: it says why an upload was blocked.
CREATE TABLE records (
  record_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         bigint           NOT NULL,
  scan_id    text             NOT NULL,
  request_id text             NOT NULL,
  verdict    text             NOT NULL,
  confidence double precision NOT NULL,
  labels     text             NOT NULL,         -- JSON object
  hits       text             NOT NULL          -- JSON array
);
CREATE INDEX records_by_time ON records (at, record_key);
)sql"},
    Migration{2, "exchanges, pending changes", R"sql(
CREATE TABLE exchanges (
  name       text   COLLATE "C" PRIMARY KEY,
  list_key   bigint NOT NULL REFERENCES lists (list_key) ON DELETE CASCADE,
  settings   text   NOT NULL,                   -- JSON object
  status     text   NOT NULL,                   -- JSON object
  checkpoint bytea  NOT NULL,                   -- the exchange's own
  created_at bigint NOT NULL
);

-- Changes that wait for a person.
CREATE TABLE pending_changes (
  list_key   bigint PRIMARY KEY REFERENCES lists (list_key) ON DELETE CASCADE,
  why        text   NOT NULL,
  added      bigint NOT NULL,
  updated    bigint NOT NULL,
  removed    bigint NOT NULL,
  unchanged  bigint NOT NULL,
  created_at bigint NOT NULL,
  body       bytea  NOT NULL                    -- core/store/change_codec.h
);
ALTER TABLE pending_changes ALTER COLUMN body SET STORAGE EXTERNAL;
)sql"},
    Migration{3, "changes between versions; digests that follow them", R"sql(
ALTER TABLE versions ADD COLUMN digest_format integer NOT NULL DEFAULT 1;
-- Of the current version; NULL before the first. core/lists/content_digest.h
ALTER TABLE lists ADD COLUMN digest_state bytea;
CREATE INDEX entries_by_added ON entries (list_key, added_version);
CREATE INDEX entries_by_removed ON entries (list_key, removed_version)
  WHERE removed_version < 9223372036854775807;
)sql"},
};

}  // namespace

std::span<const Migration> PgMigrations() { return kMigrations; }

Status MigratePg(PgPool& pool, const PgTransaction::Settings& settings) {
  const int latest = kMigrations.back().version;
  TAMIZ_ASSIGN_OR_RETURN(PgTransaction transaction,
                         PgTransaction::Begin(pool, PgTransaction::Kind::kWrite, settings));
  const std::string where = fmt::format("{}, schema {}", transaction->where(), settings.schema);
  TAMIZ_RETURN_IF_ERROR(
      transaction->Query("SELECT pg_advisory_xact_lock($1)", {PgParam::Int(kLock)}).status());
  TAMIZ_ASSIGN_OR_RETURN(const PgResult encoding,
                         transaction->Query("SELECT pg_catalog.current_setting('server_encoding')"));
  if (encoding.Bytes(0, 0) != "UTF8") {
    return MakeError(StatusCode::kFailedPrecondition,
                     fmt::format("{}: the database's encoding is {}; make one with ENCODING 'UTF8'", where,
                                 encoding.Bytes(0, 0)),
                     "STORE_ENCODING");
  }
  TAMIZ_ASSIGN_OR_RETURN(
      const PgResult there,
      transaction->Query(
          "SELECT n.oid IS NOT NULL, pg_catalog.to_regclass(quote_ident($1) || '.tamiz_schema') IS NOT NULL, "
          "(SELECT count(*) FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid) "
          "FROM (VALUES (1)) one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1",
          {PgParam::Text(settings.schema)}));
  if (there.Int(0, 0) == 0)
    TAMIZ_RETURN_IF_ERROR(transaction->Run(fmt::format("CREATE SCHEMA \"{}\"", settings.schema)));
  int current = 0;
  if (there.Int(0, 1) != 0) {
    TAMIZ_ASSIGN_OR_RETURN(const PgResult version, transaction->Query("SELECT version FROM tamiz_schema"));
    if (!version.empty()) current = static_cast<int>(version.Int(0, 0));
  } else if (there.Int(0, 2) != 0) {
    return MakeError(StatusCode::kFailedPrecondition,
                     fmt::format("{} holds tables of another program; choose another store.schema", where),
                     "STORE_NOT_OURS");
  }
  if (current > latest) {
    return MakeError(
        StatusCode::kFailedPrecondition,
        fmt::format("{} was written by a newer Tamiz (version {} of the schema, this one knows {}); run that "
                    "one, or restore an older backup",
                    where, current, latest),
        "STORE_SCHEMA_NEWER");
  }
  if (current == latest) return OkStatus();
  if (current == 0) {
    TAMIZ_RETURN_IF_ERROR(transaction->Run(
        "CREATE TABLE tamiz_schema (version integer NOT NULL); INSERT INTO tamiz_schema VALUES (0)"));
  }
  for (const Migration& migration : kMigrations) {
    if (migration.version > current) TAMIZ_RETURN_IF_ERROR(transaction->Run(migration.sql));
  }
  TAMIZ_RETURN_IF_ERROR(
      transaction->Query("UPDATE tamiz_schema SET version = $1", {PgParam::Int(latest)}).status());
  TAMIZ_RETURN_IF_ERROR(transaction.Commit());
  LogInfo("database schema is up to date", {{"from", std::int64_t{current}}, {"to", std::int64_t{latest}}});
  return OkStatus();
}

}  // namespace tamiz::store
