// What a change, a merge and a start of one large list cost, through the whole path: registry, SQLite,
// snapshot. Prints a table in Markdown.
//
//   scale_bench [--dir DIR] [ENTRIES]
//
// DIR is kept and used again: making ten million entries takes minutes and about 4 GB. Entries are pictures,
// each with one PDQ hash, labels and metadata as an exchange gives them.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/check.h"
#include "core/store/list_registry.h"
#include "core/store/sqlite_store.h"

namespace tamiz {
namespace {

double ResidentMegabytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

class Timer {
 public:
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// The largest resident size while it lives.
class Peak {
 public:
  double Stop() {
    thread_.request_stop();
    thread_.join();
    return most_;
  }

 private:
  std::atomic<double> most_ = ResidentMegabytes();
  std::jthread thread_{[this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      most_ = std::max(most_.load(), ResidentMegabytes());
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }};
};

lists::Entry MakeEntry(std::uint64_t number, std::uint64_t salt = 0) {
  std::mt19937_64 random(number * 1'000'003 + salt);
  lists::Entry entry;
  entry.id = fmt::format("prod-42-image-{:09}", number);
  entry.labels = {"A1"};
  entry.metadata = {{"case", fmt::format("{}", number % 1000)}};
  std::vector<std::uint8_t> value(32);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint64_t word = random();
    std::memcpy(value.data() + 8 * i, &word, 8);
  }
  entry.hashes.push_back({.type = lists::HashType::kPdq, .value = std::move(value)});
  return entry;
}

hash::Hash256 HashOf(const lists::Entry& entry) {
  return hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(entry.hashes.at(0).value));
}

void Row(std::string_view what, double seconds, double megabytes, std::string_view note = "") {
  fmt::print("| {} | {:.3f} | {:.0f} | {} |\n", what, seconds, megabytes, note);
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  std::uint64_t entries = 1'000'000;
  std::filesystem::path dir;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--dir" && i + 1 < argc) {
      dir = argv[++i];
    } else {
      std::from_chars(argv[i], argv[i] + std::strlen(argv[i]), entries);
    }
  }
  const bool temporary = dir.empty();
  if (temporary) {
    std::string name = (std::filesystem::temp_directory_path() / "tamiz-scale-XXXXXX").string();
    TAMIZ_CHECK(::mkdtemp(name.data()) != nullptr, "a temporary folder");
    dir = name;
  }
  std::filesystem::create_directories(dir);
  fmt::print("| {} entries | s | resident MB after | |\n|---|---|---|---|\n", entries);
  auto store = store::OpenSqliteStore({.path = dir / "tamiz.db"});
  TAMIZ_CHECK(store.ok(), "a store");
  Timer timer;
  if (!(*store)->GetList("l").ok()) {
    TAMIZ_CHECK((*store)->CreateList({.list_id = "the-list", .name = "l"}).ok(), "a list");
    constexpr std::uint64_t kAtOnce = 200'000;
    for (std::uint64_t begin = 0; begin < entries; begin += kAtOnce) {
      store::Change change;
      change.what = "import";
      for (std::uint64_t n = begin; n < std::min(begin + kAtOnce, entries); ++n) {
        change.upserts.push_back(MakeEntry(n));
      }
      store::ChangeCounts counts;
      TAMIZ_CHECK((*store)->Apply("the-list", change, false, counts).ok(), "an import");
    }
    Row("store filled", timer.Lap(), ResidentMegabytes(), "200 000 entries a version");
  }
  const auto open = [&] {
    return std::make_unique<store::ListRegistry>(
        **store, Clock::System(),
        store::RegistryOptions{.max_delta = 262'144, .merge_from = 2'048, .snapshot_dir = dir / "snapshots"});
  };
  std::filesystem::remove_all(dir / "snapshots");
  {
    const auto registry = open();
    auto peak = std::make_unique<Peak>();
    timer.Lap();
    TAMIZ_CHECK(registry->LoadAll().ok(), "lists");
    TAMIZ_CHECK(registry->Current()->lists.size() == 1, "a list");
    Row("start without saved snapshot", timer.Lap(), ResidentMegabytes(),
        fmt::format("at most {:.0f} MB", peak->Stop()));
    peak = std::make_unique<Peak>();
    registry->WaitForMerges();
    Row("saved, in the background", timer.Lap(), ResidentMegabytes(),
        fmt::format("at most {:.0f} MB", peak->Stop()));
  }
  timer.Lap();
  auto registry = open();
  TAMIZ_CHECK(registry->LoadAll().ok(), "lists");
  Row("start with saved snapshot", timer.Lap(), ResidentMegabytes(),
      registry->Current()->lists.at(0)->base()->table_bytes() < 1'000'000 ? "mapped" : "NOT USED");

  std::vector<double> live;
  std::uint64_t salt = std::random_device()();
  auto peak = std::make_unique<Peak>();
  for (int round = 0; round < 5; ++round) {
    store::Change change;
    change.what = "change";
    std::mt19937_64 random(salt);
    for (int i = 0; i < 1000; ++i) {
      // Nine of ten change an entry, one is new.
      change.upserts.push_back(
          MakeEntry(i % 10 == 0 ? entries + random() % 1'000'000'000 : random() % entries, ++salt));
    }
    std::sort(change.upserts.begin(), change.upserts.end(), [](auto& a, auto& b) { return a.id < b.id; });
    change.upserts.erase(std::unique(change.upserts.begin(), change.upserts.end(),
                                     [](auto& a, auto& b) { return a.id == b.id; }),
                         change.upserts.end());
    store::ChangeCounts counts;
    timer.Lap();
    TAMIZ_CHECK(registry->Apply("l", change, false, counts).ok(), "a change");
    live.push_back(timer.Lap());
    std::vector<index::Hit> hits;
    const hash::Hash256 query = HashOf(change.upserts.front());
    registry->Current()->lists.at(0)->FindPdq({&query, 1}, 0, hits);
    TAMIZ_CHECK(!hits.empty(), "the change is live");
  }
  std::sort(live.begin(), live.end());
  Row("1000 entries changed, live", live[live.size() / 2], ResidentMegabytes(),
      fmt::format("{:.3f} to {:.3f} s; at most {:.0f} MB", live.front(), live.back(), peak->Stop()));

  // Enough at once to be merged, searched all the while.
  store::Change change;
  change.what = "change";
  for (std::uint64_t i = 0; i < 40'000; ++i) change.upserts.push_back(MakeEntry(2 * entries + i, salt));
  store::ChangeCounts counts;
  timer.Lap();
  peak = std::make_unique<Peak>();
  TAMIZ_CHECK(registry->Apply("l", change, false, counts).ok(), "a change");
  Row("40 000 entries added, live", timer.Lap(), ResidentMegabytes());
  std::vector<double> searches;
  std::jthread searcher([&](const std::stop_token& stop) {
    std::mt19937_64 random(1);
    std::vector<index::Hit> hits;
    while (!stop.stop_requested()) {
      const hash::Hash256 query{{random(), random(), random(), random()}};
      hits.clear();
      const auto start = std::chrono::steady_clock::now();
      registry->Current()->lists.at(0)->FindPdq({&query, 1}, 31, hits);
      searches.push_back(
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  registry->WaitForMerges();
  const double merge = timer.Lap();
  searcher.request_stop();
  searcher.join();
  std::sort(searches.begin(), searches.end());
  Row("merged and saved in the background", merge, ResidentMegabytes(),
      fmt::format("at most {:.0f} MB; searches meanwhile {:.0f} us median, {:.0f} us p99", peak->Stop(),
                  searches[searches.size() / 2], searches[searches.size() * 99 / 100]));
  Row("saved snapshot on disk", 0,
      static_cast<double>(std::filesystem::file_size(dir / "snapshots" / "the-list.snapshot")) / 1e6,
      "MB of file");
  registry.reset();
  store->reset();
  if (temporary) std::filesystem::remove_all(dir);
  return 0;
}

}  // namespace
}  // namespace tamiz

int main(int argc, char** argv) { return tamiz::Main(argc, argv); }
