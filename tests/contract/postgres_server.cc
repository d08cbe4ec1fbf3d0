#include "tests/contract/postgres_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/base/unique_fd.h"

namespace tamiz::store {
namespace {

// PostgreSQL refuses to run as root.
const passwd* Unprivileged() {
  if (::geteuid() != 0) return nullptr;
  const passwd* user = ::getpwnam("postgres");
  return user != nullptr ? user : ::getpwnam("nobody");
}

std::string Program(const std::string& name) {
  std::filesystem::path found;
  std::error_code ignored;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    const auto program = version.path() / "bin" / name;
    if (std::filesystem::exists(program)) found = std::max(found, program);
  }
  return found.empty() ? name : found.string();
}

pid_t Spawn(const std::vector<std::string>& command, const std::filesystem::path& log) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const passwd* user = Unprivileged();
  const uid_t uid = user == nullptr ? 0 : user->pw_uid;
  const gid_t gid = user == nullptr ? 0 : user->pw_gid;
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (user != nullptr && (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0))
    ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (::getppid() != parent) ::_exit(126);
  ::setpgid(0, 0);  // a Ctrl-C in the terminal is for the test to pass on
  ::dup2(out, 1);
  ::dup2(out, 2);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

int Wait(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

PostgresServer& PostgresServer::Shared() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer(bool syncs) : syncs_(syncs) {
  std::string name = (std::filesystem::temp_directory_path() / "tamiz-pg-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder can be made");
  folder_ = name;
  if (const passwd* user = Unprivileged()) {
    if (::chown(name.c_str(), user->pw_uid, user->pw_gid) != 0) throw std::runtime_error("chown failed");
  }
  const int status = Wait(Spawn({Program("initdb"), "-D", (folder_ / "data").string(), "-A", "trust", "-U",
                                 "tamiz", "-E", "UTF8", "--locale=C", "--no-sync"},
                                folder_ / "log"));
  if (status != 0) {
    throw std::runtime_error(fmt::format(
        "initdb failed ({}); is postgresql installed (deploy/install-packages.sh test)?", status));
  }
  Start();
}

void PostgresServer::Start() {
  std::error_code ignored;
  pid_ = Spawn({Program("postgres"), "-D", (folder_ / "data").string(), "-k", folder_.string(), "-c",
                "listen_addresses=", "-c", "max_connections=60", "-c", syncs_ ? "fsync=on" : "fsync=off"},
               folder_ / "log");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
  const auto pid_file = folder_ / "data" / "postmaster.pid";
  while (std::chrono::steady_clock::now() < until) {
    // Its eighth line says whether it takes connections.
    std::ifstream file(pid_file);
    std::string line;
    for (int i = 0; i < 8; ++i) std::getline(file, line);
    if (line.starts_with("ready")) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw std::runtime_error("postgres does not take connections");
}

void PostgresServer::Stop(int signal) {
  if (pid_ < 0) return;
  ::kill(pid_, signal);
  Wait(pid_);
  pid_ = -1;
  // After SIGKILL the file stays and names a process that may still end: its children notice within moments.
  std::error_code ignored;
  if (signal == SIGKILL) std::filesystem::remove(folder_ / "data" / "postmaster.pid", ignored);
}

PostgresServer::~PostgresServer() {
  Stop(SIGQUIT);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Config PostgresServer::ConfigFor(std::string schema) const {
  static std::atomic<int> next = 0;
  Config config;
  config.engine = "postgresql";
  config.url = fmt::format("postgresql://tamiz@/postgres?host={}", folder_.string());
  config.schema = schema.empty() ? fmt::format("t{}", ++next) : std::move(schema);
  config.start_timeout = std::chrono::seconds(10);
  return config;
}

}  // namespace tamiz::store
