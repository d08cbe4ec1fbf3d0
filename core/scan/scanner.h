// The use case: one upload in, one verdict out.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/call_context.h"
#include "core/calibration/calibration.h"
#include "core/match/evidence.h"
#include "core/match/hit_breaker.h"
#include "core/media/frame_source.h"
#include "core/metrics/metrics.h"
#include "core/scan/scan_observer.h"
#include "core/source/fetcher.h"
#include "core/source/upload.h"
#include "core/store/list_registry.h"
#include "core/work/compute_pool.h"

namespace tamiz::scan {

struct Config {
  // Formats that are not decoded, by name; they answer INCOMPLETE(FORMAT_DISABLED).
  std::vector<std::string> disabled_formats;
  // Frames of one upload that are hashed at most; FRAME_LIMIT beyond. Range 1 … 1000000.
  std::uint32_t max_frames = 7200;
  // Which frames of a video are looked at where neither request nor list says: exact, adaptive or fast.
  std::string sampling = "adaptive";
  // Time between the frames of a plan that names none. Range 10 ms … 1 h.
  std::chrono::milliseconds interval = std::chrono::seconds(1);
  // Whether videos are looked at a second time, closely, where too little of a known video was found.
  bool closer_look = true;
  // Time for one scan from its start; INCOMPLETE(TIME_BUDGET). A client's earlier deadline is
  // DEADLINE_EXCEEDED instead. Range 100 ms … 1 h.
  std::chrono::milliseconds time_budget = std::chrono::seconds(150);
  // How long the same request_id gets the same answer. 0: never. Range 0 … 24 h.
  std::chrono::seconds idempotency_ttl = std::chrono::minutes(10);
  // Whether scans that matched are recorded in the store.
  bool record_matches = true;
  // Records older than this are deleted. Range 1 … 3650 days.
  std::uint32_t record_days = 365;
  // What distances are worth, made by `tamiz calibrate`; empty: the one that is compiled in. See
  // docs/CONFIDENCE.md.
  std::string calibration_file;
};

// What to scan: bytes that are there already, or a URI to fetch.
struct ScanInput {
  std::string request_id;
  std::optional<source::Upload> upload;  // else `uri`
  std::string uri;
  // Set instead of both where the bytes could not be brought in by their own fault (BYTE_LIMIT): the answer
  // is INCOMPLETE with this reason.
  std::optional<media::IncompleteReason> not_brought_in;
  std::vector<std::string> lists;  // names or ids; empty: all
  media::SamplingRequest sampling;
  bool return_hashes = false;
  // Ends decoding as soon as the verdict is MATCH whatever comes after.
  bool stop_on_match = false;
  // Between two reports to an observer. Range 20 ms … 60 s.
  std::chrono::milliseconds progress_interval{500};
  std::map<std::string, std::string> labels;
  // The service's own self-test: neither recorded nor counted among the scans.
  bool internal = false;
};

struct FrameHash {
  std::uint32_t index = 0;
  std::chrono::microseconds time{0};
  hash::PdqOrientations pdq;
  std::uint32_t part = 0;             // of the upload; 0: the upload itself
  bool repeated = false;              // the same as the frame before: not hashed anew
  std::chrono::microseconds span{0};  // of what is not repeated: up to the last frame that repeats it
};

// Hash of a part of a frame, where those were asked for.
struct CropHash {
  match::RelativeRect rect;
  hash::Hash256 hash;
  int quality = 0;
};

struct ScanTimings {
  std::chrono::microseconds queue{0}, fetch{0}, decode{0}, hash{0}, match{0}, total{0};
  WallTime started_at{};
};

// What was looked at closely; see closer_look.h.
struct CloserLook {
  std::vector<media::TimeSpan> spans;  // empty: there was no closer look
  std::uint64_t frames = 0;            // that came; not counted among the upload's
  std::string_view outcome;            // one of metrics::kCloserLookOutcomes; empty: there was none
};

struct ScanOutput {
  std::string scan_id;
  std::string request_id;
  match::Conclusion conclusion;  // verdict, matches, reasons, lists
  std::string format, media_type;
  std::uint64_t size_bytes = 0;
  hash::Digests digests;
  media::MediaInfo media;
  std::optional<media::SamplingPlan> plan;  // in force, where frames were looked for
  std::uint64_t frames_planned = 0, frames_decoded = 0, frames_repeated = 0;
  media::DecodeCounts pictures;
  CloserLook closer;
  std::vector<media::MediaPart> parts;
  std::uint64_t unrecognised_bytes = 0;
  double time_covered = 0;        // 0…1, of the upload itself
  bool stopped_on_match = false;  // what comes after the match was not looked at, as asked for
  std::vector<match::TimeRange> unseen;
  std::vector<CropHash> crops;    // of the first frame; see Scanner::Hash
  std::vector<FrameHash> hashes;  // if asked for; the first look at each frame (as shown, borders kept)
  ScanTimings timings;
};

// Thread-safe; Scan and Hash block for as long as the upload takes: call them on an admitted worker.
class Scanner {
 public:
  // What it works with; all outlive it.
  struct Parts {
    media::FrameSource& frames;
    source::Fetcher& fetcher;
    store::ListRegistry& lists;
    store::Store& store;
    work::ComputePool& compute;
    metrics::Metrics& metrics;
    const Clock& clock = Clock::System();
    // Told of an entry or a list that matches too much. Must not block; on an error counting starts anew.
    std::function<Status(const match::HitBreaker::Trip&)> on_trip = nullptr;
  };
  Scanner(const Config& config, const Parts& parts);
  ~Scanner();

  // Errors are operational (see tamiz.v1.ScanService); whatever the upload's bytes cause is in the output.
  // `admitted_at`: when the request came in, for timings.queue. `observer`, if any, is told of progress and
  // of matches as they are found, all of the result's at the latest.
  [[nodiscard]] StatusOr<ScanOutput> Scan(ScanInput input, const CallContext& context, SteadyTime admitted_at,
                                          ScanObserver* observer = nullptr);
  // Without a look-up: the verdict is meaningless, the reasons stand in `conclusion.reasons`, all frames in
  // `hashes`; hashes of those parts of the first frame that are named in `crops`.
  [[nodiscard]] StatusOr<ScanOutput> Hash(ScanInput input, const CallContext& context, SteadyTime admitted_at,
                                          std::vector<match::RelativeRect> crops = {});
  // Foreign hashes only.
  [[nodiscard]] StatusOr<match::Conclusion> Lookup(const match::Evidence& evidence,
                                                   const std::vector<std::string>& lists);

  // What confidences rest on; from the next scan on. At first calibration::BuiltIn().
  void SetCalibration(std::shared_ptr<const calibration::Calibration> calibration);
  [[nodiscard]] std::shared_ptr<const calibration::Calibration> calibration() const;

  // After a person reset a breaker: hits are counted anew. `entry_id` empty: of the whole list.
  void ForgetHits(std::string_view list_id, std::string_view entry_id);

  // INVALID_ARGUMENT, naming the field, for a plan or labels out of range.
  [[nodiscard]] Status Validate(const ScanInput& input) const;
  // Takes over what can change at run time (disabled_formats, interval, max_frames, time_budget, …).
  void Reconfigure(const Config& config);
  // Why uploads of this format are not decoded; empty if they are.
  [[nodiscard]] std::string WhyDisabled(media::FileFormat format) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamiz::scan
