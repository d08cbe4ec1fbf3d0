#include "cli/list_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "cli/entries.h"
#include "cli/files.h"
#include "cli/import_format.h"
#include "cli/list_settings.h"
#include "cli/output.h"
#include "tamiz/v1/list_service.grpc.pb.h"

namespace tamiz::cli {
namespace {

struct ImportArguments {
  std::string list, file;
  bool create = false, dry_run = false, replace = false;
  std::optional<double> max_rejected_share;
  ImportFormat format;
  ListSettings settings;  // for --create
};

// For people: what was read and what was not, and what changed.
void PrintReport(const v1::ImportEntriesResponse& response, const std::string& file, bool guessed) {
  for (const v1::RejectedRow& row : response.rejected()) {
    fmt::print(stderr, "{}:{}: {}\n", Printable(file), row.line(), Printable(row.reason()));
  }
  const auto shown = static_cast<std::uint64_t>(response.rejected_size());
  if (response.rows_rejected() > shown) {
    fmt::print(stderr, "and {} more rejected rows\n", response.rows_rejected() - shown);
  }
  for (const v1::ReasonCount& skipped : response.skipped()) {
    fmt::print(stderr, "kept out {} rows: {}\n", skipped.count(), Printable(skipped.reason()));
  }
  for (const v1::ReasonCount& dropped : response.dropped_hashes()) {
    fmt::print(stderr, "left out {} hashes: {}\n", dropped.count(), Printable(dropped.reason()));
  }
  if (guessed) fmt::print(stderr, "read as {}\n", Printable(response.format()));
  if (!response.categories().empty()) {
    Table table({"category", "rows", "kept out"});
    for (const v1::CategoryCount& category : response.categories()) {
      table.Add({category.category().empty() ? "(none)" : category.category(),
                 fmt::format("{}", category.rows()), fmt::format("{}", category.kept_out())});
    }
    table.Print();
  }
  const std::string kept_out =
      response.rows_skipped() == 0 ? "" : fmt::format(", {} kept out", response.rows_skipped());
  fmt::print("{}{} rows read, {} rejected{}; entries: {} added, {} changed, {} removed, {} unchanged\n",
             response.dry_run() ? "dry run, nothing changed: " : "", response.rows_read(),
             response.rows_rejected(), kept_out, response.entries_added(), response.entries_updated(),
             response.entries_removed(), response.entries_unchanged());
  fmt::print("{} is at version {} with {} entries\n", Printable(response.list().name()),
             response.list().version(), response.list().entry_count());
}

// Makes the list if it is missing and may be made.
grpc::Status EnsureList(Session& session, v1::ListService::Stub& stub, const ImportArguments& arguments) {
  grpc::ClientContext context;
  session.connection.Prepare(context);
  v1::GetListRequest get;
  get.set_list(arguments.list);
  v1::GetListResponse got;
  const grpc::Status status = stub.GetList(&context, get, &got);
  if (status.error_code() != grpc::StatusCode::NOT_FOUND) return status;
  if (!arguments.create) {
    return {grpc::StatusCode::NOT_FOUND,
            fmt::format("there is no list \"{}\"; add --create to make it, or see `tamiz list ls`",
                        arguments.list)};
  }
  if (arguments.dry_run) {
    return {
        grpc::StatusCode::FAILED_PRECONDITION,
        fmt::format(
            "a dry run changes nothing, so it cannot make the list \"{0}\": `tamiz list create {0}` first",
            arguments.list)};
  }
  grpc::ClientContext create_context;
  session.connection.Prepare(create_context);
  v1::CreateListRequest create;
  FillCreate(arguments.list, arguments.settings, create);
  v1::CreateListResponse created;
  return stub.CreateList(&create_context, create, &created);
}

int RunImport(Session& session, const ImportArguments& arguments) {
  v1::ImportEntriesRequest message;
  v1::ImportOptions& options = *message.mutable_options();
  options.set_list(arguments.list);
  options.set_dry_run(arguments.dry_run);
  options.set_replace(arguments.replace);
  if (arguments.max_rejected_share.has_value()) options.set_max_rejected_share(*arguments.max_rejected_share);
  if (const std::string fault = FillFormat(arguments.format, arguments.file, options); !fault.empty()) {
    return Fail(fault, session.json);
  }

  const bool guessed = options.format() == "auto";
  const Input input = FileInput(arguments.file);
  if (input.kind == Input::Kind::kFile && access(input.name.c_str(), R_OK) != 0) {
    return Fail(fmt::format("cannot read {}: {}", input.name, std::strerror(errno)), session.json);
  }
  const auto stub = v1::ListService::NewStub(session.connection.channel());
  if (grpc::Status status = EnsureList(session, *stub, arguments); !status.ok())
    return Fail(status, session.json);

  grpc::ClientContext context;
  session.connection.Prepare(context, /*with_deadline=*/false);  // as long as the file takes
  v1::ImportEntriesResponse response;
  const auto writer = stub->ImportEntries(&context, &response);
  Progress progress("sent", input.size_bytes, true);
  bool open = writer->Write(message);
  if (open) {
    const grpc::Status read = ReadPieces(input, [&](std::string&& piece) {
      const std::size_t bytes = piece.size();
      message.set_chunk(std::move(piece));
      open = writer->Write(message);
      progress.Add(bytes);
      return open;
    });
    if (!read.ok()) {
      context.TryCancel();
      (void)writer->Finish();
      progress.Hide();
      return Fail(read, session.json);
    }
  }
  if (open) writer->WritesDone();
  const grpc::Status status = writer->Finish();
  progress.Hide();
  if (!status.ok()) return Fail(status, session.json);
  if (session.json) {
    fmt::print("{}\n", ToJson(response));
    return 0;
  }
  PrintReport(response, arguments.file, guessed);
  return 0;
}

struct ExportArguments {
  std::string list, output = "-", format = "csv";
  std::uint64_t version = 0;
};

int RunExport(Session& session, const ExportArguments& arguments) {
  const bool to_stdout = arguments.output == "-";
  // Hash values are confidential: nobody else may read the file.
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      to_stdout ? stdout : std::fopen(arguments.output.c_str(), "we"),
      to_stdout ? [](std::FILE* f) { return std::fflush(f); } : [](std::FILE* f) { return std::fclose(f); });
  if (file == nullptr) {
    return Fail(fmt::format("cannot write {}: {}", arguments.output, std::strerror(errno)), session.json);
  }
  if (!to_stdout) (void)fchmod(fileno(file.get()), 0600);

