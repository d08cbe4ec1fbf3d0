#include "core/store/migrations.h"

#include <array>

namespace tamiz::store {
namespace {

// Times are nanoseconds since 1970 UTC.
constexpr std::array kMigrations{
    Migration{1, "lists, versions, entries, records", R"sql(
CREATE TABLE lists (
  list_key    INTEGER PRIMARY KEY,             -- short, repeated in every entry row
  list_id     TEXT    NOT NULL UNIQUE,
  name        TEXT    NOT NULL UNIQUE,
  source_org  TEXT    NOT NULL,
  labels      TEXT    NOT NULL,                -- JSON array
  description TEXT    NOT NULL,
  kind        INTEGER NOT NULL,
  policy      TEXT    NOT NULL,                -- JSON object
  built_in    INTEGER NOT NULL,
  version     INTEGER NOT NULL DEFAULT 0,      -- current
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE versions (
  list_key      INTEGER NOT NULL REFERENCES lists (list_key) ON DELETE CASCADE,
  version       INTEGER NOT NULL,
  digest        TEXT    NOT NULL,
  entry_count   INTEGER NOT NULL,
  enabled_count INTEGER NOT NULL,
  created_at    INTEGER NOT NULL,
  change        TEXT    NOT NULL,
  PRIMARY KEY (list_key, version)
) STRICT, WITHOUT ROWID;

-- A row is part of the versions added_version <= v < removed_version, so a version costs what it changed.
-- Clustered in the order in which a version is read and digested.
CREATE TABLE entries (
  list_key        INTEGER NOT NULL REFERENCES lists (list_key) ON DELETE CASCADE,
  entry_id        TEXT    NOT NULL,
  added_version   INTEGER NOT NULL,
  removed_version INTEGER NOT NULL DEFAULT 9223372036854775807,
  body            BLOB    NOT NULL,            -- core/lists/entry_codec.h
  PRIMARY KEY (list_key, entry_id, added_version)
) STRICT, WITHOUT ROWID;

-- Outlives the lists it names: it says why an upload was blocked.
CREATE TABLE records (
  record_key INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  scan_id    TEXT    NOT NULL,
  request_id TEXT    NOT NULL,
  verdict    TEXT    NOT NULL,
  confidence REAL    NOT NULL,
  labels     TEXT    NOT NULL,                 -- JSON object
  hits       TEXT    NOT NULL                  -- JSON array
) STRICT;
CREATE INDEX records_by_time ON records (at, record_key);
)sql"},
    Migration{2, "exchanges, pending changes", R"sql(
CREATE TABLE exchanges (
  name       TEXT    PRIMARY KEY,
  list_key   INTEGER NOT NULL REFERENCES lists (list_key) ON DELETE CASCADE,
  settings   TEXT    NOT NULL,                 -- JSON object
  status     TEXT    NOT NULL,                 -- JSON object
  checkpoint TEXT    NOT NULL,                 -- the exchange's own
  created_at INTEGER NOT NULL
) STRICT;

-- Changes that wait for a person.
CREATE TABLE pending_changes (
  list_key   INTEGER PRIMARY KEY REFERENCES lists (list_key) ON DELETE CASCADE,
  why        TEXT    NOT NULL,
  added      INTEGER NOT NULL,
  updated    INTEGER NOT NULL,
  removed    INTEGER NOT NULL,
  unchanged  INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  body       BLOB    NOT NULL                  -- core/store/change_codec.h
) STRICT;
)sql"},
    Migration{3, "changes between versions; digests that follow them", R"sql(
ALTER TABLE versions ADD COLUMN digest_format INTEGER NOT NULL DEFAULT 1;
-- Of the current version; NULL until the first change after this step. core/lists/content_digest.h
ALTER TABLE lists ADD COLUMN digest_state BLOB;
CREATE INDEX entries_by_added ON entries (list_key, added_version);
CREATE INDEX entries_by_removed ON entries (list_key, removed_version)
  WHERE removed_version < 9223372036854775807;
)sql"},
};

}  // namespace

std::span<const Migration> SqliteMigrations() { return kMigrations; }

}  // namespace tamiz::store
