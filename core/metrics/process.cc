#include "core/metrics/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

namespace tamiz::metrics {
namespace {

std::optional<double> BootTime() {
  std::ifstream file("/proc/stat");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string key;
    double seconds = 0;
    if (words >> key >> seconds && key == "btime") return seconds;
  }
  return std::nullopt;
}

std::optional<double> OpenDescriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), &::closedir);
  if (directory == nullptr) return std::nullopt;
  double count = -1;  // opendir's own
  while (const dirent* entry = ::readdir(directory.get())) count += entry->d_name[0] != '.';
  return count;
}

}  // namespace

std::optional<ProcessReading> ReadProcess() {
  static const std::optional<double> boot_time = BootTime();
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line) || !boot_time) return std::nullopt;
  // Fields as numbered in proc(5); the second, the program's name, may hold spaces and brackets.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream words(line.substr(name_end + 1));
  std::string state;
  if (!(words >> state)) return std::nullopt;
  double field[25] = {};
  for (int number = 4; number <= 24; ++number) {
    if (!(words >> field[number])) return std::nullopt;
  }
  ProcessReading reading;
  reading.cpu_seconds = (field[14] + field[15]) / ticks;
  reading.start_time_seconds = *boot_time + field[22] / ticks;
  reading.virtual_bytes = field[23];
  reading.resident_bytes = field[24] * static_cast<double>(::sysconf(_SC_PAGESIZE));
  const auto descriptors = OpenDescriptors();
  if (!descriptors) return std::nullopt;
  reading.open_fds = *descriptors;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) reading.max_fds = static_cast<double>(limit.rlim_cur);
  return reading;
}

}  // namespace tamiz::metrics
