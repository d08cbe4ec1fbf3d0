// What PostgreSQL adds to the contract: replicas, a server that goes away and comes back, configuration.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "core/store/pg_migrations.h"
#include "core/store/pg_options.h"
#include "core/store/pg_pool.h"
#include "core/store/postgres_store.h"
#include "tests/contract/postgres_server.h"
#include "tests/contract/store_under_test.h"

namespace tamiz::store {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

lists::Entry MakeEntry(std::uint64_t number, std::size_t frames = 1) {
  lists::Entry entry;
  entry.id = fmt::format("{:08}", number);
  for (std::size_t frame = 0; frame < frames; ++frame) {
    std::vector<std::uint8_t> value(32);
    for (std::size_t i = 0; i < 32; ++i)
      value[i] = static_cast<std::uint8_t>(number * 31 + frame * 7 + i * i);
    entry.hashes.push_back(
        {.type = lists::HashType::kPdq, .value = std::move(value), .time_ms = 1000 * frame});
  }
  return entry;
}

std::unique_ptr<Store> Open(const Config& config) {
  auto store = OpenPostgresStore(config);
  if (!store.ok()) {
    ADD_FAILURE() << Message(store.status());
    return nullptr;
  }
  return *std::move(store);
}

void MakeList(Store& store, const std::string& name) {
  lists::ListInfo info;
  info.list_id = info.name = name;
  ASSERT_TRUE(store.CreateList(info).ok());
}

Status Add(Store& store, const std::string& list, std::uint64_t number) {
  ChangeCounts counts;
  return store.Apply(list, {.what = "add", .upserts = {MakeEntry(number)}}, false, counts).status();
}

// Statements on the side, as an administrator would type them.
Status Administer(const Config& config, const std::string& statements) {
  TAMIZ_ASSIGN_OR_RETURN(const PgOptions options, MakePgOptions(config));
  TAMIZ_ASSIGN_OR_RETURN(const auto connection, PgConnection::Connect(options.keywords, options.where));
  return connection->Run(statements);
}

bool Eventually(const std::function<bool()>& condition, std::chrono::milliseconds time = 20s) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

TEST(Postgres, ReplicasThatStartAtOnceMakeOneSchema) {
  const Config config = PostgresServer::Shared().ConfigFor();
  std::vector<std::thread> starts;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 6; ++i) {
    starts.emplace_back([&] {
      if (Open(config) != nullptr) ++opened;
    });
  }
  for (auto& start : starts) start.join();
  EXPECT_EQ(opened, 6);
}

TEST(Postgres, ASchemaOfANewerTamizOrOfAnotherProgramIsRefused) {
  const Config config = PostgresServer::Shared().ConfigFor();
  ASSERT_NE(Open(config), nullptr);
  ASSERT_TRUE(
      Administer(config, fmt::format("UPDATE {}.tamiz_schema SET version = 999", config.schema)).ok());
  const auto newer = OpenPostgresStore(config);
  EXPECT_EQ(newer.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(newer.status()), "STORE_SCHEMA_NEWER");
  EXPECT_THAT(Message(newer.status()), HasSubstr("version 999"));

  const Config other = PostgresServer::Shared().ConfigFor();
  ASSERT_TRUE(
      Administer(other, fmt::format("CREATE SCHEMA {0}; CREATE TABLE {0}.lists (x int)", other.schema)).ok());
  EXPECT_EQ(Reason(OpenPostgresStore(other).status()), "STORE_NOT_OURS");
}

TEST(Postgres, EveryMigrationIsTheNextOfTheOneBefore) {
  int version = 0;
  for (const Migration& migration : PgMigrations()) EXPECT_EQ(migration.version, ++version);
  EXPECT_EQ(static_cast<std::size_t>(version), SqliteMigrations().size())
      << "both stores keep the same things";
}

TEST(Postgres, SchemaNamesMayBeWordsOfSql) {
  const Config config = PostgresServer::Shared().ConfigFor("user");
  const auto store = Open(config);
  ASSERT_NE(store, nullptr);
  MakeList(*store, "a");
  EXPECT_TRUE(Add(*store, "a", 1).ok());
  const auto watch = store->Follow([] { return OkStatus(); });
  EXPECT_TRUE(Eventually([&] { return watch->Problem().empty(); })) << watch->Problem();
}

