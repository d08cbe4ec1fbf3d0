// Doubles and a set-up for tests of the scanner.
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random_id.h"
#include "core/media/frame_source.h"
#include "core/scan/scanner.h"
#include "core/store/sqlite_store.h"

namespace tamiz::scan {

// Stands still until it is moved.
class FakeClock final : public Clock {
 public:
  SteadyTime Now() const override { return SteadyTime(std::chrono::microseconds(now_us_.load())); }
  WallTime WallNow() const override {
    return WallTime(std::chrono::microseconds(1'700'000'000'000'000 + now_us_ + wall_us_));
  }
  void Advance(std::chrono::microseconds by) { now_us_ += by.count(); }
  // Somebody sets the wall clock; the steady one does not notice.
  void SetWall(std::chrono::microseconds by) { wall_us_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_us_{1'000'000'000};
  std::atomic<std::int64_t> wall_us_{0};
};

// A picture with structure: blocks of grey drawn by `seed`. Seed 0 is flat.
class Picture {
 public:
  explicit Picture(unsigned seed, std::uint32_t width = 128, std::uint32_t height = 128)
      : width_(width), height_(height), pixels_(std::size_t{width} * height, 128) {
    if (seed == 0) return;
    std::mt19937 random(seed);
    std::vector<std::uint8_t> blocks(64);
    for (auto& block : blocks) block = static_cast<std::uint8_t>(random() % 256);
    for (std::uint32_t y = 0; y < height; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) {
        pixels_[std::size_t{y} * width + x] = blocks[(y * 8 / height) * 8 + x * 8 / width];
      }
    }
  }
  // The same inside a black frame of a quarter of its size on each side.
  Picture Framed() const {
    Picture framed(0, width_ * 3 / 2, height_ * 3 / 2);
    std::ranges::fill(framed.pixels_, std::uint8_t{0});
    for (std::uint32_t y = 0; y < height_; ++y) {
      std::copy_n(&pixels_[std::size_t{y} * width_], width_,
                  &framed.pixels_[std::size_t{y + height_ / 4} * framed.width_ + width_ / 4]);
    }
    return framed;
  }
  media::LumaView view() const { return {pixels_.data(), width_, height_, width_}; }
  hash::PdqOrientations pdq() const { return hash::PdqHasher().HashOrientations(view()); }

 private:
  std::uint32_t width_, height_;
  std::vector<std::uint8_t> pixels_;
};

class FakeFrame final : public media::Frame {
 public:
  FakeFrame(Picture picture, std::uint32_t number, std::chrono::microseconds at,
            media::FrameVariant how = media::FrameVariant::kAsShown)
      : picture_(std::move(picture)) {
    index = number;
    time = at;
    variant = how;
  }
  media::LumaView luma() const override { return picture_.view(); }

 private:
  Picture picture_;
};

// Gives the frames and the outcome it was told to.
class FakeFrameSource final : public media::FrameSource {
 public:
  struct Item {
    unsigned seed;
    std::uint32_t index = 0;
    std::chrono::microseconds time{0};
    media::FrameVariant variant = media::FrameVariant::kAsShown;
    bool framed = false;
    bool repeat = false;
    std::uint32_t part = 0;
    bool still = false;
  };
  std::vector<Item> frames;
  std::vector<Item> closer_frames;  // given instead, as far as they lie in its spans, to a plan that has some
  media::SampleOutcome closer_outcome;
  Status closer_status;
  media::SampleOutcome outcome;
  Status status;                                  // returned instead of the outcome, after the frames
  std::function<void(std::size_t)> before_frame;  // called with the number of frames given so far
  std::atomic<int> calls{0};
  media::SamplingPlan last_plan;
  std::uint64_t last_size = 0;

  StatusOr<media::SampleOutcome> Sample(const media::SampleRequest& request, const CallContext& context,
                                        const FrameSink& sink) override {
    ++calls;
    last_plan = request.plan;
    last_size = request.size_bytes;
    std::size_t given = 0;
    const std::vector<media::TimeSpan>& spans = request.plan.spans;
    const bool closer = !spans.empty();
    for (const Item& item : closer ? closer_frames : frames) {
      if (closer && std::ranges::none_of(spans, [&](const media::TimeSpan& span) {
            return item.time >= span.start && item.time < span.end;
          })) {
        continue;
      }
      if (before_frame) before_frame(given);
      if (context.stop.stop_requested()) return MakeError(StatusCode::kCancelled, "cancelled");
      ++given;
      auto frame = std::make_unique<FakeFrame>(item.framed ? Picture(item.seed).Framed() : Picture(item.seed),
                                               item.index, item.time, item.variant);
      frame->is_repeat = item.repeat;
      frame->part = item.part;
      frame->is_still = item.still;
      if (!sink(std::move(frame))) break;
    }
    if (const Status& end = closer ? closer_status : status; !end.ok()) return end;
    media::SampleOutcome result = closer ? closer_outcome : outcome;
    if (result.frames_delivered == 0) result.frames_delivered = given;
    return result;
  }
};

class FakeFetcher final : public source::Fetcher {
 public:
  std::function<StatusOr<source::Upload>(std::string_view)> fetch;
  StatusOr<source::Upload> Fetch(std::string_view uri, const CallContext&) override { return fetch(uri); }
};

// A store whose records can fail and be read; everything else is SQLite's.
class RecordingStore final : public store::Store {
 public:
  explicit RecordingStore(std::unique_ptr<store::Store> inner) : inner_(std::move(inner)) {}
  std::vector<store::ScanRecord> records;
  Status record_status;

  StatusOr<lists::ListInfo> CreateList(const lists::ListInfo& info) override {
    return inner_->CreateList(info);
  }
  StatusOr<lists::ListInfo> GetList(std::string_view list) override { return inner_->GetList(list); }
  StatusOr<std::vector<lists::ListInfo>> Lists() override { return inner_->Lists(); }
  StatusOr<lists::ListInfo> ChangeList(std::string_view list,
                                       const std::function<Status(lists::ListInfo&)>& edit) override {
    return inner_->ChangeList(list, edit);
  }
  Status DeleteList(std::string_view list) override { return inner_->DeleteList(list); }
  StatusOr<lists::ListInfo> Apply(std::string_view list, const store::Change& change, bool counts_only,
                                  store::ChangeCounts& counts) override {
    return inner_->Apply(list, change, counts_only, counts);
  }
  StatusOr<lists::ListInfo> Rollback(std::string_view list, std::uint64_t version) override {
    return inner_->Rollback(list, version);
  }
  StatusOr<std::vector<lists::VersionInfo>> Versions(std::string_view list) override {
    return inner_->Versions(list);
  }
  StatusOr<lists::Entry> GetEntry(std::string_view list, std::string_view entry) override {
    return inner_->GetEntry(list, entry);
  }
  Status ForEachEntry(std::string_view list, std::uint64_t version,
                      const std::function<Status(lists::Entry&&)>& each) override {
    return inner_->ForEachEntry(list, version, each);
  }
  Status ForEachChange(std::string_view list, std::uint64_t from, std::uint64_t to, std::uint64_t most,
                       const std::function<Status(store::EntryChange&&)>& each) override {
    return inner_->ForEachChange(list, from, to, most, each);
  }
  StatusOr<std::uint64_t> DeleteVersionsBefore(std::string_view list, std::uint64_t version) override {
    return inner_->DeleteVersionsBefore(list, version);
  }
  StatusOr<store::VersionDiff> Diff(std::string_view list, std::uint64_t from, std::uint64_t to) override {
    return inner_->Diff(list, from, to);
  }
  Status CreateExchange(const store::ExchangeRow& row) override { return inner_->CreateExchange(row); }
  StatusOr<std::vector<store::ExchangeRow>> Exchanges() override { return inner_->Exchanges(); }
  Status UpdateExchange(const store::ExchangeRow& row) override { return inner_->UpdateExchange(row); }
  Status DeleteExchange(std::string_view name) override { return inner_->DeleteExchange(name); }
  Status PutPending(const store::PendingChange& pending) override { return inner_->PutPending(pending); }
  StatusOr<std::vector<store::PendingChange>> PendingChanges() override { return inner_->PendingChanges(); }
  StatusOr<store::PendingChange> GetPending(std::string_view list) override {
    return inner_->GetPending(list);
  }
  Status DeletePending(std::string_view list) override { return inner_->DeletePending(list); }
  Status Record(const store::ScanRecord& record) override {
    if (record_status.ok()) records.push_back(record);
    return record_status;
  }
  Status ForEachRecord(WallTime from, const std::function<Status(store::ScanRecord&&)>& each) override {
    return inner_->ForEachRecord(from, each);
  }
  StatusOr<std::uint64_t> DeleteRecordsBefore(WallTime before) override {
    return inner_->DeleteRecordsBefore(before);
  }
  Status Check() override { return inner_->Check(); }

 private:
  std::unique_ptr<store::Store> inner_;
};

// Removed with everything in it.
class TempDir {
 public:
  TempDir() : path_(std::filesystem::temp_directory_path() / ("tamiz-test-" + NewUuid())) {
    std::filesystem::create_directories(path_);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<store::Store> OpenStore(const TempDir& dir) {
  auto store = store::OpenSqliteStore({.path = dir.path() / "test.db"});
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", Message(store.status()).c_str());
    std::abort();
  }
  return *std::move(store);
}

}  // namespace tamiz::scan
