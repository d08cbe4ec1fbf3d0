// A PostgreSQL of the test's own.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "core/store/config.h"

namespace tamiz::store {

// Made and started with Debian's programs as an unprivileged user, on a Unix socket in a folder of its own;
// ended with the test program, whatever happens to that. One a process; the first use starts it.
class PostgresServer {
 public:
  static PostgresServer& Shared();
  // Throws std::runtime_error if it cannot be started. `syncs`: commits reach the disk, which costs time.
  explicit PostgresServer(bool syncs = false);
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  void Start();
  void Stop(int signal);  // SIGINT: at once and in order; SIGKILL: as if the power went
  [[nodiscard]] std::string socket() const { return (folder_ / ".s.PGSQL.5432").string(); }
  // A configuration with the given schema; a fresh one if empty.
  [[nodiscard]] Config ConfigFor(std::string schema = "") const;

 private:
  const bool syncs_;
  std::filesystem::path folder_;
  pid_t pid_ = -1;
};

}  // namespace tamiz::store
