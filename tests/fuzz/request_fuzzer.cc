// What a client sends, on its way from protobuf to the core, with all that checks it: what is accepted is
// within the ranges, what is refused names its field. The first byte chooses the message.
#include <google/protobuf/stubs/logging.h>

#include <cstdlib>

#include "core/media/sampling.h"
#include "server/proto_convert.h"
#include "tests/unit/scan/fakes.h"

namespace {

using namespace tamiz;

void Require(bool holds) {
  if (!holds) std::abort();
}

// A scanner with one small list; it is asked to judge requests and to look hashes up, never to decode.
struct World {
  World() : store(scan::OpenStore(dir)), lists(*store, clock) {
    Require(lists.LoadAll().ok());
    lists::ListInfo info;
    info.name = "known";
    Require(lists.CreateList(info).ok());
    store::Change change{.what = "add"};
    for (unsigned i = 1; i < 4; ++i) {
      lists::Entry entry;
      entry.id = std::to_string(i);
      lists::EntryHash hash;
      const auto bytes = scan::Picture(i).pdq().hashes[0].ToBytes();
      hash.value.assign(bytes.begin(), bytes.end());
      hash.time_ms = i * 1000;
      entry.hashes = {hash, hash};
      entry.hashes[1].time_ms = i * 2000;
      change.upserts.push_back(std::move(entry));
    }
    store::ChangeCounts counts;
    Require(lists.Apply("known", change, false, counts).ok());
    scanner = std::make_unique<scan::Scanner>(
        config, scan::Scanner::Parts{frames, fetcher, lists, *store, compute, metrics, clock});
  }

