// What looking at one video costs under a plan: decodes FILE in this process, with the deployed media code,
// and hashes what is taken, as the server does in its pool. Prints seconds of processor time, of decoding and
// of hashing, frames, and the peak of memory.
//   video_cost FILE exact|adaptive|fast|every [THREADS]
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/hash/pdq_hasher.h"
#include "core/media/border.h"
#include "core/media/file_format.h"
#include "decoder/frame_sink.h"

namespace tamiz {
namespace {

double ProcessorSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class HashingSink final : public decoder::FrameSink {
 public:
  void Media(const media::MediaInfo&) override {}
  void Planned(std::uint64_t) override {}
  decoder::LumaSlot Begin(std::uint32_t width, std::uint32_t height) override {
    const std::size_t stride = (std::size_t{width} + 63) / 64 * 64;
    slot_.resize(stride * height);
    view_ = {slot_.data(), width, height, stride};
    return {slot_.data(), width, height, stride};
  }
  void Send(std::uint32_t, std::chrono::microseconds, media::FrameVariant) override {
    const double start = ProcessorSeconds();
    (void)hasher_.HashOrientations(view_);
    if (const auto inside = media::StripBorder(view_)) (void)hasher_.HashOrientations(*inside);
    hashing_ += ProcessorSeconds() - start;
    ++hashed_;
  }
  void Repeat(std::uint32_t, std::chrono::microseconds) override { ++repeated_; }
  void Unseen(std::chrono::microseconds, std::chrono::microseconds) override { ++unseen_; }
  void Count(const media::DecodeCounts& counts) override {
    counts_.seen += counts.seen;
    counts_.skipped += counts.skipped;
    counts_.rejected += counts.rejected;
  }
  void Progress(std::chrono::microseconds) override {}
  void Incomplete(media::IncompleteCode code, std::string_view) override {
    std::fprintf(stderr, "incomplete: %s\n", std::string(media::ToString(code)).c_str());
  }

  void Print(double wall) const {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    std::printf(
        "{\"cpu\":%.3f,\"wall\":%.3f,\"hashing\":%.3f,\"hashed\":%d,\"repeated\":%d,\"seen\":%llu,"
        "\"skipped\":%llu,\"rejected\":%llu,\"unseen\":%d,\"peak_mib\":%ld}\n",
        ProcessorSeconds(), wall, hashing_, hashed_, repeated_, static_cast<unsigned long long>(counts_.seen),
        static_cast<unsigned long long>(counts_.skipped), static_cast<unsigned long long>(counts_.rejected),
        unseen_, usage.ru_maxrss / 1024);
  }

 private:
  std::vector<std::uint8_t> slot_;
  media::LumaView view_{};
  hash::PdqHasher hasher_;
  double hashing_ = 0;
  int hashed_ = 0;
  int repeated_ = 0;
  int unseen_ = 0;
  media::DecodeCounts counts_;
};

int Run(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: video_cost FILE exact|adaptive|fast|every [THREADS]\n");
    return 2;
  }
  const int fd = ::open(argv[1], O_RDONLY | O_CLOEXEC);
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0 || info.st_size == 0) {
    std::fprintf(stderr, "cannot read %s\n", argv[1]);
    return 1;
  }
  const auto bytes = static_cast<std::size_t>(info.st_size);
  void* mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  if (mapped == MAP_FAILED) return 1;
  media::SamplingRequest request;
  if (std::string_view(argv[2]) == "every") {
    request.mode = media::SamplingMode::kEveryFrame;
  } else {
    request.preset = media::ParseSamplingPreset(argv[2]);
    if (!request.preset) {
      std::fprintf(stderr, "no such plan: %s\n", argv[2]);
      return 2;
    }
  }
  decoder::DecodeJob job;
  job.content = {static_cast<const std::uint8_t*>(mapped), bytes};
  job.format = media::DetectFormat(job.content.first(std::min(bytes, media::kSignatureBytes)));
  job.plan = media::PlanOf(request, {});
  job.limits = {.max_frame_pixels = 100'000'000,
                .max_dimension = 32'768,
                .max_total_pixels = 1ull << 40,
                .max_packets = 20'000'000,
                .threads = argc > 3 ? static_cast<std::uint32_t>(std::atoi(argv[3])) : 1};
  HashingSink sink;
  const auto start = std::chrono::steady_clock::now();
  decoder::Decode(job, sink);
  sink.Print(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return 0;
}

}  // namespace
}  // namespace tamiz

int main(int argc, char** argv) { return tamiz::Run(argc, argv); }