  const auto stub = v1::ListService::NewStub(session.connection.channel());
  grpc::ClientContext context;
  session.connection.Prepare(context, /*with_deadline=*/false);
  v1::ExportEntriesRequest request;
  request.set_list(arguments.list);
  request.set_version(arguments.version);
  const auto reader = stub->ExportEntries(&context, request);
  v1::ExportEntriesResponse response;
  Progress progress("exported", 0, false);
  const bool as_json = session.json || arguments.format == "json";
  bool header = false;
  while (reader->Read(&response)) {
    if (!as_json && !header) {
      fmt::print(file.get(), "{}", kCsvHeader);
      header = true;
    }
    for (const v1::Entry& entry : response.entries()) {
      if (as_json) {
        fmt::print(file.get(), "{}\n", ToJson(entry));
      } else {
        fmt::print(file.get(), "{}", CsvRows(entry));
      }
    }
    progress.Add(static_cast<std::uint64_t>(response.entries_size()));
  }
  progress.Hide();
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return Fail(status, session.json);
  if (!as_json && !header) fmt::print(file.get(), "{}", kCsvHeader);
  if (std::fflush(file.get()) != 0 || std::ferror(file.get()) != 0) {
    return Fail(fmt::format("cannot write {}: {}", arguments.output, std::strerror(errno)), session.json);
  }
  return 0;
}

}  // namespace

void AddListFileVerbs(CLI::App& lists, Session& session) {
  auto import = std::make_shared<ImportArguments>();
  CLI::App* verb = lists.add_subcommand(
      "import",
      "Import a file as one new version, all or nothing; rows that cannot be used are reported.\n"
      "CSV by default has the header entry_id,hash_type,value,labels,metadata (and quality, time_ms): "
      "labels\n"
      "separated by ';', metadata a JSON object or empty, hash_type one of md5 sha1 sha256 pdq, values in "
      "hex.\n"
      "vics and caid need --category-map: rows without a category, with 0 or with one that is not mapped are "
      "kept\n"
      "out and counted, and never become known material.");
  verb->add_option("NAME", import->list, "name or identifier of the list")->required();
  verb->add_option("FILE", import->file, "the file, or - for standard input")->required();
  verb->add_flag("--create", import->create, "make the list if there is none of that name");
  verb->add_flag("--dry-run", import->dry_run, "read and check everything, change nothing");
  verb->add_flag("--replace", import->replace,
                 "the file is the whole list: remove entries that it does not name");
  verb->add_option("--max-rejected-share", import->max_rejected_share,
                   "refuse the file if more of its rows are rejected, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_option("--source-org", import->settings.source_org,
                   "for --create: organisation that the list comes from");
  verb->add_option("--kind", import->settings.kind, "for --create: block (default) or allow")
      ->check(CLI::IsMember({"block", "allow"}));
  AddFormatOptions(*verb, import->format);
  verb->callback(
      [&session, import] { session.run = [&session, import] { return RunImport(session, *import); }; });

  auto export_ = std::make_shared<ExportArguments>();
  CLI::App* out = lists.add_subcommand(
      "export", "Print all entries with their hashes. Confidential; the server records it.");
  out->add_option("NAME", export_->list, "name or identifier of the list")->required();
  out->add_option("--version", export_->version, "version; the current one if left out");
  out->add_option("-o,--output", export_->output,
                  "file to write, readable for its owner only; - for standard output")
      ->capture_default_str();
  out->add_option("--format", export_->format, "csv as import reads it, or json, one entry a line")
      ->check(CLI::IsMember({"csv", "json"}))
      ->capture_default_str();
  out->callback(
      [&session, export_] { session.run = [&session, export_] { return RunExport(session, *export_); }; });
}

}  // namespace tamiz::cli
