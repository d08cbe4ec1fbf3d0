// tamiz scan: uploads files, or names URIs, and prints verdicts.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/files.h"
#include "cli/matches.h"
#include "cli/output.h"
#include "cli/sampling.h"
#include "tamiz/v1/scan_service.grpc.pb.h"

namespace tamiz::cli {
namespace {

struct ScanOptions {
  std::vector<std::string> arguments;
  bool recursive = false;
  unsigned parallel = 2;
  std::vector<std::string> lists;
  SamplingOptions sampling;
  bool hashes = false;
  bool bulk = false;
  bool stop_on_match = false;
  bool progress = false;
  std::string media_type_hint;
  std::vector<std::string> labels;  // key=value
  unsigned retries = 5;
};

struct Outcome {
  grpc::Status status;
  v1::ScanResult result;
};

grpc::Status MakeRequest(const ScanOptions& options, v1::ScanRequest& request) {
  for (const std::string& list : options.lists) request.add_lists(list);
  if (grpc::Status status = FillSampling(options.sampling, *request.mutable_sampling()); !status.ok())
    return status;
  request.set_return_hashes(options.hashes);
  request.set_stop_on_match(options.stop_on_match);
  request.set_media_type_hint(options.media_type_hint);
  request.set_lane(options.bulk ? v1::LANE_BULK : v1::LANE_LIVE);
  for (const std::string& label : options.labels) {
    const std::size_t equals = label.find('=');
    if (equals == std::string::npos || equals == 0) {
      return {grpc::StatusCode::INVALID_ARGUMENT, fmt::format("--label {}: expected key=value", label)};
    }
    (*request.mutable_labels())[label.substr(0, equals)] = label.substr(equals + 1);
  }
  return grpc::Status::OK;
}

// Largest file that is sent in one message: below the server's default limit for messages.
constexpr std::uint64_t kMostInline = 3 << 20;

// Prints on stderr what a scan tells while it runs, a line each.
class ScanWatch {
 public:
  explicit ScanWatch(Progress& bar) : bar_(bar) {}

  void OnProgress(const std::string& name, const v1::ScanProgress& progress) {
    std::string line = fmt::format("{} frames", progress.frames_decoded());
    if (progress.frames_planned() > 0)
      line = fmt::format("{} of {} frames", progress.frames_decoded(), progress.frames_planned());
    if (progress.duration().seconds() > 0 || progress.duration().nanos() > 0) {
      line += fmt::format(", {} of {}", Seconds(progress.time_reached()), Seconds(progress.duration()));
    }
    Print(name, line);
  }
  void OnMatch(const std::string& name, const v1::Match& match) {
    Print(name, fmt::format("{} {} in list {}", match.review() ? "perhaps" : "found", match.entry_id(),
                            match.list_name()));
  }

 private:
  void Print(const std::string& name, const std::string& line) {
    MutexLock lock(mutex_);
    bar_.Hide();
    fmt::print(stderr, "{}: {}\n", Printable(name), Printable(line));
  }

  Mutex mutex_;
  Progress& bar_;
};

class Scanner {
 public:
  Scanner(const Connection& connection, const v1::ScanRequest& request, ScanWatch* watch, Progress& progress)
      : connection_(connection),
        request_(request),
        watch_(watch),
        progress_(progress),
        stub_(v1::ScanService::NewStub(connection.channel())) {}

  Outcome Scan(const Input& input) {
    if (watch_ != nullptr && FitsOneMessage(input)) return Watched(input);
    return input.kind == Input::Kind::kUri ? ByUri(input) : Upload(input);
  }

