#include "core/scan/self_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "core/hash/digests.h"
#include "core/scan/canary.h"

namespace tamiz::scan {
namespace {

constexpr char kPictureEntry[] = "canary-picture";
constexpr char kVideoEntry[] = "canary-video";

// PDQ hashes of the canary's frames, as this project's own decoder and hasher gave them when the canary was
// made. They are what later builds, decoders and machines are held against.
struct KnownFrame {
  std::string_view pdq;
  std::uint32_t quality;
  std::uint64_t time_ms;
};
constexpr KnownFrame kPictureFrame = {"8f7956c652a2da20d2d32dcf6ddfad3970b170869b44708f7092ada5702dcc17", 100,
                                      0};
constexpr std::array<KnownFrame, 4> kVideoFrames = {{
    {"433e56b396f943eca942e910e91016efd60fdc99b8526b26b85cd480d895fa1f", 100, 0},
    {"b648f6041ce618ec67622b71f61d0dead49cc999e713a95909fbcba587e889d0", 100, 1000},
    {"8d9fb652a958c791b6dda94909e7f61047a6690a16ef47ad492c676087c207e7", 100, 2000},
    {"1ceb8dcba35bf619f61de94798c047be1cf009e65ca4dca6a654cd12381689cd", 100, 3000},
}};

lists::EntryHash PdqOf(const KnownFrame& frame) {
  lists::EntryHash hash;
  hash.type = lists::HashType::kPdq;
  const auto bytes = FromHex(frame.pdq);
  hash.value = bytes.value_or(std::vector<std::uint8_t>());
  hash.quality = frame.quality;
  return hash;
}

std::vector<lists::Entry> CanaryEntries() {
  lists::Entry picture;
  picture.id = kPictureEntry;
  picture.labels = {"test"};
  picture.metadata["about"] = "generated test pattern of the Tamiz project";
  lists::EntryHash sha256;
  sha256.type = lists::HashType::kSha256;
  const auto digest = hash::Sha256(CanaryPicture());
  sha256.value.assign(digest.begin(), digest.end());
  picture.hashes = {sha256, PdqOf(kPictureFrame)};

  lists::Entry video;
  video.id = kVideoEntry;
  video.labels = {"test"};
  video.metadata = picture.metadata;
  for (const KnownFrame& frame : kVideoFrames) {
    video.hashes.push_back(PdqOf(frame));
    video.hashes.back().time_ms = frame.time_ms;
  }
  return {std::move(picture), std::move(video)};
}

std::string Describe(const match::Match& match) {
  std::string text = fmt::format("entry {}, exact {}, distance {}, reference coverage {:.2f}", match.entry_id,
                                 match.exact, match.distance, match.reference_coverage);
  if (match.transform) text += fmt::format(", transform {}", static_cast<int>(*match.transform) + 1);
  return text;
}

std::string Describe(const match::Conclusion& conclusion) {
  std::string text(match::ToString(conclusion.verdict));
  for (const match::Match& match : conclusion.matches) text += "; " + Describe(match);
  for (const media::IncompleteReason& reason : conclusion.reasons) {
    text += fmt::format("; {}: {}", media::ToString(reason.code), reason.detail);
  }
  return text;
}

struct Case {
  const char* name;
  std::span<const std::uint8_t> bytes;
  const char* entry;
  const char* expected;  // in words
  std::function<bool(const match::Match&)> fits;
};

std::vector<Case> Cases() {
  return {
      {"canary-picture", CanaryPicture(), kPictureEntry, "MATCH of canary-picture by its digest",
       [](const match::Match& match) { return match.exact; }},
      {"canary-picture-flipped", CanaryFlippedPicture(), kPictureEntry,
       "MATCH of canary-picture by its perceptual hash, mirrored, distance at most 31",
       [](const match::Match& match) {
         return !match.exact && match.distance <= 31 && match.transform == hash::Transform::kFlipHorizontal;
       }},
      {"canary-video", CanaryVideo(), kVideoEntry, "MATCH of canary-video by frames that cover it",
       [](const match::Match& match) {
         return !match.exact && match.distance <= 31 && match.reference_coverage >= 0.8 &&
                match.query_coverage >= 0.8 && !match.query_ranges.empty() &&
                match.query_ranges.front().start.count() == 0 && !match.reference_ranges.empty();
       }},
  };
}

}  // namespace

SelfTest::SelfTest(Scanner& scanner, store::ListRegistry& lists, const source::Config& source,
                   source::ByteBudget& budget, metrics::Metrics& metrics, const Clock& clock)
    : scanner_(scanner), lists_(lists), source_(source), budget_(budget), metrics_(metrics), clock_(clock) {}

Status SelfTest::InstallList() {
  if (const auto known = lists_.GetList(kCanaryList); known.status().code() == StatusCode::kNotFound) {
    lists::ListInfo info;
    info.name = kCanaryList;
    info.source_org = "Tamiz";
    info.labels = {"test"};
    info.description =
        "Generated, harmless test pictures; the self-test and anybody's first scan match them.";
    info.policy.action_hint = "test";
    info.built_in = true;
    // Another replica on the same database may be doing the same.
    if (const auto made = lists_.CreateList(std::move(info));
        !made.ok() && made.status().code() != StatusCode::kAlreadyExists) {
      return made.status();
    }
  } else if (!known.ok()) {
    return known.status();
  }
  store::Change change;
  change.what = "import";
  change.upserts = CanaryEntries();
  change.replace = true;
  store::ChangeCounts counts;
  return lists_.Apply(kCanaryList, change, false, counts).status();
}

SelfTestReport SelfTest::Run(const CallContext& context) {
  SelfTestReport report;
  report.ran_at = clock_.WallNow();
  const SteadyTime started = clock_.Now();
  for (const Case& test : Cases()) {
    SelfTestCase result;
    result.name = test.name;
    const StatusOr<ScanOutput> output = [&]() -> StatusOr<ScanOutput> {
      ScanInput input;
      TAMIZ_ASSIGN_OR_RETURN(input.upload, source::SealBytes(source_, budget_, test.bytes));
      input.lists = {kCanaryList};
      input.internal = true;
      return scanner_.Scan(std::move(input), context, clock_.Now());
    }();
    if (!output.ok()) {
      result.detail = fmt::format("expected {}; came an error: {}", test.expected, Message(output.status()));
    } else {
      const match::Conclusion& conclusion = output->conclusion;
      result.passed = conclusion.verdict == match::Verdict::kMatch &&
                      std::ranges::any_of(conclusion.matches, [&](const match::Match& match) {
                        return match.entry_id == test.entry && !match.review && test.fits(match);
                      });
      result.detail = fmt::format("expected {}; came {}", test.expected, Describe(conclusion));
    }
    report.cases.push_back(std::move(result));
  }
  report.passed = std::ranges::all_of(report.cases, &SelfTestCase::passed);
  report.duration = std::chrono::duration_cast<std::chrono::microseconds>(clock_.Now() - started);
  metrics_.SelfTested(report.passed, clock_.WallNow());
  MutexLock lock(mutex_);
  last_ = report;
  return report;
}

SelfTestReport SelfTest::Last() const {
  MutexLock lock(mutex_);
  return last_;
}

}  // namespace tamiz::scan
