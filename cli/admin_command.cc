// tamiz status, selftest, formats, reload: what an operator asks.
#include <chrono>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/loaded_list.h"
#include "cli/output.h"
#include "cli/sampling.h"
#include "tamiz/v1/admin_service.grpc.pb.h"
#include "tamiz/v1/scan_service.grpc.pb.h"

namespace tamiz::cli {
namespace {

grpc::Status GetStatus(Session& session, v1::AdminService::Stub& stub, v1::GetStatusResponse& response) {
  grpc::ClientContext context;
  session.connection.Prepare(context);
  return stub.GetStatus(&context, {}, &response);
}

void PrintReport(const v1::SelfTestReport& report) {
  fmt::print("self-test    {} at {}, took {}\n", report.passed() ? "passed" : "FAILED", Text(report.ran_at()),
             Seconds(report.duration()));
  for (const v1::SelfTestCase& one : report.cases()) {
    fmt::print("  {}  {}  {}\n", one.passed() ? "ok    " : "FAILED", Printable(one.name()),
               Printable(one.detail()));
  }
}

int RunStatus(Session& session, const std::string& wait) {
  double seconds = 0;
  if (!wait.empty()) {
    if (grpc::Status status = ParseSpan("--wait", wait, seconds); !status.ok())
      return Fail(status, session.json);
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  const auto stub = v1::AdminService::NewStub(session.connection.channel());
  v1::GetStatusResponse response;
  grpc::Status status = GetStatus(session, *stub, response);
  while ((!status.ok() || !response.ready()) && std::chrono::steady_clock::now() < until &&
         (status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE)) {
    // Reconnecting by itself backs off for seconds; while somebody waits for a start, ask more often.
    (void)session.connection.channel()->WaitForConnected(std::chrono::system_clock::now() +
                                                         std::chrono::milliseconds(200));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    response.Clear();
    status = GetStatus(session, *stub, response);
  }
  if (!status.ok()) return Fail(status, session.json);
  if (session.json) {
    fmt::print("{}\n", ToJson(response));
    return response.ready() ? 0 : kError;
  }
  fmt::print("tamizd {} at {}: {}\n", Printable(response.version()), session.connection.server(),
             response.ready() ? "ready" : "NOT READY");
  for (const std::string& problem : response.problems()) fmt::print("  problem: {}\n", Printable(problem));
  for (const std::string& warning : response.warnings()) fmt::print("  warning: {}\n", Printable(warning));
  fmt::print("started      {}\n", Text(response.started_at()));
  fmt::print("scans        {} of {} running, {} of {} waiting\n", response.scans_running(),
             response.max_running(), response.scans_queued(), response.max_queued());
  fmt::print("uploads      {} of {} held\n", Bytes(response.bytes_in_flight()),
             Bytes(response.max_bytes_in_flight()));
  fmt::print("memory       {}\n", Bytes(response.resident_bytes()));
  fmt::print("confinement  {}\n",
             Printable(Join({response.sandbox_layers().begin(), response.sandbox_layers().end()}, ", ")));
  PrintReport(response.last_self_test());
  Table table({"list", "version", "entries", "hashes", "index", "loaded"});
  for (const v1::LoadedList& list : response.lists()) {
    table.Add({list.list().list_name(), fmt::format("{}", list.list().version()),
               fmt::format("{}", list.entries()), fmt::format("{}", list.hashes()), Bytes(list.index_bytes()),
               Text(list.loaded_at())});
  }
  if (!table.empty()) table.Print();
  for (const v1::LoadedList& list : response.lists()) {
    for (const std::string& remark : RemarksOn(list)) {
      fmt::print("  {}: {}\n", Printable(list.list().list_name()), remark);
    }
  }
  return response.ready() ? 0 : kError;
}

int RunSelfTest(Session& session) {
  grpc::ClientContext context;
  session.connection.Prepare(context);
  v1::SelfTestResponse response;
  const auto stub = v1::AdminService::NewStub(session.connection.channel());
  if (grpc::Status status = stub->SelfTest(&context, {}, &response); !status.ok())
    return Fail(status, session.json);
  if (session.json) {
    fmt::print("{}\n", ToJson(response));
  } else {
    PrintReport(response.report());
  }
  return response.report().passed() ? 0 : kError;
}

int RunFormats(Session& session) {
  grpc::ClientContext context;
  session.connection.Prepare(context);
  v1::ListFormatsResponse response;
  const auto stub = v1::ScanService::NewStub(session.connection.channel());
  if (grpc::Status status = stub->ListFormats(&context, {}, &response); !status.ok())
    return Fail(status, session.json);
  if (session.json) {
    fmt::print("{}\n", ToJson(response));
    return 0;
  }
  Table table({"format", "media type", "enabled", "detail"});
  for (const v1::Format& format : response.formats()) {
    table.Add({format.name(), format.media_type(), format.enabled() ? "yes" : "no", format.detail()});
  }
  table.Print();
  return 0;
}

int RunReload(Session& session) {
  grpc::ClientContext context;
  session.connection.Prepare(context);
  v1::ReloadConfigResponse response;
  const auto stub = v1::AdminService::NewStub(session.connection.channel());
  if (grpc::Status status = stub->ReloadConfig(&context, {}, &response); !status.ok())
    return Fail(status, session.json);
  if (session.json) {
    fmt::print("{}\n", ToJson(response));
    return 0;
  }
  for (const std::string& key : response.applied()) fmt::print("applied        {}\n", Printable(key));
  for (const std::string& key : response.needs_restart()) fmt::print("needs restart  {}\n", Printable(key));
  if (response.applied().empty() && response.needs_restart().empty()) fmt::print("nothing changed\n");
  return 0;
}

}  // namespace

void AddAdminCommands(CLI::App& app, Session& session) {
  CLI::App* status =
      app.add_subcommand("status", "Print what runs, with what limits. Exit code 1 unless it is ready.");
  auto wait = std::make_shared<std::string>();
  status->add_option("--wait", *wait, "wait so long for the server to be ready, for example 30s");
  status->callback(
      [&session, wait] { session.run = [&session, wait] { return RunStatus(session, *wait); }; });

  CLI::App* self_test = app.add_subcommand(
      "selftest", "Scan the built-in test media through the whole path. Exit code 1 if that fails.");
  self_test->callback([&session] { session.run = [&session] { return RunSelfTest(session); }; });

  CLI::App* formats = app.add_subcommand("formats", "Print which formats can be decoded.");
  formats->callback([&session] { session.run = [&session] { return RunFormats(session); }; });

  CLI::App* reload = app.add_subcommand("reload", "Make the server read its configuration file again.");
  reload->callback([&session] { session.run = [&session] { return RunReload(session); }; });
}

}  // namespace tamiz::cli
