// What becomes of a server that is asked for more than it can do: goodput, refusals, memory, lanes, recovery.
//
//   overload_bench TAMIZD [--seconds N] [--out DIR] [--pictures thumbnails|photos] [--cores shared|split]
//
// Starts TAMIZD on loopback, measures its capacity with callers that wait for their answers (a closed loop),
// then offers half to ten times of it with callers that do not wait (an open loop, Poisson arrivals), looks
// how long it takes to be back to normal, and last offers ten times the capacity as bulk beside a light live
// load. Where client and server share the machine's cores the client's own work is taken from the server;
// "split" gives each half of them. Writes overload.md, overload.csv and overload.svg.
#include <fmt/format.h>

#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>

#include "bench/overload/arrivals.h"
#include "bench/overload/pictures.h"
#include "bench/overload/report.h"
#include "bench/overload/server_process.h"

namespace tamiz::bench {
namespace {

constexpr int kConnections = 8;

// Which part of the processor the two sides take.
class Processor {
 public:
  explicit Processor(const ServerProcess& server)
      : server_(server.processor_time()), client_(ClientSeconds()) {}
  void Since(const ServerProcess& server, Step& step) const {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    const ProcessorTime now = server.processor_time();
    step.server_cores = (now.server - server_.server) / seconds;
    step.decoder_cores = (now.decoders - server_.decoders) / seconds;
    step.client_cores = (ClientSeconds() - client_) / seconds;
  }

 private:
  static double ClientSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

  const ProcessorTime server_;
  const double client_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};
constexpr double kMultiples[] = {0.5, 0.8, 1, 1.5, 2, 3, 5, 7, 10};

// Thumbnails, 12 to 58 KB uncompressed: the least work a scan can be, so that refusals weigh most.
std::vector<std::string> Thumbnails() {
  constexpr std::pair<std::uint32_t, std::uint32_t> kSizes[] = {{64, 64}, {128, 96}, {160, 120}, {256, 192}};
  std::vector<std::string> pictures;
  for (std::uint32_t i = 0; i < 16; ++i) {
    pictures.push_back(BlocksBmp(kSizes[i % 4].first, kSizes[i % 4].second, i + 1));
  }
  return pictures;
}

// As they come from telephones, scaled down by the platform.
std::vector<std::string> Photos() {
  constexpr std::pair<std::uint32_t, std::uint32_t> kSizes[] = {
      {800, 600}, {1024, 768}, {1280, 960}, {1600, 1200}};
  std::vector<std::string> pictures;
  for (std::uint32_t i = 0; i < 8; ++i) {
    pictures.push_back(PhotoJpeg(kSizes[i % 4].first, kSizes[i % 4].second, i + 1));
  }
  return pictures;
}

// Keeps this program to the upper half of the cores; the lower half is for the server.
cpu_set_t SplitCores() {
  cpu_set_t all, lower, upper;
  CPU_ZERO(&all);
  CPU_ZERO(&lower);
  CPU_ZERO(&upper);
  ::sched_getaffinity(0, sizeof all, &all);
  const int half = CPU_COUNT(&all) / 2;
  for (int core = 0, seen = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &all)) continue;
    CPU_SET(core, seen++ < half ? &lower : &upper);
  }
  ::sched_setaffinity(0, sizeof upper, &upper);
  return lower;
}

