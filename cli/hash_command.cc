// tamiz hash, tamiz lookup: hashes without a scan, and looking up hashes made elsewhere.
#include <filesystem>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/entries.h"
#include "cli/files.h"
#include "cli/matches.h"
#include "cli/output.h"
#include "cli/sampling.h"
#include "tamiz/v1/hash_service.grpc.pb.h"

namespace tamiz::cli {
namespace {

struct HashOptions {
  std::vector<std::string> arguments;
  bool recursive = false;
  bool all_orientations = false;
  bool csv = false;
  std::string media_type_hint;
  SamplingOptions sampling;
};

struct LookupOptions {
  std::vector<std::string> pdq, md5, sha1, sha256, lists;
  unsigned quality = 0;
};

void PrintForPeople(const std::string& name, const v1::HashResponse& response) {
  const v1::MediaInfo& media = response.media();
  fmt::print("{}\n  {}  {}x{}  {}\n", Printable(name),
             media.format().empty() ? "unknown format" : media.format(), media.width(), media.height(),
             Bytes(media.size_bytes()));
  fmt::print("  md5     {}\n  sha1    {}\n  sha256  {}\n", HexOf(response.digests().md5()),
             HexOf(response.digests().sha1()), HexOf(response.digests().sha256()));
  for (const v1::FrameHash& frame : response.hashes()) {
    fmt::print("  pdq     {}  quality {}  at {}\n", HexOf(frame.pdq()), frame.quality(),
               Seconds(frame.time()));
  }
  for (const v1::OrientedHashes& frame : response.orientations()) {
    for (int i = 0; i < frame.pdq_size(); ++i) {
      fmt::print("  frame {}  {}  {}\n", frame.index(), HexOf(frame.pdq(i)),
                 Name(static_cast<v1::Transform>(i + 1)));
    }
  }
  PrintReasons(response.incomplete_reasons());
}

// Rows for `tamiz list import`: the digest and, where its quality allows, the perceptual hash.
void PrintCsv(const std::string& name, const v1::HashResponse& response) {
  v1::Entry entry;
  entry.set_entry_id(std::filesystem::path(name).filename().string());
  v1::EntryHash* digest = entry.add_hashes();
  digest->set_type(v1::HASH_TYPE_SHA256);
  digest->set_value(response.digests().sha256());
  constexpr std::uint32_t kQualityFloor = 50;  // below it PDQ says nothing, whatever a list's policy
  for (const v1::FrameHash& frame : response.hashes()) {
    if (frame.quality() < kQualityFloor) continue;
    v1::EntryHash* hash = entry.add_hashes();
    hash->set_type(v1::HASH_TYPE_PDQ);
    hash->set_value(frame.pdq());
    hash->set_quality(frame.quality());
    if (response.media().animated() || response.hashes_size() > 1) {
      hash->set_time_ms(static_cast<std::uint64_t>(frame.time().seconds()) * 1000 +
                        frame.time().nanos() / 1'000'000);
    }
  }
  fmt::print("{}", CsvRows(entry));
}

int RunHash(Session& session, const HashOptions& options) {
  std::vector<Input> inputs;
  if (grpc::Status status = ListInputs(options.arguments, options.recursive, inputs); !status.ok()) {
    return Fail(status, session.json);
  }
  v1::HashRequest request;
  request.set_media_type_hint(options.media_type_hint);
  request.set_all_orientations(options.all_orientations);
  if (grpc::Status status = FillSampling(options.sampling, *request.mutable_sampling()); !status.ok()) {
    return Fail(status, session.json);
  }
  const auto stub = v1::HashService::NewStub(session.connection.channel());
  Progress progress("hashed", inputs.size(), false);
  if (options.csv) fmt::print("{}", kCsvHeader);
  int code = 0;
  for (const Input& input : inputs) {
    grpc::Status status;
    if (input.kind == Input::Kind::kUri) {
      request.set_uri(input.name);
    } else {
      status = ReadWhole(input, *request.mutable_content());
    }
    v1::HashResponse response;
    if (status.ok()) {
      grpc::ClientContext context;
      session.connection.Prepare(context);
      status = stub->Hash(&context, request, &response);
    }
    progress.Hide();
    if (!status.ok()) {
      if (session.json) fmt::print("{}\n", ErrorJson(input.name, status));
      fmt::print(stderr, "tamiz: {}: {}{}\n", Printable(input.name), Describe(status),
                 input.kind != Input::Kind::kUri &&
                         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
                         RetryDelayMs(status) < 0
                     ? "\n  Larger files: `tamiz scan --hashes` streams them; or name them by URI."
                     : "");
      code = kError;
    } else if (session.json) {
      fmt::print("{}\n", ToJson("path", input.name, response));
    } else if (options.csv) {
      PrintCsv(input.name, response);
    } else {
      PrintForPeople(input.name, response);
    }
    progress.Add(1);
  }
  return code;
}

int RunLookup(Session& session, const LookupOptions& options) {
  v1::LookupRequest request;
  const auto add = [&request](v1::HashType type, const std::vector<std::string>& values, unsigned quality) {
    for (const std::string& value : values) {
      v1::QueryHash* hash = request.add_hashes();
      hash->set_type(type);
      hash->set_hex(value);
      hash->set_quality(quality);
    }
  };
  add(v1::HASH_TYPE_PDQ, options.pdq, options.quality);
  add(v1::HASH_TYPE_MD5, options.md5, 0);
  add(v1::HASH_TYPE_SHA1, options.sha1, 0);
  add(v1::HASH_TYPE_SHA256, options.sha256, 0);
  if (request.hashes().empty())
    return Fail("name at least one hash: --pdq, --md5, --sha1 or --sha256 HEX", session.json);
  for (const std::string& list : options.lists) request.add_lists(list);

  grpc::ClientContext context;
  session.connection.Prepare(context);
  v1::LookupResponse response;
  const auto stub = v1::HashService::NewStub(session.connection.channel());
  if (grpc::Status status = stub->Lookup(&context, request, &response); !status.ok())
    return Fail(status, session.json);
  if (session.json) {
    fmt::print("{}\n", ToJson(response));
  } else {
    fmt::print("{}{}\n", Name(response.verdict()),
               response.confidence() > 0 ? fmt::format("  confidence {:.4g}", response.confidence()) : "");
    PrintMatches(response.matches());
    PrintSuppressed(response.suppressed(), response.suppressed_count());
    PrintReasons(response.incomplete_reasons());
  }
  return ExitCodeOf(response.verdict());
}

}  // namespace

void AddHashCommands(CLI::App& app, Session& session) {
  CLI::App* hash =
      app.add_subcommand("hash", "Print digests and PDQ hashes of files and URIs; consults no list.");
  auto options = std::make_shared<HashOptions>();
  hash->add_option("PATH|URI", options->arguments,
                   "files, URIs, directories with -r, or - for standard input")
      ->required();
  hash->add_flag("-r,--recursive", options->recursive, "hash the files in directories");
  hash->add_flag("--orientations", options->all_orientations,
                 "also print the hashes of the seven other orientations");
  hash->add_flag("--csv", options->csv,
                 "print rows that `tamiz list import` reads; the file's name becomes the entry's id");
  hash->add_option("--media-type", options->media_type_hint, "what you believe it is; only a hint");
  AddSamplingOptions(*hash, options->sampling);
  hash->callback(
      [&session, options] { session.run = [&session, options] { return RunHash(session, *options); }; });

  CLI::App* lookup = app.add_subcommand(
      "lookup", "Look up hashes computed elsewhere, as those of one upload. Exit codes as for scan.");
  auto query = std::make_shared<LookupOptions>();
  lookup->add_option("--pdq", query->pdq, "64 hexadecimal digits; may be repeated")->allow_extra_args(false);
  lookup->add_option("--quality", query->quality, "quality of the PDQ hashes; 0: unknown")
      ->check(CLI::Range(0, 100));
  lookup->add_option("--md5", query->md5, "32 hexadecimal digits")->allow_extra_args(false);
  lookup->add_option("--sha1", query->sha1, "40 hexadecimal digits")->allow_extra_args(false);
  lookup->add_option("--sha256", query->sha256, "64 hexadecimal digits")->allow_extra_args(false);
  lookup->add_option("--list", query->lists, "consult only this list; may be repeated")
      ->allow_extra_args(false);
  lookup->callback(
      [&session, query] { session.run = [&session, query] { return RunLookup(session, *query); }; });
}

}  // namespace tamiz::cli
