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
#include "cli/list_settings.h"
#include "cli/output.h"
#include "tamiz/v1/list_service.grpc.pb.h"

namespace tamiz::cli {
namespace {

struct ImportArguments {
  std::string list, file, format, delimiter, default_hash_type;
  bool create = false, dry_run = false, replace = false, no_header = false;
  std::optional<double> max_rejected_share;
  std::string column_entry_id, column_hash_type, column_value, column_labels, column_metadata, column_quality,
      column_time_ms;
  ListSettings settings;  // for --create
};

// By the file's name, for people who leave --format out.
std::string FormatOf(const std::string& file) {
  for (const char* format : {"csv", "tsv", "ndjson"}) {
    if (file.ends_with(std::string(".") + format)) return format;
  }
  return file.ends_with(".jsonl") ? "ndjson" : "";
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
  options.set_format(arguments.format.empty() ? FormatOf(arguments.file) : arguments.format);
  if (options.format().empty())
    return Fail("name the file's format: --format csv, tsv or ndjson", session.json);
  options.set_dry_run(arguments.dry_run);
  options.set_replace(arguments.replace);
  options.set_delimiter(arguments.delimiter == "\\t" ? "\t" : arguments.delimiter);
  options.set_no_header(arguments.no_header);
  options.set_default_hash_type(arguments.default_hash_type);
  if (arguments.max_rejected_share.has_value()) options.set_max_rejected_share(*arguments.max_rejected_share);
  v1::ColumnMapping& columns = *options.mutable_columns();
  columns.set_entry_id(arguments.column_entry_id);
  columns.set_hash_type(arguments.column_hash_type);
  columns.set_value(arguments.column_value);
  columns.set_labels(arguments.column_labels);
  columns.set_metadata(arguments.column_metadata);
  columns.set_quality(arguments.column_quality);
  columns.set_time_ms(arguments.column_time_ms);

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
  for (const v1::RejectedRow& row : response.rejected()) {
    fmt::print(stderr, "{}:{}: {}\n", Printable(arguments.file), row.line(), Printable(row.reason()));
  }
  const auto shown = static_cast<std::uint64_t>(response.rejected_size());
  if (response.rows_rejected() > shown) {
    fmt::print(stderr, "and {} more rejected rows\n", response.rows_rejected() - shown);
  }
  fmt::print("{}{} rows read, {} rejected; entries: {} added, {} changed, {} removed, {} unchanged\n",
             response.dry_run() ? "dry run, nothing changed: " : "", response.rows_read(),
             response.rows_rejected(), response.entries_added(), response.entries_updated(),
             response.entries_removed(), response.entries_unchanged());
  fmt::print("{} is at version {} with {} entries\n", Printable(response.list().name()),
             response.list().version(), response.list().entry_count());
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
  std::uint64_t opaque = 0;
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
        for (const v1::EntryHash& hash : entry.hashes())
          opaque += hash.type() == v1::HASH_TYPE_OPAQUE ? 1 : 0;
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
  if (opaque > 0) {
    fmt::print(stderr, "tamiz: left out {} opaque hashes, which CSV cannot hold; --format json has them\n",
               opaque);
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
      "hex.");
  verb->add_option("NAME", import->list, "name or identifier of the list")->required();
  verb->add_option("FILE", import->file, "the file, or - for standard input")->required();
  verb->add_option("--format", import->format, "csv, tsv or ndjson; by the file's name if left out")
      ->check(CLI::IsMember({"csv", "tsv", "ndjson"}));
  verb->add_flag("--create", import->create, "make the list if there is none of that name");
  verb->add_flag("--dry-run", import->dry_run, "read and check everything, change nothing");
  verb->add_flag("--replace", import->replace,
                 "the file is the whole list: remove entries that it does not name");
  verb->add_option("--delimiter", import->delimiter, "one character between columns; \\t for a tab");
  verb->add_flag("--no-header", import->no_header, "the first row is data; columns are numbers from 1");
  verb->add_option("--column-id", import->column_entry_id, "column of the entry's id");
  verb->add_option("--column-type", import->column_hash_type, "column of the hash type");
  verb->add_option("--column-value", import->column_value, "column of the hash");
  verb->add_option("--column-labels", import->column_labels, "column of the labels");
  verb->add_option("--column-metadata", import->column_metadata, "column of the metadata");
  verb->add_option("--column-quality", import->column_quality, "column of the PDQ quality");
  verb->add_option("--column-time-ms", import->column_time_ms,
                   "column of a video frame's time in milliseconds");
  verb->add_option("--default-hash-type", import->default_hash_type, "kind of all hashes if no column tells")
      ->check(CLI::IsMember({"md5", "sha1", "sha256", "pdq"}));
  verb->add_option("--max-rejected-share", import->max_rejected_share,
                   "refuse the file if more of its rows are rejected, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_option("--source-org", import->settings.source_org,
                   "for --create: organisation that the list comes from");
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
