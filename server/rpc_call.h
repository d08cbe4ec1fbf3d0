// What every call has: leave to be made, a context, a clock, one end.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <string_view>
#include <utility>

#include "core/base/call_context.h"
#include "core/metrics/metrics.h"
#include "core/work/task.h"
#include "server/access.h"
#include "server/service_parts.h"
#include "server/status_mapping.h"

namespace tamiz::server {

// Who calls and whether they may, deadline, cancellation and trace of one call, and what is counted when it
// ends. Every method makes one, so this is the place where access is refused, for every kind of call.
class RpcCall {
 public:
  // `method` is a constant, for example "ScanService/Scan", with a row in server/authorization. `parts`
  // outlives the call.
  RpcCall(const grpc::CallbackServerContext& server_context, std::string_view method,
          const ServiceParts& parts);

  // OK if the caller may go on. If not, the call ends with it, whatever else it does: End returns it, and
  // context() says that nobody waits for work. A call begins nothing before it has looked here.
  [[nodiscard]] const Status& entry() const { return entry_; }
  // The caller and its quota.
  [[nodiscard]] Pass& pass() { return pass_; }
  [[nodiscard]] const CallContext& context() const { return context_; }
  [[nodiscard]] SteadyTime started() const { return started_; }
  // The client went away or its deadline passed: what works for this call stops.
  void Cancel() { stop_.request_stop(); }
  // Counts the call. Returns `given` for Finish, or what entry() refused.
  [[nodiscard]] grpc::Status End(const Status& given);

 private:
  const std::string_view method_;
  metrics::Metrics& metrics_;
  Pass pass_;
  CallCount::Place place_;
  Status entry_;
  const SteadyTime started_;
  std::stop_source stop_;
  CallContext context_;
};

// Counts `status` if it is a refusal for want of capacity.
void CountRefusal(const Status& status, metrics::Metrics& metrics);

// A unary call, however gRPC hands it over.
class UnaryCall {
 public:
  virtual ~UnaryCall() = default;
  [[nodiscard]] RpcCall& call() { return call_; }
  // Once, last: nothing may be touched after it.
  virtual void End(const Status& status) = 0;

  // Runs `work` (Status(RpcCall&)) where `submit` (Status(work::Task)) puts it and ends the call with its
  // outcome, or with the refusal. `work` is not begun if nobody waits for the answer any more.
  template <typename Submit, typename Work>
  void Run(Submit&& submit, Work work) {
    const Status refused = submit([this, work = std::move(work)]() mutable {
      const Status wanted = call_.context().StillWanted(std::chrono::steady_clock::now());
      End(wanted.ok() ? work(call_) : wanted);
    });
    if (!refused.ok()) End(refused);
  }

 protected:
  UnaryCall(const grpc::CallbackServerContext& server_context, std::string_view method,
            const ServiceParts& parts)
      : call_(server_context, method, parts) {}

 private:
  RpcCall call_;
};

// One whose message is there when it is handed over. Lives until OnDone.
class PlainUnaryCall final : public UnaryCall, public grpc::ServerUnaryReactor {
 public:
  // Begins a call: `begin` (void(UnaryCall&)) sees to it that End is called, now or later. It is not called
  // if the caller may not.
  template <typename Begin>
  static grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* context, std::string_view method,
                                         const ServiceParts& parts, Begin&& begin) {
    auto* made = new PlainUnaryCall(*context, method, parts);
    if (made->call().entry().ok()) {
      begin(static_cast<UnaryCall&>(*made));
    } else {
      made->End(made->call().entry());
    }
    return made;
  }

  void End(const Status& status) override { Finish(call().End(status)); }

 private:
  using UnaryCall::UnaryCall;
  void OnCancel() override { call().Cancel(); }
  void OnDone() override { delete this; }
};

// A call that is all work, put somewhere by `submit`.
template <typename Submit, typename Work>
grpc::ServerUnaryReactor* RunUnary(grpc::CallbackServerContext* context, std::string_view method,
                                   const ServiceParts& parts, Submit&& submit, Work work) {
  return PlainUnaryCall::Start(context, method, parts,
                               [&](UnaryCall& call) { call.Run(submit, std::move(work)); });
}

// A call that `answer` (Status()) answers at once.
template <typename Answer>
grpc::ServerUnaryReactor* AnswerUnary(grpc::CallbackServerContext* context, std::string_view method,
                                      const ServiceParts& parts, Answer&& answer) {
  return PlainUnaryCall::Start(context, method, parts, [&](UnaryCall& call) { call.End(answer()); });
}

}  // namespace tamiz::server
