// What becomes of a server that is asked for more than it can do: goodput, refusals, memory, lanes, recovery.
//
//   overload_bench TAMIZD [--seconds N] [--out DIR]
//
// Starts TAMIZD on loopback, measures its capacity with callers that wait for their answers (a closed loop),
// then offers half to ten times of it with callers that do not wait (an open loop, Poisson arrivals), looks
// how long it takes to be back to normal, and last offers ten times the capacity as bulk beside a light live
// load. Client and server share the machine's cores, so that the client's own work is part of the load.
// Writes overload.md, overload.csv and overload.svg.
#include <fmt/format.h>

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
      : server_(server.processor_seconds()), client_(ClientSeconds()) {}
  void Since(const ServerProcess& server, Step& step) const {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    step.server_cores = (server.processor_seconds() - server_) / seconds;
    step.client_cores = (ClientSeconds() - client_) / seconds;
  }

 private:
  static double ClientSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

  const double server_, client_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};
constexpr double kMultiples[] = {0.5, 0.8, 1, 1.5, 2, 3, 5, 7, 10};

int Run(int argc, char** argv) {
  int seconds = 5;
  std::string out = ".";
  if (argc < 2) {
    std::fprintf(stderr, "usage: overload_bench TAMIZD [--seconds N] [--out DIR]\n");
    return 1;
  }
  for (int i = 2; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--out") == 0) out = argv[i + 1];
  }
  // Thumbnails, 12 to 58 KB.
  std::vector<std::string> pictures;
  for (std::uint32_t i = 0; i < 16; ++i) {
    constexpr std::pair<std::uint32_t, std::uint32_t> kSizes[] = {
        {64, 64}, {128, 96}, {160, 120}, {256, 192}};
    const auto [width, height] = kSizes[i % 4];
    pictures.push_back(BlocksBmp(width, height, i + 1));
  }
  ServerProcess server(argv[1], {"TAMIZ__SELF_TEST__INTERVAL=0s"});
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