  scan::TempDir dir;
  scan::FakeClock clock;
  scan::Config config;
  scan::FakeFrameSource frames;
  scan::FakeFetcher fetcher;
  std::unique_ptr<store::Store> store;
  store::ListRegistry lists;
  work::ComputePool compute{1};
  metrics::Metrics metrics;
  std::unique_ptr<scan::Scanner> scanner;
};

World& TheWorld() {
  static World world;
  return world;
}

// A refusal must be the caller's fault and say where; otherwise the client is left guessing.
void CheckRefusal(const Status& status) {
  Require(status.code() == StatusCode::kInvalidArgument && !Field(status).empty());
  Require(!Message(status).empty() && Message(status).size() <= 4096);
}

template <typename Message>
bool Parse(const std::uint8_t* data, std::size_t size, Message& message) {
  return message.ParseFromArray(data, static_cast<int>(size));
}

void CheckScan(const StatusOr<scan::ScanInput>& input) {
  if (!input.ok()) return CheckRefusal(input.status());
  const World& world = TheWorld();
  if (const Status status = world.scanner->Validate(*input); !status.ok()) return CheckRefusal(status);
  using namespace std::chrono_literals;
  Require(input->request_id.size() <= 4096 && input->uri.size() <= 65536 && input->lists.size() <= 10'000);
  Require(input->progress_interval >= 20ms && input->progress_interval <= 1min);
  // The plan that follows has no time or number that a decoder could not count with.
  const media::SamplingPlan plan = media::PlanOf(input->sampling, {.preset = media::SamplingPreset::kAdaptive,
                                                                   .interval = world.config.interval,
                                                                   .max_frames = world.config.max_frames});
  Require(plan.max_frames > 0 && plan.max_frames <= world.config.max_frames);
  Require(plan.interval >= 10ms && plan.interval <= 1h && plan.max_gap >= 0us && plan.max_gap <= 1h);
  Require(plan.head >= 0us && plan.head <= 24h);
  Require(plan.regular || plan.every_frame || plan.key_frames || plan.scene_changes || plan.head > 0us);
}

void CheckStream(const v1::ScanStreamRequest& request) {
  StatusOr<scan::ScanInput> input = server::ToScanInput(request.request());
  if (input.ok()) {
    if (const Status status = server::FillProgress(request, *input); !status.ok()) input = status;
  }
  CheckScan(input);
}

void CheckLookup(const v1::LookupRequest& request) {
  const StatusOr<match::Evidence> evidence = server::ToEvidence(request);
  if (!evidence.ok()) return CheckRefusal(evidence.status());
  for (const auto& frame : evidence->frames) Require(frame.time.count() >= 0);
  const StatusOr<match::Conclusion> conclusion =
      TheWorld().scanner->Lookup(*evidence, {request.lists().begin(), request.lists().end()});
  if (!conclusion.ok()) return Require(conclusion.status().code() == StatusCode::kNotFound);
  Require(conclusion->confidence >= 0 && conclusion->confidence <= 1);  // nor NaN
  v1::LookupResponse response;
  server::ToProto(*conclusion, &response);
  Require(response.verdict() != v1::VERDICT_UNSPECIFIED);
  for (const v1::Match& match : response.matches()) {
    Require(match.confidence() >= 0 && match.confidence() <= 1);
    Require(match.query_coverage() >= 0 && match.query_coverage() <= 1);
    Require(match.reference_coverage() >= 0 && match.reference_coverage() <= 1);
  }
}

void CheckListInfo(const lists::ListInfo& info) {
  Require(info.policy.Validate().ok());
  v1::HashList list;
  server::ToProto(info, &list);
  // What is shown can be sent back, and changes nothing.
  v1::UpdateListRequest request;
  *request.mutable_update() = list;
  lists::ListInfo again = info;
  Require(server::ApplyUpdate(request, again).ok() && again.policy == info.policy);
}

void CheckEntry(const v1::Entry& message, bool hashes) {
  const StatusOr<lists::Entry> entry = server::ToEntry(message, "entries[0]", hashes);
  if (!entry.ok()) return CheckRefusal(entry.status());
  if (!hashes) return Require(entry->hashes.empty());
  Require(lists::FaultOf(*entry).empty());  // what is accepted can be kept
  v1::Entry again;
  server::ToProto(*entry, true, &again);
  Require(server::ToEntry(again, "entries[0]").ok());
}

void CheckHold(const v1::DisableEntryRequest& request) {
  const WallTime now = TheWorld().clock.WallNow();
  const StatusOr<lists::Hold> hold = server::ToHold(request, now);
  if (!hold.ok()) return CheckRefusal(hold.status());
  Require(!hold->until || *hold->until > now);
  lists::Exceptions exceptions;
  Require(exceptions.Put(*hold).ok());
  v1::Hold shown;
  server::ToProto(*hold, &shown);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = (google::protobuf::SetLogHandler(nullptr), true);
  (void)quiet;
  if (size == 0) return 0;
  const int choice = *data++ % 10;
  --size;
  if (choice == 0) {
    v1::ScanRequest request;
    if (Parse(data, size, request)) CheckScan(server::ToScanInput(request));
  } else if (choice == 1) {
    v1::HashRequest request;
    if (Parse(data, size, request)) CheckScan(server::ToScanInput(request));
  } else if (choice == 2) {
    v1::LookupRequest request;
    if (Parse(data, size, request)) CheckLookup(request);
  } else if (choice == 3) {
    v1::CreateListRequest request;
    if (!Parse(data, size, request)) return 0;
    const StatusOr<lists::ListInfo> info = server::ToListInfo(request);
    info.ok() ? CheckListInfo(*info) : CheckRefusal(info.status());
  } else if (choice == 4) {
    v1::UpdateListRequest request;
    if (!Parse(data, size, request)) return 0;
    lists::ListInfo info;
    const Status status = server::ApplyUpdate(request, info);
    status.ok() ? CheckListInfo(info) : CheckRefusal(status);
  } else if (choice == 5 || choice == 9) {
    v1::Entry message;
    if (Parse(data, size, message)) CheckEntry(message, choice == 5);
  } else if (choice == 6) {
    v1::ImportOptions message;
    if (!Parse(data, size, message)) return 0;
    const StatusOr<lists::ReadOptions> options = server::ToReadOptions(message);
    if (!options.ok()) CheckRefusal(options.status());
  } else if (choice == 7) {
    v1::ScanStreamRequest request;
    if (Parse(data, size, request)) CheckStream(request);
  } else {
    v1::DisableEntryRequest request;
    if (Parse(data, size, request)) CheckHold(request);
  }
  return 0;
}