TEST(PostgresWatch, TellsOfChangesOfOthersAtOnce) {
  Config config = PostgresServer::Shared().ConfigFor();
  config.poll_interval = 60s;  // by being told, not by looking
  const auto one = Open(config), two = Open(config);
  ASSERT_TRUE(one != nullptr && two != nullptr);
  std::atomic<int> told = 0;
  const auto watch = two->Follow([&] {
    ++told;
    return OkStatus();
  });
  ASSERT_TRUE(Eventually([&] { return told == 1; })) << "at the start";
  lists::ListInfo info;
  info.list_id = info.name = "a";
  const auto change = [&](const char* what, const std::function<Status()>& work) {
    const int before = told;
    ASSERT_TRUE(work().ok()) << what;
    EXPECT_TRUE(Eventually([&] { return told > before; })) << what;
  };
  change("a new list", [&] { return one->CreateList(info).status(); });
  change("an entry", [&] { return Add(*one, "a", 1); });
  change("a policy", [&] {
    return one
        ->ChangeList("a",
                     [](lists::ListInfo& list) {
                       list.policy.radius = 3;
                       return OkStatus();
                     })
        .status();
  });
  change("an exchange", [&] { return one->CreateExchange({.name = "x", .list_id = "a"}); });
  change("a change that waits", [&] { return one->PutPending({.list_id = "a"}); });
  change("one that is rejected", [&] { return one->DeletePending("a"); });
  change("no exchange", [&] { return one->DeleteExchange("x"); });
  change("another entry", [&] { return Add(*one, "a", 2); });
  change("a roll-back", [&] { return one->Rollback("a", 1).status(); });
  change("a deletion", [&] { return one->DeleteList("a"); });
}

TEST(PostgresWatch, FindsByLookingWhatItWasNotTold) {
  Config config = PostgresServer::Shared().ConfigFor();
  config.poll_interval = 100ms;
  const auto store = Open(config);
  ASSERT_NE(store, nullptr);
  MakeList(*store, "a");
  std::atomic<int> told = 0;
  const auto watch = store->Follow([&] {
    ++told;
    return OkStatus();
  });
  ASSERT_TRUE(Eventually([&] { return told == 1; }));
  ASSERT_TRUE(
      Administer(config, fmt::format("UPDATE {}.lists SET revision = revision + 1", config.schema)).ok());
  EXPECT_TRUE(Eventually([&] { return told == 2; }));
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(told, 2) << "nothing changed, nothing told";
}

TEST(PostgresWatch, TriesAgainWhatFailed) {
  Config config = PostgresServer::Shared().ConfigFor();
  config.poll_interval = 50ms;
  const auto store = Open(config);
  ASSERT_NE(store, nullptr);
  std::atomic<int> told = 0;
  const auto watch = store->Follow(
      [&]() -> Status { return ++told < 3 ? MakeError(StatusCode::kUnavailable, "not yet") : OkStatus(); });
  EXPECT_TRUE(Eventually([&] { return told == 3; }));
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(told, 3);
}

TEST(PostgresOutage, ComesBackByItselfAndLosesNoRecord) {
  PostgresServer server;
  Config config = server.ConfigFor();
  config.poll_interval = 50ms;
  const auto store = Open(config);
  ASSERT_NE(store, nullptr);
  MakeList(*store, "a");
  ASSERT_TRUE(Add(*store, "a", 1).ok());
  std::atomic<int> told = 0;
  const auto watch = store->Follow([&] {
    ++told;
    return OkStatus();
  });
  ASSERT_TRUE(Eventually([&] { return told == 1 && watch->Problem().empty(); }));
  for (const int how : {SIGINT, SIGKILL}) {
    server.Stop(how);
    const Status failed = Add(*store, "a", 2);
    EXPECT_EQ(failed.code(), StatusCode::kUnavailable) << Message(failed);
    EXPECT_THAT(Message(failed), HasSubstr("could not write a list's entries"));
    EXPECT_THAT(Message(failed), HasSubstr("check that the server runs"));
    EXPECT_EQ(store->Check().code(), StatusCode::kUnavailable);
    EXPECT_EQ(store->GetList("a").status().code(), StatusCode::kUnavailable);
    EXPECT_TRUE(Eventually([&] { return !watch->Problem().empty(); }));
    ScanRecord record;
    record.scan_id = fmt::format("s{}", how);
    record.verdict = "MATCH";
    EXPECT_TRUE(store->Record(record).ok()) << "kept";
    EXPECT_EQ(store->RecordsWaiting(), 1u);
    server.Start();
    EXPECT_TRUE(Eventually([&] { return store->Check().ok(); }));
    EXPECT_TRUE(Eventually([&] { return store->RecordsWaiting() == 0 && watch->Problem().empty(); }));
  }
  std::vector<std::string> ids;
  ASSERT_TRUE(store
                  ->ForEachRecord(WallTime{},
                                  [&](ScanRecord&& record) {
                                    ids.push_back(record.scan_id);
                                    return OkStatus();
                                  })
                  .ok());
  EXPECT_THAT(ids, testing::UnorderedElementsAre("s2", "s9"));
  EXPECT_TRUE(Add(*store, "a", 2).ok());
  EXPECT_TRUE(Eventually([&] { return told >= 2; }));
}