int Run(int argc, char** argv) {
  int seconds = 5;
  std::string out = ".";
  bool photos = false;
  bool split = false;
  if (argc < 2) {
    std::fprintf(stderr,
                 "usage: overload_bench TAMIZD [--seconds N] [--out DIR] [--pictures thumbnails|photos] "
                 "[--cores shared|split]\n");
    return 1;
  }
  for (int i = 2; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--out") == 0) out = argv[i + 1];
    if (std::strcmp(argv[i], "--pictures") == 0) photos = std::strcmp(argv[i + 1], "photos") == 0;
    if (std::strcmp(argv[i], "--cores") == 0) split = std::strcmp(argv[i + 1], "split") == 0;
  }
  const std::vector<std::string> pictures = photos ? Photos() : Thumbnails();
  const cpu_set_t servers_half = split ? SplitCores() : cpu_set_t{};
  ServerProcess server(argv[1], {"TAMIZ__SELF_TEST__INTERVAL=0s"}, split ? &servers_half : nullptr);
  Client client(server.address(), kConnections, pictures);
  std::uint64_t resident = 0;
  const auto look = [&] { resident = std::max(resident, server.resident_bytes()); };

  (void)client.Capacity(8, std::chrono::seconds(1));  // warm
  const double capacity = client.Capacity(8, std::chrono::seconds(seconds));
  const std::uint64_t at_rest = server.resident_bytes();
  fmt::print("capacity {:.0f} scans/s; server {} MiB, {} open files\n\n", capacity, at_rest >> 20,
             server.open_files());

  Load load;
  load.time = std::chrono::seconds(seconds);
  std::vector<Step> steps;
  for (const double multiple : kMultiples) {
    load.live_per_second = multiple * capacity;
    resident = 0;
    const Processor before(server);
    const std::vector<Sample> samples = client.Run(load, look);
    steps.push_back(Summarise(samples, load, capacity, resident));
    before.Since(server, steps.back());
    std::fputs(Markdown({steps.back()}).c_str(), stdout);
  }
  // At once after the greatest load.
  load.live_per_second = 0.5 * capacity;
  const std::vector<Recovery> recovery = RecoveryOf(client.Run(load, look), 0.25);

  load.live_per_second = 0.3 * capacity;
  load.bulk_per_second = 10 * capacity;
  resident = 0;
  const std::vector<Sample> mixed = client.Run(load, look);
  const Step live = Summarise(mixed, load, capacity, resident, v1::LANE_LIVE);
  const Step bulk = Summarise(mixed, load, capacity, resident, v1::LANE_BULK);

  double peak = 0;
  for (const Step& step : steps) peak = std::max(peak, step.goodput);
  std::string text =
      fmt::format("Capacity {:.0f} scans/s; server at rest {} MiB.\n\n", capacity, at_rest >> 20);
  text += Markdown(steps);
  text += fmt::format("\nGoodput at ten times the capacity: {:.0f} % of its peak.\n",
                      100 * steps.back().goodput / peak);
  // What a scan takes is seen where nothing is refused; the rest of the server's time went into refusals.
  // Decoders take no part in those.
  const Step& calm = steps.front();
  const Step& worst = steps.back();
  const double of_scans = worst.goodput * calm.server_cores / calm.goodput;
  text += fmt::format(
      "Processor time of a scan: {:.2f} ms in the server and {:.2f} ms in its decoder; of a refusal: {:.0f} "
      "us; of a "
      "request in the client: {:.0f} us.\n",
      1000 * calm.server_cores / calm.goodput, 1000 * calm.decoder_cores / calm.goodput,
      1e6 * std::max(0.0, worst.server_cores - of_scans) / std::max(1.0, worst.refused),
      1e6 * worst.client_cores / worst.offered);
  text += "\nMedian time to a scan's answer after the overload, by quarters of a second:";
  for (std::size_t i = 0; i < recovery.size() && i < 8; ++i)
    text += fmt::format(" {:.0f}", recovery[i].p50_ms);
  text += fmt::format(" ms (at half the capacity before: {:.0f} ms).\n", steps.front().scanned_p50_ms);
  text += "\nA light live load (first row) beside ten times the capacity of bulk (second row):\n\n" +
          Markdown({live, bulk});
  text += fmt::format("\nOpen files afterwards: {}.\n", server.open_files());
  std::fputs(("\n" + text).c_str(), stdout);
  std::ofstream(out + "/overload.md") << text;
  std::ofstream(out + "/overload.csv") << Csv(steps);
  std::ofstream(out + "/overload.svg") << Svg(steps, recovery);
  return 0;
}

}  // namespace
}  // namespace tamiz::bench

int main(int argc, char** argv) { return tamiz::bench::Run(argc, argv); }
