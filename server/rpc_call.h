// What every call has: a context, a clock, one end.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <string_view>
#include <utility>

#include "core/base/call_context.h"
#include "core/metrics/metrics.h"
#include "core/work/task.h"
#include "server/status_mapping.h"

namespace tamiz::server {

// Deadline, cancellation and trace of one call, and what is counted when it ends.
class RpcCall {
 public:
  // `method` is a constant, for example "ScanService/Scan"; `metrics` outlives the call.
  RpcCall(const grpc::CallbackServerContext& server_context, std::string_view method,
          metrics::Metrics& metrics);

  [[nodiscard]] const CallContext& context() const { return context_; }
  [[nodiscard]] SteadyTime started() const { return started_; }
  // The client went away or its deadline passed: what works for this call stops.
  void Cancel() { stop_.request_stop(); }
  // Counts the call. Returns `status` for Finish.
  [[nodiscard]] grpc::Status End(const Status& status);

 private:
  const std::string_view method_;
  metrics::Metrics& metrics_;
  const SteadyTime started_;
  std::stop_source stop_;
  CallContext context_;
};

// Counts `status` if it is a refusal for want of capacity.
void CountRefusal(const Status& status, metrics::Metrics& metrics);

// A unary call whose work runs on another thread. Lives until OnDone.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(const grpc::CallbackServerContext& server_context, std::string_view method,
            metrics::Metrics& metrics)
      : call_(server_context, method, metrics) {}

  [[nodiscard]] RpcCall& call() { return call_; }
  // Once, last: nothing may be touched after it.
  void End(const Status& status) { Finish(call_.End(status)); }

 private:
  void OnCancel() override { call_.Cancel(); }
  void OnDone() override { delete this; }

  RpcCall call_;
};

// Runs `work` (Status(const RpcCall&)) where `submit` (Status(work::Task)) puts it and ends the call with
// its outcome, or with the refusal. `work` is not begun if nobody waits for the answer any more.
template <typename Submit, typename Work>
grpc::ServerUnaryReactor* RunUnary(grpc::CallbackServerContext* context, std::string_view method,
                                   metrics::Metrics& metrics, Submit&& submit, Work work) {
  auto* call = new UnaryCall(*context, method, metrics);
  const Status refused = submit([call, work = std::move(work)]() mutable {
    const Status wanted = call->call().context().StillWanted(std::chrono::steady_clock::now());
    call->End(wanted.ok() ? work(call->call()) : wanted);
  });
  if (!refused.ok()) call->End(refused);
  return call;
}

// Ends a call at once.
inline grpc::ServerUnaryReactor* EndUnary(grpc::CallbackServerContext* context, std::string_view method,
                                          metrics::Metrics& metrics, const Status& status) {
  auto* call = new UnaryCall(*context, method, metrics);
  call->End(status);
  return call;
}

}  // namespace tamiz::server
