// SQLite beside PostgreSQL: what an import costs in the store itself, and how long a change through one
// replica takes to answer on another. Arguments: entries. The servers sync their commits to disk, as in
// production.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "core/base/check.h"
#include "core/store/list_registry.h"
#include "core/store/postgres_store.h"
#include "core/store/sqlite_store.h"
#include "tests/contract/postgres_server.h"

namespace tamiz {
namespace {

using Seconds = std::chrono::duration<double>;

store::PostgresServer& Server() {
  static store::PostgresServer server(/*syncs=*/true);
  return server;
}

// Two thirds PDQ, one third MD5, ids, labels and metadata as an exchange gives them.
std::vector<lists::Entry> MakeEntries(std::int64_t count, std::uint64_t seed) {
  std::vector<lists::Entry> entries(static_cast<std::size_t>(count));
  std::uint64_t state = seed;
  for (std::int64_t i = 0; i < count; ++i) {
    lists::Entry& entry = entries[static_cast<std::size_t>(i)];
    entry.id = fmt::format("prod-42-image-{}", i);
    entry.labels = {"A1", "B2"};
    entry.metadata["case"] = fmt::format("{}", i % 1000);
    std::vector<std::uint8_t> value(i % 3 != 0 ? 32 : 16);
    for (auto& byte : value) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::uint8_t>(state >> 56);
    }
    entry.hashes.push_back(
        {.type = i % 3 != 0 ? lists::HashType::kPdq : lists::HashType::kMd5, .value = std::move(value)});
  }
  return entries;
}

double Apply(store::Store& store, store::Change change) {
  const auto started = std::chrono::steady_clock::now();
  store::ChangeCounts counts;
  const auto changed = store.Apply("l", change, false, counts);
  TAMIZ_CHECK(changed.ok(), Message(changed.status()).c_str());
  return Seconds(std::chrono::steady_clock::now() - started).count();
}

void Import(benchmark::State& state, store::Store& store) {
  lists::ListInfo info;
  info.list_id = info.name = "l";
  TAMIZ_CHECK(store.CreateList(info).ok(), "a list");
  std::vector<lists::Entry> entries = MakeEntries(state.range(0), 7);
  state.counters["first_s"] = Apply(store, {.what = "import", .upserts = entries});
  // One in ten is another now.
  const std::vector<lists::Entry> others = MakeEntries(state.range(0), 8);
  for (std::size_t i = 0; i < entries.size(); i += 10) entries[i] = others[i];
  state.counters["again_s"] = Apply(store, {.what = "import", .upserts = entries});
  state.counters["replace_s"] = Apply(store, {.what = "import", .upserts = others, .replace = true});
  double one = 0;
  for (std::size_t i = 0; i < 20; ++i) one += Apply(store, {.what = "add", .upserts = {entries[i * 3 + 1]}});
  state.counters["one_ms"] = one / 20 * 1000;
}

void ImportSqlite(benchmark::State& state) {
  for (auto _ : state) {
    std::string folder = (std::filesystem::temp_directory_path() / "tamiz-bench-XXXXXX").string();
    TAMIZ_CHECK(::mkdtemp(folder.data()) != nullptr, "a temporary folder");
    auto store = store::OpenSqliteStore({.path = folder + "/tamiz.db"});
    TAMIZ_CHECK(store.ok(), "a store");
    Import(state, **store);
    store->reset();
    std::filesystem::remove_all(folder);
  }
}

void ImportPostgres(benchmark::State& state) {
  for (auto _ : state) {
    auto store = store::OpenPostgresStore(Server().ConfigFor());
    TAMIZ_CHECK(store.ok(), "a store");
    Import(state, **store);
    TAMIZ_CHECK((*store)->DeleteList("l").ok(), "room");
  }
}

// From the call of a change to the moment when the other replica's catalogue has it.
void Propagation(benchmark::State& state) {
  auto config = Server().ConfigFor();
  if (state.range(1) != 0) config.poll_interval = std::chrono::milliseconds(state.range(1));
  const auto one = store::OpenPostgresStore(config), two = store::OpenPostgresStore(config);
  TAMIZ_CHECK(one.ok() && two.ok(), "stores");
  store::ListRegistry first(**one, Clock::System()), second(**two, Clock::System());
  TAMIZ_CHECK(first.CreateList({.name = "l"}).ok(), "a list");
  store::ChangeCounts counts;
  TAMIZ_CHECK(
      first.Apply("l", {.what = "import", .upserts = MakeEntries(state.range(0), 7)}, false, counts).ok(),
      "an import");
  const auto watch = (*two)->Follow([&] { return second.LoadAll(); });
  const auto others = MakeEntries(400, 9);
  const auto wait_for = [&](std::uint64_t version) {
    while (true) {
      const auto catalog = second.Current();
      const auto* list = catalog->Find("l");
      if (list != nullptr && list->info.version >= version) return;
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  };
  wait_for(1);
  std::vector<double> applied, seen;
  for (auto _ : state) {
    for (std::size_t i = 0; i < 200; ++i) {
      lists::Entry entry = others[i * 2 + 1];
      const auto started = std::chrono::steady_clock::now();
      const auto changed = first.Apply("l", {.what = "add", .upserts = {std::move(entry)}}, false, counts);
      TAMIZ_CHECK(changed.ok(), "a change");
      applied.push_back(Seconds(std::chrono::steady_clock::now() - started).count() * 1000);
      wait_for(changed->version);
      seen.push_back(Seconds(std::chrono::steady_clock::now() - started).count() * 1000);
    }
  }
  const auto at = [](std::vector<double>& values, double share) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  state.counters["own_p50_ms"] = at(applied, 0.5);
  state.counters["other_p50_ms"] = at(seen, 0.5);
  state.counters["other_p99_ms"] = at(seen, 0.99);
}

BENCHMARK(ImportSqlite)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(1);
BENCHMARK(ImportPostgres)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(1);
BENCHMARK(Propagation)
    ->Args({1000, 0})
    ->Args({100'000, 0})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(1);

}  // namespace
}  // namespace tamiz

BENCHMARK_MAIN();
