// Requests that come when they come, whether or not the ones before were answered (an open loop).
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tamiz/v1/scan_service.grpc.pb.h"

namespace tamiz::bench {

enum class Answer { kScanned, kRefused, kLate, kFailed };  // kLate: the client's deadline passed

struct Sample {
  double at = 0;       // seconds from the begin of the phase to the request's time
  double took_ms = 0;  // from that time to the answer
  Answer answer = Answer::kFailed;
  v1::Lane lane = v1::LANE_LIVE;
};

struct Load {
  double live_per_second = 0;
  double bulk_per_second = 0;
  std::chrono::milliseconds time{5000};
  std::chrono::milliseconds deadline{5000};  // of one request
};

class Client {
 public:
  // `pictures` are sent in turn, over `connections` connections.
  Client(const std::string& address, int connections, std::vector<std::string> pictures);

  // `concurrency` callers, each with one request at a time: scans answered per second.
  [[nodiscard]] double Capacity(int concurrency, std::chrono::milliseconds time);

  // Poisson arrivals. Returns when all are answered; `each` is called about ten times a second meanwhile.
  [[nodiscard]] std::vector<Sample> Run(const Load& load, const std::function<void()>& each);

 private:
  struct Call;
  void Begin(v1::Lane lane, std::chrono::milliseconds deadline, std::function<void(Answer)> done);

  std::vector<std::unique_ptr<v1::ScanService::Stub>> stubs_;
  std::vector<std::string> pictures_;
  std::size_t turn_ = 0;
};

}  // namespace tamiz::bench