TEST(PostgresOutage, AConnectionThatTheServerEndsIsReplacedUnnoticed) {
  const Config config = PostgresServer::Shared().ConfigFor();
  const auto store = Open(config);
  ASSERT_NE(store, nullptr);
  MakeList(*store, "a");
  ASSERT_TRUE(
      Administer(config,
                 "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tamizd' "
                 "AND pid <> pg_backend_pid()")
          .ok());
  EXPECT_TRUE(Add(*store, "a", 1).ok());
}

TEST(PostgresOutage, AChangeThatWaitsForAnotherTooLongFails) {
  Config config = PostgresServer::Shared().ConfigFor();
  config.statement_timeout = 200ms;
  const auto store = Open(config);
  ASSERT_NE(store, nullptr);
  MakeList(*store, "a");
  const PgOptions options = *MakePgOptions(config);
  const auto other = PgConnection::Connect(options.keywords, options.where);
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE((*other)->Run(fmt::format("BEGIN; SELECT 1 FROM {}.lists FOR UPDATE", config.schema)).ok());
  const Status refused = Add(*store, "a", 1);
  EXPECT_EQ(refused.code(), StatusCode::kUnavailable);
  EXPECT_EQ(Reason(refused), "STORE_LOCKED") << Message(refused);
  ASSERT_TRUE((*other)->Run("ROLLBACK").ok());
  EXPECT_TRUE(Add(*store, "a", 1).ok());
}

TEST(PostgresOutage, MoreCallersThanConnectionsWaitAndThenAreTold) {
  Config config = PostgresServer::Shared().ConfigFor();
  PgPool pool(*MakePgOptions(config), 1);
  auto first = pool.Take(std::chrono::steady_clock::now() + 5s);
  ASSERT_TRUE(first.ok());
  const auto second = pool.Take(std::chrono::steady_clock::now() + 50ms);
  EXPECT_EQ(Reason(second.status()), "STORE_BUSY");
  std::thread later([&] {
    std::this_thread::sleep_for(50ms);
    pool.GiveBack(std::move(first->connection));
  });
  auto third = pool.Take(std::chrono::steady_clock::now() + 20s);
  later.join();
  ASSERT_TRUE(third.ok()) << Message(third.status());
  pool.GiveBack(std::move(third->connection));
}

TEST(PostgresCrash, KilledInTheMiddleOfAnImportTheOldVersionAnswers) {
  Config config = PostgresServer::Shared().ConfigFor();
  ChangeCounts counts;
  std::string digest;
  {
    const auto store = Open(config);
    ASSERT_NE(store, nullptr);
    MakeList(*store, "list");
    Change change{.what = "import"};
    for (std::uint64_t i = 0; i < 100; ++i) change.upserts.push_back(MakeEntry(i));
    ASSERT_TRUE(store->Apply("list", change, false, counts).ok());
    digest = store->GetList("list")->digest;
  }
  Change big{.what = "import"};
  for (std::uint64_t i = 0; i < 20'000; ++i) big.upserts.push_back(MakeEntry(i, 10));
  const auto watcher = PgConnection::Connect(MakePgOptions(config)->keywords, "test");
  ASSERT_TRUE(watcher.ok());
  const auto is_at = [&](const std::string& what) {
    const auto found = (*watcher)->Query(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'tamizd' AND state = 'active' AND "
        "query LIKE $1 AND pid <> pg_backend_pid()",
        {PgParam::Text(what)});
    return found.ok() && !found->empty();
  };
  // While rows come in, while they are merged, while they are digested.
  for (const char* what : {"COPY %", "INSERT INTO entries%"}) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto store = OpenPostgresStore(config);
      if (!store.ok()) ::_exit(2);
      ChangeCounts ignored;
      ::_exit((*store)->Apply("list", big, false, ignored).ok() ? 0 : 3);
    }
    EXPECT_TRUE(Eventually([&] { return is_at(what) || ::waitpid(child, nullptr, WNOHANG) != 0; }));
    ASSERT_EQ(::kill(child, SIGKILL), 0) << "the import ended before it was killed";
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the import ended before it was killed";
    const auto store = Open(config);
    ASSERT_NE(store, nullptr);
    const auto list = store->GetList("list");
    ASSERT_TRUE(list.ok()) << Message(list.status());
    EXPECT_EQ(list->version, 1u) << what;
    EXPECT_EQ(list->digest, digest);
  }
  const auto store = Open(config);
  const auto applied = store->Apply("list", big, false, counts);
  ASSERT_TRUE(applied.ok()) << Message(applied.status());
  EXPECT_EQ(counts.added, 20'000u - 100);
  EXPECT_EQ(counts.updated, 100u);
}

