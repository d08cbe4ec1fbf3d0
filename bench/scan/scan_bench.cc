// What a picture costs end to end: RPC, confined decoder, digests, eight orientations, look-up in 100 000
// entries, against decoding the same JPEG with FFmpeg in this process, full size, one thread, in the same
// run.
//
//   scan_bench PATH-OF-TAMIZ-DECODER [rounds]
//
// Pictures are made with the ffmpeg program: a Mandelbrot set with noise, which compresses about as a
// photograph does.
extern "C" {
#include <libavcodec/avcodec.h>
}

#include <atomic>
#include <fstream>
#include <sstream>

#include "bench/server_harness.h"
#include "tamiz/v1/scan_service.grpc.pb.h"

namespace tamiz::bench {
namespace {

struct Picture {
  const char* name;
  int width, height;
  double largest_ratio;  // what the project wants
};

std::string MakeJpeg(const Picture& picture, const std::filesystem::path& dir) {
  const std::string path = dir / (std::string(picture.name) + ".jpg");
  const std::string size = std::to_string(picture.width) + "x" + std::to_string(picture.height);
  const std::string command =
      "ffmpeg -v error -y -f lavfi -i mandelbrot=size=" + size +
      ":start_scale=0.4 -frames:v 1 -vf noise=alls=12:all_seed=1,format=yuvj420p -q:v 4 " + path;
  if (std::system(command.c_str()) != 0) Fail("cannot make pictures: is the program ffmpeg there?");
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// Decodes with FFmpeg as a program without a sandbox would: open, one packet, one frame.
void DecodeInProcess(std::string& jpeg) {
  const AVCodec* codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
  AVCodecContext* context = avcodec_alloc_context3(codec);
  context->thread_count = 1;
  AVPacket* packet = av_packet_alloc();
  AVFrame* frame = av_frame_alloc();
  packet->data = reinterpret_cast<std::uint8_t*>(jpeg.data());
  packet->size = static_cast<int>(jpeg.size() - AV_INPUT_BUFFER_PADDING_SIZE);
  if (avcodec_open2(context, codec, nullptr) != 0 || avcodec_send_packet(context, packet) != 0 ||
      avcodec_receive_frame(context, frame) != 0) {
    Fail("FFmpeg cannot decode the picture");
  }
  av_frame_free(&frame);
  av_packet_free(&packet);
  avcodec_free_context(&context);
}

int Run(int argc, char** argv) {
  if (argc < 2) Fail("usage: scan_bench PATH-OF-TAMIZ-DECODER [rounds]");
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 60;
  const BenchServer server(argv[1], 100'000);
  const auto stub = v1::ScanService::NewStub(server.channel());
  const auto dir = std::filesystem::temp_directory_path() / ("tamiz-bench-media-" + NewUuid());
  std::filesystem::create_directories(dir);
  const unsigned cores = std::thread::hardware_concurrency();
  std::printf("%-6s %10s %12s %12s %12s %7s %7s %14s\n", "", "bytes", "ffmpeg p50", "scan p50", "scan p90",
              "ratio", "wanted", "per s and core");
  for (const Picture& picture : {Picture{"1MP", 1152, 864, 1.6}, Picture{"12MP", 4000, 3000, 1.3}}) {
    const std::string jpeg = MakeJpeg(picture, dir);
    std::string padded = jpeg + std::string(AV_INPUT_BUFFER_PADDING_SIZE, '\0');
    v1::ScanRequest request;
    request.set_content(jpeg);
    const auto scan = [&] {
      grpc::ClientContext context;
      v1::ScanResponse response;
      const auto status = stub->Scan(&context, request, &response);
      if (!status.ok()) Fail(status.error_message());
      if (response.result().verdict() != v1::VERDICT_NO_KNOWN_MATCH) Fail("unexpected verdict");
      return response;
    };
    for (int i = 0; i < 5; ++i) {
      DecodeInProcess(padded);
      scan();
    }
    std::vector<double> baseline, ours, decode, hash, match, transport, rest;
    for (int i = 0; i < rounds; ++i) {
      auto start = BenchClock::now();
      DecodeInProcess(padded);
      baseline.push_back(MicrosSince(start));
      start = BenchClock::now();
      const v1::ScanResponse response = scan();
      ours.push_back(MicrosSince(start));
      const auto micros = [](const google::protobuf::Duration& d) {
        return static_cast<double>(d.seconds()) * 1e6 + d.nanos() / 1e3;
      };
      const v1::Timings& timings = response.result().timings();
      decode.push_back(micros(timings.decode()));
      hash.push_back(micros(timings.hash()));
      match.push_back(micros(timings.match()));
      transport.push_back(ours.back() - micros(timings.total()));
      rest.push_back(micros(timings.total()) - decode.back() - match.back());
    }
    // Throughput: as many callers as admission runs at one time.
    std::atomic<int> done{0};
    const auto until = BenchClock::now() + std::chrono::seconds(5);
    const auto start = BenchClock::now();
    {
      std::vector<std::jthread> callers;
      for (unsigned i = 0; i < 2 * cores; ++i) {
        callers.emplace_back([&] {
          while (BenchClock::now() < until) {
            scan();
            ++done;
          }
        });
      }
    }
    const double per_core = done / (MicrosSince(start) / 1e6) / cores;
    const double ratio = Quantile(ours, 0.5) / Quantile(baseline, 0.5);
    std::printf("%-6s %10zu %9.2f ms %9.2f ms %9.2f ms %6.2fx %6.1fx %14.1f\n", picture.name, jpeg.size(),
                Quantile(baseline, 0.5) / 1e3, Quantile(ours, 0.5) / 1e3, Quantile(ours, 0.9) / 1e3, ratio,
                picture.largest_ratio, per_core);
    std::printf(
        "       of it: transport %.2f ms, decode %.2f ms, match %.2f ms, all else %.2f ms (hashing takes "
        "%.2f ms)\n",
        Quantile(transport, 0.5) / 1e3, Quantile(decode, 0.5) / 1e3, Quantile(match, 0.5) / 1e3,
        Quantile(rest, 0.5) / 1e3, Quantile(hash, 0.5) / 1e3);
  }
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
  return 0;
}

}  // namespace
}  // namespace tamiz::bench

int main(int argc, char** argv) { return tamiz::bench::Run(argc, argv); }
