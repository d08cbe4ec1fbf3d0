#include "bench/overload/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

namespace tamiz::bench {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

// The number after `key` in a line of the server's log, which is JSON.
int NumberAfter(const std::string& line, const std::string& key) {
  const std::size_t at = line.find(key);
  return at == std::string::npos ? 0 : std::atoi(line.c_str() + at + key.size());
}

struct Times {
  pid_t parent = 0;
  double own = 0, of_children = 0;  // seconds of processor time; of those children that have ended
};

std::optional<Times> TimesOf(const std::string& pid) {
  if (pid.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  std::ifstream file("/proc/" + pid + "/stat");
  std::ostringstream read;
  read << file.rdbuf();  // a process that ends meanwhile is an error here, which an iterator would throw
  const std::string text = read.str();
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  // After the name, which may hold anything: state, parent, nine others, utime, stime, cutime, cstime.
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  Times times;
  fields >> skipped >> times.parent;
  for (int i = 0; i < 9; ++i) fields >> skipped;
  double user = 0, system = 0, child_user = 0, child_system = 0;
  fields >> user >> system >> child_user >> child_system;
  const auto per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  times.own = (user + system) / per_second;
  times.of_children = (child_user + child_system) / per_second;
  return times;
}

}  // namespace

ServerProcess::ServerProcess(const std::string& program, const std::vector<std::string>& settings,
                             const cpu_set_t* cores) {
  std::string pattern = (std::filesystem::temp_directory_path() / "tamiz-overload-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) Fail("no temporary directory");
  directory_ = pattern;
  int log[2];
  if (::pipe2(log, O_CLOEXEC) != 0) Fail("no pipe");
  pid_ = ::fork();
  if (pid_ < 0) Fail("cannot fork");
  if (pid_ == 0) {
    if (cores != nullptr) ::sched_setaffinity(0, sizeof *cores, cores);
    ::dup2(log[1], STDERR_FILENO);
    for (const std::string& setting : settings) ::putenv(::strdup(setting.c_str()));
    ::execl(program.c_str(), program.c_str(), "--data-dir", directory_.c_str(), "--listen", "127.0.0.1:0",
            "--metrics-listen", "", static_cast<char*>(nullptr));
    std::fprintf(stderr, "cannot run %s\n", program.c_str());
    ::_exit(127);
  }
  ::close(log[1]);
  std::FILE* lines = ::fdopen(log[0], "r");
  char line[4096];
  std::string heard;
  bool ready = false;
  while (!ready && std::fgets(line, sizeof line, lines) != nullptr) {
    heard += line;
    if (const int port = NumberAfter(line, "\"port\":"); port > 0 && address_.empty()) {
      address_ = "127.0.0.1:" + std::to_string(port);
    }
    ready = std::string(line).find("\"ready\"") != std::string::npos;
  }
  if (!ready) Fail("tamizd did not become ready:\n" + heard);
  // The rest of the log is read and forgotten: a full pipe would stop the server.
  forget_log_ = std::jthread([lines] {
    char part[4096];
    while (std::fread(part, 1, sizeof part, lines) > 0) continue;
    std::fclose(lines);
  });
}

ServerProcess::~ServerProcess() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::uint64_t ServerProcess::resident_bytes() const {
  std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

ProcessorTime ServerProcess::processor_time() const {
  ProcessorTime time;
  if (const auto own = TimesOf(std::to_string(pid_))) {
    time.server = own->own;
    time.decoders = own->of_children;
  }
  // The decoders are children of a child, which outlives them: they are in its count when they have ended.
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto child = TimesOf(entry.path().filename());
    if (child && child->parent == pid_) time.decoders += child->own + child->of_children;
  }
  return time;
}

int ServerProcess::open_files() const {
  std::error_code error;
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd", error)) {
    (void)entry;
    ++count;
  }
  return count;
}

}  // namespace tamiz::bench
