#include <cstring>
#include <thread>
#include <vector>

#include "tests/sandbox/sandboxees/pattern.h"
#include "tests/sandbox/sandboxees/sandboxee.h"

namespace tamiz::decoder::sandboxee {
namespace {

using namespace tamiz::sandboxee;

void SendPattern(ChannelSink& sink, std::uint32_t index) {
  const LumaSlot slot = sink.Begin(kPatternWidth, kPatternHeight);
  if (slot.data == nullptr) return;
  for (std::uint32_t y = 0; y < slot.height; ++y) {
    for (std::uint32_t x = 0; x < slot.width; ++x) slot.data[y * slot.stride + x] = PatternByte(index, x, y);
  }
  sink.Send(index, std::chrono::milliseconds(40 * index), media::FrameVariant::kAsShown);
}

void Good(const DecodeJob&, ChannelSink& sink) {
  media::MediaInfo info;
  info.codec = "pattern";
  info.width = kPatternWidth;
  info.height = kPatternHeight;
  info.exif_orientation = 6;
  info.animated = true;
  info.duration = std::chrono::milliseconds(200);
  sink.Media(info);
  sink.Planned(kPatternFrames);
  for (std::uint32_t index = 0; index < kPatternFrames; ++index) SendPattern(sink, index);
  sink.Progress(std::chrono::milliseconds(200));
}

// Frames without end, for tests that stop them.
void Endless(const DecodeJob& job, ChannelSink& sink) {
  for (std::uint32_t index = 0; index < job.plan.max_frames; ++index) SendPattern(sink, index);
}

// What the media code may do wrong without lying: the process side keeps the rules for it.
void Careless(const DecodeJob& job, ChannelSink& sink) {
  media::MediaInfo info;
  info.codec = "\x01\xff" + std::string(100, 'x');
  info.width = info.height = 0xffffffff;
  info.exif_orientation = 77;
  info.duration = std::chrono::microseconds::max();
  sink.Media(info);
  sink.Planned(~std::uint64_t{0});
  if (sink.Begin(job.limits.max_dimension + 1, 1).data != nullptr) return;
  for (int i = 0; i < 100; ++i) {
    sink.Incomplete(media::IncompleteCode::kDecodeFailed,
                    std::string(static_cast<std::size_t>(i) * 10, '\n'));
  }
  for (int i = 0; i < 100'000; ++i) sink.Progress(std::chrono::microseconds(100'000 - i));
  (void)sink.Begin(8, 8);
  sink.Send(job.plan.max_frames, {}, media::FrameVariant::kAsShown);  // beyond the plan
}

// libheif's decoders do this.
void Threads(const DecodeJob& job, ChannelSink& sink) {
  std::vector<std::uint8_t> sums(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    threads.emplace_back([&, i] {
      std::vector<std::uint8_t> work(1 << 20, job.content[0]);
      sums[i] = work.back();
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (sums[3] == job.content[0]) SendPattern(sink, 0);
}

constexpr Behaviour kAll[] = {
    {"good", Good}, {"endless", Endless}, {"careless", Careless}, {"threads", Threads}};

}  // namespace

std::span<const Behaviour> Honest() { return kAll; }

}  // namespace tamiz::decoder::sandboxee