  // Scans again when the server asks for it, as often as `retries` says; standard input cannot be read twice.
  Outcome ScanWithRetries(const Input& input, unsigned retries) {
    std::mt19937 generator(std::random_device{}());
    for (unsigned attempt = 0;; ++attempt) {
      Outcome outcome = Scan(input);
      const std::int64_t delay_ms = RetryDelayMs(outcome.status);
      if (outcome.status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED || delay_ms < 0 ||
          attempt == retries || input.kind == Input::Kind::kStdin) {
        return outcome;
      }
      // Up to half as much again, and longer each time, so that waiting clients do not come back together.
      const double factor =
          std::uniform_real_distribution<double>(1.0, 1.5)(generator) * (1u << std::min(attempt, 5u));
      std::this_thread::sleep_for(std::chrono::milliseconds(std::min<std::int64_t>(
          static_cast<std::int64_t>(std::ceil(static_cast<double>(delay_ms) * factor)), 30'000)));
    }
  }

 private:
  Outcome ByUri(const Input& input) {
    grpc::ClientContext context;
    connection_.Prepare(context);
    // So that a busy server need not read the message to know that there is no place for it.
    if (request_.lane() == v1::LANE_BULK) context.AddMetadata("tamiz-lane", "bulk");
    v1::ScanRequest request = request_;
    request.set_uri(input.name);
    v1::ScanResponse response;
    Outcome outcome;
    outcome.status = stub_->Scan(&context, request, &response);
    outcome.result = std::move(*response.mutable_result());
    return outcome;
  }

  // ScanStream takes what Scan takes: a larger file goes by ScanUpload, which tells nothing meanwhile.
  static bool FitsOneMessage(const Input& input) {
    return input.kind == Input::Kind::kUri ||
           (input.kind == Input::Kind::kFile && input.size_bytes <= kMostInline);
  }

  Outcome Watched(const Input& input) {
    grpc::ClientContext context;
    connection_.Prepare(context);
    v1::ScanStreamRequest request;
    *request.mutable_request() = request_;
    if (input.kind == Input::Kind::kUri) {
      request.mutable_request()->set_uri(input.name);
    } else {
      std::string& content = *request.mutable_request()->mutable_content();
      const grpc::Status read = ReadPieces(input, [&](std::string&& piece) {
        content += piece;
        return true;
      });
      if (!read.ok()) return {read, {}};
    }
    const auto reader = stub_->ScanStream(&context, request);
    Outcome outcome;
    v1::ScanStreamResponse event;
    while (reader->Read(&event)) {
      if (event.has_progress()) watch_->OnProgress(input.name, event.progress());
      if (event.has_match()) watch_->OnMatch(input.name, event.match());
      if (event.has_result()) outcome.result = std::move(*event.mutable_result());
    }
    outcome.status = reader->Finish();
    progress_.Add(input.size_bytes);
    return outcome;
  }

  Outcome Upload(const Input& input) {
    grpc::ClientContext context;
    connection_.Prepare(context);
    v1::ScanUploadResponse response;
    const auto writer = stub_->ScanUpload(&context, &response);
    v1::ScanUploadRequest message;
    *message.mutable_options() = request_;
    bool open = writer->Write(message);
    const grpc::Status read = !open ? grpc::Status::OK : ReadPieces(input, [&](std::string&& piece) {
      const std::size_t size = piece.size();
      message.set_chunk(std::move(piece));
      open = writer->Write(message);
      progress_.Add(size);
      return open;  // false: the server has answered already, Finish tells what
    });
    if (!read.ok()) {
      context.TryCancel();
      (void)writer->Finish();
      return {read, {}};
    }
    if (open) writer->WritesDone();
    Outcome outcome;
    outcome.status = writer->Finish();
    outcome.result = std::move(*response.mutable_result());
    return outcome;
  }

  const Connection& connection_;
  const v1::ScanRequest& request_;
  ScanWatch* const watch_;  // null: nobody watches
  Progress& progress_;
  const std::unique_ptr<v1::ScanService::Stub> stub_;
};

void PrintForPeople(const std::string& name, const v1::ScanResult& result) {
  const v1::MediaInfo& media = result.media();
  std::vector<std::string> facts;
  if (!media.format().empty()) facts.push_back(media.format());
  if (media.width() > 0) facts.push_back(fmt::format("{}x{}", media.width(), media.height()));
  if (media.duration().seconds() > 0 || media.duration().nanos() > 0)
    facts.push_back(Seconds(media.duration()));
  if (result.coverage().frames_hashed() > 1)
    facts.push_back(fmt::format("{} frames", result.coverage().frames_hashed()));
  facts.push_back(Bytes(media.size_bytes()));
  fmt::print("{}\n  {}", Printable(name), Name(result.verdict()));
  if (result.confidence() > 0) fmt::print("  confidence {:.4g}", result.confidence());
  fmt::print("  ({})\n", Printable(Join(facts, ", ")));

  PrintMatches(result.matches());
  PrintSuppressed(result.suppressed(), result.suppressed_count());
  PrintReasons(result.incomplete_reasons());
  if (result.coverage().stopped_on_match())
    fmt::print("  stopped at the match; what follows it was not looked at\n");
  for (const v1::FrameHash& frame : result.hashes()) {
    fmt::print("  pdq {}  quality {}  at {}\n", HexOf(frame.pdq()), frame.quality(), Seconds(frame.time()));
  }
}

int CodeOf(const Outcome& outcome) {
  return outcome.status.ok() ? ExitCodeOf(outcome.result.verdict()) : static_cast<int>(kError);
}

// Runs the scans on a few threads and prints each as soon as all before it are printed.
class Run {
 public:
  Run(Session& session, const ScanOptions& options, std::vector<Input> inputs)
      : session_(session), options_(options), inputs_(std::move(inputs)), outcomes_(inputs_.size()) {}

  int operator()() {
    v1::ScanRequest request;
    if (grpc::Status status = MakeRequest(options_, request); !status.ok())
      return Fail(status, session_.json);
    std::uint64_t total = 0;
    for (const Input& input : inputs_) total += input.size_bytes;
    Progress progress("sent", total, true);
    progress_ = &progress;
    ScanWatch watch(progress);
    Scanner scanner(session_.connection, request, options_.progress ? &watch : nullptr, progress);
    {
      std::vector<std::jthread> threads;
      const std::size_t count = std::clamp<std::size_t>(options_.parallel, 1, inputs_.size());
      for (std::size_t i = 0; i < count; ++i) threads.emplace_back([this, &scanner] { Work(scanner); });
    }
    MutexLock lock(mutex_);
    return worst_;
  }

 private:
  void Work(Scanner& scanner) {
    while (true) {
      const std::size_t index = next_++;
      if (index >= inputs_.size()) return;
      Outcome outcome = scanner.ScanWithRetries(inputs_[index], options_.retries);
      MutexLock lock(mutex_);
      outcomes_[index] = std::move(outcome);
      Flush();
    }
  }

  void Flush() TAMIZ_REQUIRES(mutex_) {
    progress_->Hide();
    for (; printed_ < outcomes_.size() && outcomes_[printed_].has_value(); ++printed_) {
      const std::string& name = inputs_[printed_].name;
      const Outcome& outcome = *outcomes_[printed_];
      if (!outcome.status.ok()) {
        if (session_.json) fmt::print("{}\n", ErrorJson(name, outcome.status));
        fmt::print(stderr, "tamiz: {}: {}\n", Printable(name), Describe(outcome.status));
      } else if (session_.json) {
        fmt::print("{}\n", ToJson("path", name, outcome.result));
      } else {
        PrintForPeople(name, outcome.result);
      }
      worst_ = Worse(worst_, CodeOf(outcome));
      outcomes_[printed_].emplace();  // free the result's memory
    }
    std::fflush(stdout);
  }

  Session& session_;
  const ScanOptions& options_;
  const std::vector<Input> inputs_;
  Progress* progress_ = nullptr;
  std::atomic<std::size_t> next_{0};
  Mutex mutex_;
  std::vector<std::optional<Outcome>> outcomes_ TAMIZ_GUARDED_BY(mutex_);
  std::size_t printed_ TAMIZ_GUARDED_BY(mutex_) = 0;
  int worst_ TAMIZ_GUARDED_BY(mutex_) = kNoKnownMatch;
};

}  // namespace

void AddScanCommand(CLI::App& app, Session& session) {
  CLI::App* scan = app.add_subcommand(
      "scan",
      "Scan files and URIs and print the verdicts.\n"
      "Files are streamed to the server; URIs (file://, https://, s3://) are fetched by it.\n"
      "Exit code: 0 no known match, 10 match, 11 possible match, 12 incomplete, 1 error. Of several the "
      "worst:\n"
      "an error beats a match, that a possible match, that incomplete, that no known match.");
  auto options = std::make_shared<ScanOptions>();
  scan->add_option("PATH|URI", options->arguments,
                   "files, URIs, directories with -r, or - for standard input")
      ->required();
  scan->add_flag("-r,--recursive", options->recursive, "scan the files in directories");
  scan->add_option("-j,--parallel", options->parallel, "scans at a time")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  scan->add_option("--list", options->lists, "consult only this list; may be repeated")
      ->allow_extra_args(false);
  AddSamplingOptions(*scan, options->sampling);
  scan->add_flag("--hashes", options->hashes, "also print the PDQ hash of each frame");
  scan->add_flag("--stop-on-match", options->stop_on_match,
                 "stop looking as soon as it is known material; the rest of a video is not looked at");
  scan->add_flag(
      "--progress", options->progress,
      "tell on standard error how each scan gets on and what is found (URIs and files up to 3 MiB)");
  scan->add_flag("--bulk", options->bulk, "bulk lane: gives way to live traffic");
  scan->add_option("--media-type", options->media_type_hint,
                   "what you believe it is, for example image/jpeg; only a hint");
  scan->add_option("--label", options->labels, "key=value to go with the scan; may be repeated")
      ->allow_extra_args(false);
  scan->add_option("--retries", options->retries,
                   "how often to come back when the server is overloaded and says when")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  scan->callback([&session, options] {
    session.run = [&session, options] {
      std::vector<Input> inputs;
      if (grpc::Status status = ListInputs(options->arguments, options->recursive, inputs); !status.ok()) {
        return Fail(status, session.json);
      }
      if (inputs.empty()) return Fail("no files to scan: the directories named hold none", session.json);
      return Run(session, *options, std::move(inputs))();
    };
  });
}

}  // namespace tamiz::cli
