#include "bench/overload/arrivals.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

namespace tamiz::bench {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

Answer AnswerOf(const grpc::Status& status) {
  if (status.ok()) return Answer::kScanned;
  if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) return Answer::kRefused;
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) return Answer::kLate;
  return Answer::kFailed;
}

}  // namespace

struct Client::Call {
  grpc::ClientContext context;
  v1::ScanRequest request;
  v1::ScanResponse response;
};

Client::Client(const std::string& address, int connections, std::vector<std::string> pictures)
    : pictures_(std::move(pictures)) {
  for (int i = 0; i < connections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    stubs_.push_back(v1::ScanService::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments)));
  }
}

void Client::Begin(v1::Lane lane, std::chrono::milliseconds deadline, std::function<void(Answer)> done) {
  auto* call = new Call;
  call->context.set_deadline(std::chrono::system_clock::now() + deadline);
  const std::size_t turn = turn_++;
  call->request.set_content(pictures_[turn % pictures_.size()]);
  call->request.set_lane(lane);
  if (lane == v1::LANE_BULK) call->context.AddMetadata("tamiz-lane", "bulk");
  stubs_[turn % stubs_.size()]->async()->Scan(&call->context, &call->request, &call->response,
                                              [call, done = std::move(done)](const grpc::Status& status) {
                                                delete call;
                                                done(AnswerOf(status));
                                              });
}

double Client::Capacity(int concurrency, std::chrono::milliseconds time) {
  std::atomic<int> scanned{0};
  const auto until = Clock::now() + time;
  std::vector<std::jthread> callers;
  for (int i = 0; i < concurrency; ++i) {
    callers.emplace_back([&, i] {
      for (std::size_t turn = static_cast<std::size_t>(i); Clock::now() < until; ++turn) {
        Call call;
        call.request.set_content(pictures_[turn % pictures_.size()]);
        if (stubs_[turn % stubs_.size()]->Scan(&call.context, call.request, &call.response).ok()) ++scanned;
      }
    });
  }
  callers.clear();
  return scanned / Seconds(time);
}

std::vector<Sample> Client::Run(const Load& load, const std::function<void()>& each) {
  std::mutex mutex;
  std::condition_variable all_answered;
  std::vector<Sample> samples;
  std::size_t open = 0;
  std::mt19937_64 random(1);
  const double rate = load.live_per_second + load.bulk_per_second;
  std::exponential_distribution<double> gap(rate);
  std::bernoulli_distribution is_bulk(load.bulk_per_second / rate);

  const auto began = Clock::now();
  auto next_look = began;
  for (double at = gap(random); at < Seconds(load.time); at += gap(random)) {
    const auto due = began + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(at));
    while (next_look < due) {
      std::this_thread::sleep_until(next_look);
      each();
      next_look += std::chrono::milliseconds(100);
    }
    std::this_thread::sleep_until(due);
    const v1::Lane lane = is_bulk(random) ? v1::LANE_BULK : v1::LANE_LIVE;
    {
      const std::lock_guard lock(mutex);
      ++open;
    }
    Begin(lane, load.deadline, [&, at, due, lane](Answer answer) {
      const double took = Seconds(Clock::now() - due) * 1000;
      const std::lock_guard lock(mutex);
      samples.push_back({at, took, answer, lane});
      if (--open == 0) all_answered.notify_all();
    });
  }
  std::unique_lock lock(mutex);
  all_answered.wait(lock, [&] { return open == 0; });
  return samples;
}

}  // namespace tamiz::bench
