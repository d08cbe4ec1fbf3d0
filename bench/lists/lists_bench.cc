// What an import and a start cost. Two thirds of the rows are PDQ, one third is MD5; ids, labels and metadata
// are as an exchange gives them. Arguments: entries.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/check.h"
#include "core/base/hex.h"
#include "core/lists/content_digest.h"
#include "core/lists/entry_reader.h"
#include "core/store/list_registry.h"
#include "core/store/sqlite_store.h"

namespace tamiz {
namespace {

using Seconds = std::chrono::duration<double>;

class Timer {
 public:
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    return Seconds(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "tamiz-bench-XXXXXX").string();
    TAMIZ_CHECK(::mkdtemp(name.data()) != nullptr, "a temporary folder");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path db() const { return path_ / "tamiz.db"; }

 private:
  std::filesystem::path path_;
};

std::string MakeCsv(std::int64_t entries) {
  std::string text = "entry_id,hash_type,value,labels,metadata\n";
  std::uint64_t state = 7;
  for (std::int64_t i = 0; i < entries; ++i) {
    const bool is_pdq = i % 3 != 0;
    std::array<std::uint8_t, 32> value;
    for (auto& byte : value) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::uint8_t>(state >> 56);
    }
    text += fmt::format("prod-42-image-{},{},{},A1;B2,\"{{\"\"case\"\":\"\"{}\"\"}}\"\n", i,
                        is_pdq ? "pdq" : "md5",
                        ToHex({value.data(), is_pdq ? std::size_t{32} : std::size_t{16}}), i % 1000);
  }
  return text;
}

double ResidentMegabytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

lists::EntryCollector::Collected ReadCsv(const std::string& text) {
  lists::EntryCollector collector;
  auto reader = lists::MakeEntryReader(
      {}, [&](std::uint64_t line, lists::Entry&& entry) { collector.Add(line, std::move(entry)); },
      [&](lists::Rejection&& rejection) { collector.Reject(std::move(rejection)); });
  TAMIZ_CHECK(reader.ok(), "a reader");
  TAMIZ_CHECK((*reader)->Feed({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}).ok(),
              "rows");
  TAMIZ_CHECK((*reader)->Finish().ok(), "rows");
  auto collected = collector.Finish();
  TAMIZ_CHECK(collected.rows_rejected == 0, "sound rows");
  return collected;
}

void Import(const std::string& csv, store::ListRegistry& registry, benchmark::State* state) {
  TAMIZ_CHECK(registry.CreateList({.name = "l"}).ok(), "a list");
  Timer timer;
  store::Change change;
  change.what = "import";
  change.upserts = ReadCsv(csv).entries;
  const double read = timer.Lap();
  store::ChangeCounts counts;
  TAMIZ_CHECK(registry.Apply("l", change, false, counts).ok(), "an import");
  if (state == nullptr) return;
  state->counters["read_s"] = read;
  state->counters["apply_and_publish_s"] = timer.Lap();
}

// CSV text to the swap that scans see.
void ImportCsv(benchmark::State& state) {
  const std::string csv = MakeCsv(state.range(0));
  for (auto _ : state) {
    const Folder folder;
    auto store = store::OpenSqliteStore({.path = folder.db()});
    TAMIZ_CHECK(store.ok(), "a store");
    store::ListRegistry registry(**store, Clock::System());
    Import(csv, registry, &state);
    state.counters["file_bytes_per_entry"] =
        static_cast<double>(std::filesystem::file_size(folder.db())) / static_cast<double>(state.range(0));
  }
}
BENCHMARK(ImportCsv)->Arg(100'000)->Unit(benchmark::kMillisecond)->UseRealTime();

// Opening the store to the catalogue that scans see, contents checked against their digest.
void LoadAtStart(benchmark::State& state) {
  const Folder folder;
  {
    auto store = store::OpenSqliteStore({.path = folder.db()});
    TAMIZ_CHECK(store.ok(), "a store");
    store::ListRegistry registry(**store, Clock::System());
    Import(MakeCsv(state.range(0)), registry, nullptr);
  }
  for (auto _ : state) {
    const double before = ResidentMegabytes();
    Timer timer;
    auto store = store::OpenSqliteStore({.path = folder.db()});
    TAMIZ_CHECK(store.ok(), "a store");
    store::ListRegistry registry(**store, Clock::System());
    TAMIZ_CHECK(registry.LoadAll().ok(), "lists");
    const auto catalog = registry.Current();
    TAMIZ_CHECK(catalog->unavailable.empty() && catalog->lists.size() == 1, "a list");
    state.counters["load_s"] = timer.Lap();
    std::uint64_t seen = 0;
    const auto& info = catalog->lists[0]->info;
    lists::ContentDigest digest;
    TAMIZ_CHECK((*store)
                    ->ForEachEntry(info.list_id, 0,
                                   [&](lists::Entry&& entry) {
                                     digest.AddCanonical(entry);
                                     ++seen;
                                     return OkStatus();
                                   })
                    .ok(),
                "entries");
    state.counters["of_which_reading_and_digest_s"] = timer.Lap();
    state.counters["snapshot_bytes_per_entry"] =
        static_cast<double>(catalog->lists[0]->memory_bytes()) / static_cast<double>(seen);
    state.counters["resident_growth_mb"] = ResidentMegabytes() - before;
  }
}
BENCHMARK(LoadAtStart)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(2);

// One entry more in a list of this size, to the swap.
void AddOne(benchmark::State& state) {
  const Folder folder;
  auto store = store::OpenSqliteStore({.path = folder.db()});
  TAMIZ_CHECK(store.ok(), "a store");
  store::ListRegistry registry(**store, Clock::System());
  Import(MakeCsv(state.range(0)), registry, nullptr);
  std::uint8_t number = 1;
  for (auto _ : state) {
    lists::Entry entry;
    entry.id = fmt::format("one-{}", number);
    entry.hashes.push_back({.type = lists::HashType::kMd5, .value = std::vector<std::uint8_t>(16, number++)});
    store::ChangeCounts counts;
    store::Change change;
    change.what = "add";
    change.upserts.push_back(std::move(entry));
    TAMIZ_CHECK(registry.Apply("l", change, false, counts).ok(), "a change");
  }
}
BENCHMARK(AddOne)->Arg(100'000)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

}  // namespace
}  // namespace tamiz

BENCHMARK_MAIN();
