// tamizd: reads the command line, starts the service, waits for signals.
#include <absl/synchronization/mutex.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <pthread.h>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "core/base/log.h"
#include "core/config/config.h"
#include "server/app.h"
#include "server/file_limit.h"
#include "server/new_token.h"
#include "server/store_opening.h"

namespace {

using namespace tamiz;

// What a person at a terminal reads; the service itself logs.
int Complain(const Status& status) {
  std::fprintf(stderr, "tamizd: %s\n", Message(status).c_str());
  return 2;
}

// By default gRPC and protobuf write lines of their own to standard error, for each handshake that fails and
// each message that is not as it should be: anybody could fill the log with them.
void ListenToGrpc(gpr_log_func_args* args) { LogDebug("grpc", {{"message", std::string(args->message)}}); }

void ListenToProtobuf(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  if (level < google::protobuf::LOGLEVEL_FATAL) {
    LogDebug("protobuf", {{"message", message}});
  } else {
    LogError("protobuf", {{"message", message}});
  }
}

int Run(int argc, char** argv) {
  std::string file;
  std::string data_dir;
  std::string listen;
  std::string metrics_listen;
  bool check = false;
  bool print = false;
  bool new_token = false;
  CLI::App cli("Tamiz scans uploads against lists of known material.");
  cli.set_version_flag("--version", std::string("tamizd ") + TAMIZ_VERSION);
  cli.add_option("--config", file, "Configuration file (TOML); without it the defaults are used")
      ->type_name("FILE");
  cli.add_option("--data-dir", data_dir, "Database and spool files; overrides data_dir")->type_name("DIR");
  cli.add_option("--listen", listen, "gRPC address, host:port or unix:PATH; overrides server.listen")
      ->type_name("ADDR");
  cli.add_option("--metrics-listen", metrics_listen,
                 "Address of /metrics and /healthz; overrides server.metrics_listen")
      ->type_name("ADDR");
  cli.add_flag("--check-config", check, "Check the configuration and exit");
  cli.add_flag("--print-config", print, "Print the configuration in force and exit");
  cli.add_flag(
      "--new-token", new_token,
      "Print a new token for a caller to standard output, and what belongs into the configuration for it "
      "to standard error, and exit");
  CLI11_PARSE(cli, argc, argv);

  if (new_token) {
    const server::NewToken made = server::MakeToken();
    std::fprintf(stderr, "token_sha256 = [\"%s\"]\n", made.sha256.c_str());
    std::puts(made.token.c_str());
    return 0;
  }

  std::vector<config::Override> flags;
  const auto flag = [&](const char* name, const char* key, const std::string& value) {
    if (cli.count(name) > 0) flags.push_back({key, value, name});
  };
  flag("--data-dir", "data_dir", data_dir);
  flag("--listen", "server.listen", listen);
  flag("--metrics-listen", "server.metrics_listen", metrics_listen);
  const auto load = [file, flags] { return config::Load(file, config::FromEnvironment(), flags); };
  StatusOr<config::Config> config = load();
  if (!config.ok()) return Complain(config.status());
  if (print) {
    std::fputs(config::Print(*config).c_str(), stdout);
    return 0;
  }
  if (const Status usable = server::CheckStoreConfig(*config); !usable.ok()) return Complain(usable);
  if (check) {
    std::puts("the configuration is good");
    return 0;
  }

  // Signals are waited for here and nowhere else: blocked before the first thread starts, which inherits
  // that.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  // As Debian builds it, abseil looks for deadlocks each time one of gRPC's locks is taken: a tenth of what a
  // call costs that is refused.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  google::protobuf::SetLogHandler(&ListenToProtobuf);
  gpr_set_log_function(&ListenToGrpc);
  server::RaiseFileLimit();
  server::App::Options options;
  options.config = *std::move(config);
  options.load_config = load;
  StatusOr<std::unique_ptr<server::App>> app = server::App::Start(std::move(options));
  if (!app.ok()) {
    LogError("cannot start", {{"error", Message(app.status())}});
    return 1;
  }
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) break;
    if (const Status status = (*app)->ReloadConfig(); !status.ok()) {
      LogError("the configuration could not be read again and stays as it is", {{"error", Message(status)}});
    }
  }
  return (*app)->Shutdown() ? 0 : 3;
}

}  // namespace

int main(int argc, char** argv) { return Run(argc, argv); }
