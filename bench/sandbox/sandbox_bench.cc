// What a process per upload costs: the same picture decoded by bare FFmpeg in this process, by our media code
// in this process, in a spare decoder, and in a decoder forked when the upload comes. One upload at a time,
// back to back, so that the preparation of spares is paid for in the figures too. Needs the ffmpeg program to
// make the pictures.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/sandbox/decoder_pool.h"
#include "decoder/frame_sink.h"

extern "C" {
#include <libavcodec/avcodec.h>
}

namespace tamiz::sandbox {
namespace {

// Processor time of this process and of all decoders that have ended, in ms. Not of the zygote, whose start
// would hide the rest.
double ProcessorMs() {
  double sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    ::getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      sum += static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
    }
  }
  return sum;
}

// Adds the processor time per upload, of all processes and their preparation: what does not depend on how
// busy the machine is with other things.
class ProcessorTime {
 public:
  explicit ProcessorTime(benchmark::State& state) : state_(state), before_(ProcessorMs()) {}
  void Done() {
    state_.counters["cpu_ms"] = (ProcessorMs() - before_) / static_cast<double>(state_.iterations());
  }

 private:
  benchmark::State& state_;
  const double before_;
};

struct Picture {
  std::vector<std::uint8_t> bytes;
  UniqueFd fd;
};