TEST(PostgresOptions, SayWhatIsWrong) {
  const TemporaryFolder folder;
  Config good;
  good.engine = "postgresql";
  good.url = "postgresql://tamiz@db.example.org:5433/lists";
  ASSERT_TRUE(MakePgOptions(good).ok());
  EXPECT_EQ(MakePgOptions(good)->where, "PostgreSQL at db.example.org:5433/lists");
  const auto fault = [&](auto&& change) {
    Config config = good;
    change(config);
    const auto options = MakePgOptions(config);
    return fmt::format("{} {}", Field(options.status()), Message(options.status()));
  };
  EXPECT_THAT(fault([](Config& c) { c.url = ""; }), HasSubstr("store.url is empty"));
  EXPECT_THAT(fault([](Config& c) { c.url = "db.example.org"; }), HasSubstr("must begin with postgresql://"));
  EXPECT_THAT(fault([](Config& c) { c.url = "postgresql://tamiz@db"; }), HasSubstr("names no database"));
  EXPECT_THAT(fault([](Config& c) { c.url = "postgresql://tamiz@db/x?sslmode=disable"; }),
              HasSubstr("store.tls"));
  const std::string secret = fault([](Config& c) { c.url = "postgresql://tamiz:hunter2@db/x"; });
  EXPECT_THAT(secret, HasSubstr("store.password_file"));
  EXPECT_THAT(secret, testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(fault([](Config& c) { c.schema = "a\"b"; }), HasSubstr("store.schema"));
  EXPECT_THAT(fault([](Config& c) { c.password_file = "/nowhere"; }), HasSubstr("store.password_file"));
  EXPECT_THAT(fault([](Config& c) { c.tls_key_file = "/nowhere"; }), HasSubstr("store.tls_key_file"));
}

TEST(PostgresOptions, TlsIsCheckedUnlessTheServerIsOnThisMachine) {
  const TemporaryFolder folder;
  const auto keyword = [](const Config& config, const std::string& name) {
    const auto options = MakePgOptions(config);
    EXPECT_TRUE(options.ok()) << Message(options.status());
    for (const auto& [key, value] : options->keywords) {
      if (key == name) return value;
    }
    return std::string("(none)");
  };
  Config config;
  for (const char* host : {"127.0.0.1", "localhost", "[::1]", "127.0.0.1,localhost", ""}) {
    config.url = fmt::format("postgresql://tamiz@{}/lists", host);
    EXPECT_EQ(keyword(config, "sslmode"), "prefer") << host;
  }
  for (const char* host : {"db", "127.0.0.1,db", "10.0.0.1"}) {
    config.url = fmt::format("postgresql://tamiz@{}/lists", host);
    EXPECT_EQ(keyword(config, "sslmode"), "verify-full") << host;
    EXPECT_EQ(keyword(config, "sslrootcert"), "/etc/ssl/certs/ca-certificates.crt");
  }
  config.tls = "require";
  EXPECT_EQ(keyword(config, "sslmode"), "require");
  config.password_file = (folder.path() / "password").string();
  std::ofstream(config.password_file) << "pass word\r\nsecond line\n";
  EXPECT_EQ(keyword(config, "password"), "pass word");
}

}  // namespace
}  // namespace tamiz::store
