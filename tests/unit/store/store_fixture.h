// A store in a temporary folder, and entries to put into it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/store/sqlite_store.h"

namespace tamiz::store {

class StoreFixture : public testing::Test {
 protected:
  StoreFixture() {
    std::string name = (std::filesystem::temp_directory_path() / "tamiz-unit-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder can be made";
    folder_ = name;
  }
  ~StoreFixture() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::filesystem::path path() const { return folder_ / "tamiz.db"; }
  std::unique_ptr<Store> Open() {
    auto store = OpenSqliteStore({.path = path()});
    EXPECT_TRUE(store.ok()) << Message(store.status());
    return store.ok() ? *std::move(store) : nullptr;
  }

  static std::vector<std::uint8_t> Value(std::uint64_t seed, std::size_t bytes = 32) {
    std::vector<std::uint8_t> value(bytes);
    for (auto& byte : value) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::uint8_t>(seed >> 56);
    }
    return value;
  }
  static lists::Entry MakeEntry(std::string id, std::uint64_t seed = 1, std::uint32_t quality = 100) {
    lists::Entry entry;
    entry.id = std::move(id);
    entry.hashes.push_back({.type = lists::HashType::kPdq, .value = Value(seed), .quality = quality});
    return entry;
  }
  static Change Import(std::vector<lists::Entry> entries) {
    Change change;
    change.what = "import";
    change.upserts = std::move(entries);
    return change;
  }

  std::filesystem::path folder_;
};

}  // namespace tamiz::store
