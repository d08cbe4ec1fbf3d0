// Makes the stores that the contract suite runs on.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "core/store/sqlite_store.h"
#ifdef TAMIZ_WITH_POSTGRES
#include "core/store/postgres_store.h"
#include "tests/contract/postgres_server.h"
#endif

namespace tamiz::store {

// A folder that goes when the test ends.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "tamiz-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder can be made";
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Each type opens stores over the same data, so that a second Open is a restart or a second replica.
class SqliteUnderTest {
 public:
  static constexpr const char* kName = "Sqlite";
  std::unique_ptr<Store> Open() {
    auto store = OpenSqliteStore({.path = folder_.path() / "tamiz.db"});
    if (!store.ok()) {
      ADD_FAILURE() << Message(store.status());
      return nullptr;
    }
    return *std::move(store);
  }

 private:
  TemporaryFolder folder_;
};

#ifdef TAMIZ_WITH_POSTGRES
// A schema of its own for each test, on one server.
class PostgresUnderTest {
 public:
  static constexpr const char* kName = "Postgres";
  std::unique_ptr<Store> Open() {
    auto store = OpenPostgresStore(config_);
    if (!store.ok()) {
      ADD_FAILURE() << Message(store.status());
      return nullptr;
    }
    return *std::move(store);
  }

 private:
  Config config_ = PostgresServer::Shared().ConfigFor();
};
#endif

}  // namespace tamiz::store