// A JPEG of this size with detail at every scale (quality 3 of FFmpeg, 4:2:0).
const Picture& JpegOf(int width, int height) {
  static std::map<std::pair<int, int>, Picture> made;
  Picture& picture = made[{width, height}];
  if (!picture.bytes.empty()) return picture;
  const std::string file =
      std::filesystem::temp_directory_path() /
      ("tamiz-bench-" + std::to_string(::getpid()) + "-" + std::to_string(width) + ".jpg");
  const std::string size = std::to_string(width) + "x" + std::to_string(height);
  const std::string command = "ffmpeg -v error -y -f lavfi -i mandelbrot=size=" + size +
                              ":start_scale=0.4:rate=1 -frames:v 1 -pix_fmt yuvj420p -q:v 3 " + file;
  if (std::system(command.c_str()) != 0) {
    std::fprintf(stderr, "the ffmpeg program is needed to make the pictures\n");
    std::exit(1);
  }
  std::ifstream in(file, std::ios::binary);
  picture.bytes.assign(std::istreambuf_iterator<char>(in), {});
  std::filesystem::remove(file);
  picture.fd = UniqueFd(::memfd_create("upload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (::write(picture.fd.get(), picture.bytes.data(), picture.bytes.size()) !=
      static_cast<ssize_t>(picture.bytes.size())) {
    std::exit(1);
  }
  ::fcntl(picture.fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
  return picture;
}

// Reads a frame as hashing does: each byte once.
std::uint64_t Touch(const media::LumaView& luma) {
  std::uint64_t sum = 0;
  for (std::uint32_t y = 0; y < luma.height; ++y) {
    const std::uint8_t* row = luma.data + y * luma.stride;
    for (std::uint32_t x = 0; x + 8 <= luma.width; x += 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, row + x, sizeof eight);
      sum += eight;
    }
  }
  return sum;
}

void BareFfmpeg(benchmark::State& state) {
  const Picture& picture = JpegOf(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  const AVCodec* codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
  ProcessorTime time(state);
  for (auto _ : state) {
    AVCodecContext* context = avcodec_alloc_context3(codec);
    context->thread_count = 1;
    avcodec_open2(context, codec, nullptr);
    AVPacket* packet = av_packet_alloc();
    av_new_packet(packet, static_cast<int>(picture.bytes.size()));
    std::memcpy(packet->data, picture.bytes.data(), picture.bytes.size());
    AVFrame* frame = av_frame_alloc();
    avcodec_send_packet(context, packet);
    if (avcodec_receive_frame(context, frame) != 0) state.SkipWithError("not decoded");
    benchmark::DoNotOptimize(frame->data[0][0]);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&context);
  }
  time.Done();
}

class LocalSink final : public decoder::FrameSink {
 public:
  void Media(const media::MediaInfo&) override {}
  void Planned(std::uint64_t) override {}
  decoder::LumaSlot Begin(std::uint32_t width, std::uint32_t height) override {
    const std::size_t stride = (std::size_t{width} + 63) / 64 * 64;
    plane_.resize(stride * height);
    slot_ = {plane_.data(), width, height, stride};
    return slot_;
  }
  void Send(std::uint32_t, std::chrono::microseconds, media::FrameVariant) override {
    benchmark::DoNotOptimize(Touch({slot_.data, slot_.width, slot_.height, slot_.stride}));
    ++frames;
  }
  void Progress(std::chrono::microseconds) override {}
  void Incomplete(media::IncompleteCode, std::string_view) override {}
  int frames = 0;

 private:
  std::vector<std::uint8_t> plane_;
  decoder::LumaSlot slot_;
};

void InProcess(benchmark::State& state) {
  const Picture& picture = JpegOf(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  const Config config;
  decoder::DecodeJob job;
  job.content = picture.bytes;
  job.format = media::FileFormat::kJpeg;
  job.limits = {config.max_frame_pixels, config.max_dimension, config.max_total_pixels, config.max_packets,
                1};
  ProcessorTime time(state);
  for (auto _ : state) {
    LocalSink sink;
    decoder::Decode(job, sink);
    if (sink.frames != 1) state.SkipWithError("not decoded");
  }
  time.Done();
}

std::string DecoderProgram() {
  const char* folder = std::getenv("TAMIZ_BIN_DIR");
  return (folder != nullptr
              ? std::string(folder)
              : (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "../bin").string()) +
         "/tamiz-decoder";
}

Config PoolConfig() {
  Config config;
  config.program = DecoderProgram();
  if (const char* bytes = std::getenv("TAMIZ_BENCH_PREPARED_BYTES")) {
    config.prepared_bytes = std::strtoull(bytes, nullptr, 10);
  }
  return config;
}

std::unique_ptr<DecoderPool> Start(const Config& config) {
  auto pool = DecoderPool::Start(config);
  if (!pool.ok()) {
    std::fprintf(stderr, "%s\n", Message(pool.status()).c_str());
    std::exit(1);
  }
  return *std::move(pool);
}

void SamplePicture(benchmark::State& state, DecoderPool& pool) {
  const Picture& picture = JpegOf(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  media::SampleRequest request;
  request.content_fd = picture.fd.get();
  request.size_bytes = picture.bytes.size();
  request.format = media::FileFormat::kJpeg;
  for (auto _ : state) {
    const auto outcome = pool.Sample(request, {}, [](std::unique_ptr<media::Frame> frame) {
      benchmark::DoNotOptimize(Touch(frame->luma()));
      return true;
    });
    if (!outcome.ok() || outcome->frames_delivered != 1 || !outcome->reasons.empty()) {
      state.SkipWithError("not decoded");
    }
  }
}

void Spare(benchmark::State& state) {
  const auto pool = Start(PoolConfig());
  ProcessorTime time(state);
  SamplePicture(state, *pool);
  time.Done();
}

// As a platform's uploads come, with a moment between them in which the next spare is made.
void SpareUnhurried(benchmark::State& state) {
  const auto pool = Start(PoolConfig());
  ProcessorTime time(state);
  const Picture& picture = JpegOf(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  media::SampleRequest request;
  request.content_fd = picture.fd.get();
  request.size_bytes = picture.bytes.size();
  request.format = media::FileFormat::kJpeg;
  for (auto _ : state) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    const auto start = std::chrono::steady_clock::now();
    const auto outcome = pool->Sample(request, {}, [](std::unique_ptr<media::Frame> frame) {
      benchmark::DoNotOptimize(Touch(frame->luma()));
      return true;
    });
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    if (!outcome.ok() || outcome->frames_delivered != 1) state.SkipWithError("not decoded");
  }
  time.Done();
}

void OnDemand(benchmark::State& state) {
  Config config = PoolConfig();
  config.spare_decoders = 0;
  const auto pool = Start(config);
  ProcessorTime time(state);
  SamplePicture(state, *pool);
  time.Done();
}

double PssMegabytes(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/smaps_rollup");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("Pss:", 0) == 0) return std::strtod(line.c_str() + 4, nullptr) / 1024;
  }
  return 0;
}

// Proportional share of memory, MB, of the zygote and its spares while nothing happens. Needs root: the
// processes are not dumpable.
void IdleMemory(benchmark::State& state) {
  for (auto _ : state) {
    const auto pool = Start(PoolConfig());
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    double sum = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream children(task.path() / "children");
      for (std::string pid; children >> pid;) sum += PssMegabytes(pid);
    }
    state.counters["PSS_MB"] = sum;
  }
}

void Sizes(benchmark::internal::Benchmark* bench) {
  bench->Args({160, 120})
      ->Args({1152, 864})
      ->Args({4000, 3000})
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

BENCHMARK(BareFfmpeg)->Apply(Sizes);
BENCHMARK(InProcess)->Apply(Sizes);
BENCHMARK(Spare)->Apply(Sizes);
BENCHMARK(SpareUnhurried)
    ->Args({160, 120})
    ->Args({1152, 864})
    ->Args({4000, 3000})
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->Iterations(40);
BENCHMARK(OnDemand)->Apply(Sizes);
BENCHMARK(IdleMemory)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tamiz::sandbox

BENCHMARK_MAIN();
