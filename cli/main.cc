// tamiz: what a person types. Parses the command line, opens the connection, runs one verb.
#include <cmath>
#include <exception>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/sampling.h"

namespace tamiz::cli {
namespace {

int Main(int argc, char** argv) {
  Session session;
  ConnectionOptions& options = session.connection_options;
  std::string timeout = "5m";
  CLI::App app(
      "tamiz, the client of tamizd: scans uploads and manages hash lists.\n"
      "`tamiz VERB --help` tells more. Exit code 1 stands for an error.");
  app.name("tamiz");
  app.set_version_flag("--version", TAMIZ_VERSION);
  app.require_subcommand(1);
  app.fallthrough();  // the options below may also follow the verb
  app.add_option("--server", options.server, "host:port or unix:PATH")
      ->envname("TAMIZ_SERVER")
      ->capture_default_str();
  app.add_flag("--tls", options.use_tls, "encrypt; trust the system's certificate authorities");
  app.add_option("--tls-ca", options.tls_ca_file, "encrypt; trust the authorities in this PEM file");
  app.add_option("--tls-cert", options.tls_certificate_file, "PEM certificate to show to the server");
  app.add_option("--tls-key", options.tls_key_file, "PEM key of --tls-cert");
  app.add_option("--tls-server-name", options.tls_server_name, "name expected in the server's certificate");
  app.add_option("--token-file", options.token_file, "file whose first line is the bearer token to send")
      ->envname("TAMIZ_TOKEN_FILE");
  app.add_option("--timeout", timeout, "longest that one call may take; 0: no limit")->capture_default_str();
  app.add_flag("--json", session.json, "print protobuf JSON, one object a line");
  AddScanCommand(app, session);
  AddHashCommands(app, session);
  AddListCommands(app, session);
  AddExchangeCommands(app, session);
  AddAdminCommands(app, session);
  AddCalibrateCommand(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kError;
  }
  double seconds = 0;
  if (grpc::Status status = ParseSpan("--timeout", timeout, seconds); !status.ok())
    return Fail(status, session.json);
  options.timeout = std::chrono::milliseconds(std::llround(seconds * 1000));
  if (session.is_local) return session.run();
  if (grpc::Status status = session.connection.Open(); !status.ok()) return Fail(status, session.json);
  return session.run();
}

}  // namespace
}  // namespace tamiz::cli

int main(int argc, char** argv) {
  try {
    return tamiz::cli::Main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "tamiz: {}\n", error.what());
    return 1;
  }
}
