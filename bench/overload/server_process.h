// tamizd as a process of its own, so that its memory and processor time can be told from the client's.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace tamiz::bench {

// Seconds of processor time. Decoders count when they have ended.
struct ProcessorTime {
  double server = 0, decoders = 0;
};

class ServerProcess {
 public:
  // Starts `program` with a data directory of its own, listening on a free port of loopback, and waits until
  // it does. `settings`: TAMIZ__SECTION__KEY=value. Ends this program with a message if that fails.
  // `cores`: where it and its decoders may run; null: anywhere.
  ServerProcess(const std::string& program, const std::vector<std::string>& settings,
                const cpu_set_t* cores = nullptr);
  // SIGTERM, and waits.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::uint64_t resident_bytes() const;
  [[nodiscard]] ProcessorTime processor_time() const;
  [[nodiscard]] int open_files() const;

 private:
  pid_t pid_ = -1;
  std::string address_;
  std::string directory_;
  std::jthread forget_log_;
};

}  // namespace tamiz::bench
