// tamizd as a process of its own, so that its memory and processor time can be told from the client's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace tamiz::bench {

class ServerProcess {
 public:
  // Starts `program` with a data directory of its own, listening on a free port of loopback, and waits until
  // it does. `settings`: TAMIZ__SECTION__KEY=value. Ends this program with a message if that fails.
  ServerProcess(const std::string& program, const std::vector<std::string>& settings);
  // SIGTERM, and waits.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::uint64_t resident_bytes() const;
  // Of the server and its decoders that have ended.
  [[nodiscard]] double processor_seconds() const;
  [[nodiscard]] int open_files() const;

 private:
  pid_t pid_ = -1;
  std::string address_;
  std::string directory_;
  std::jthread forget_log_;
};

}  // namespace tamiz::bench
