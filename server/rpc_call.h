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
  void Cancel() {
    connection_.Cancelled();
    stop_.request_stop();
  }
  // A message came whole.
  void Heard() { connection_.Heard(); }
  // Counts the call. Returns `given` for Finish, or what entry() refused.
  [[nodiscard]] grpc::Status End(const Status& given);

 private:
  const std::string_view method_;
  metrics::Metrics& metrics_;
  ConnectionWatch::Call connection_;
  Pass pass_;
  CallCount::Place place_;
  Status entry_;
  const SteadyTime started_;
  std::stop_source stop_;
  CallContext context_;
};

// Counts `status` if it is a refusal for want of capacity.
void CountRefusal(const Status& status, metrics::Metrics& metrics);

// A unary call. EarlyService begins it, reads its message and then calls the service's method, which finds
// the call by its context and sees to it that End is called, now or later.
class UnaryCall {
 public:
  virtual ~UnaryCall() = default;

  // While a service's method is called on this thread.
  class HandOver {
   public:
    HandOver(const grpc::CallbackServerContext& context, UnaryCall& call);
    ~HandOver();
    HandOver(const HandOver&) = delete;
    HandOver& operator=(const HandOver&) = delete;
  };
  // REQUIRES: a HandOver of this context on this thread.
  [[nodiscard]] static UnaryCall& Of(const grpc::CallbackServerContext& context);

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

// What a service's method returns: `begin` (void(UnaryCall&)) is called with the call of `context`. There is
// no reactor but the call itself, so it is null.
template <typename Begin>
grpc::ServerUnaryReactor* StartUnary(const grpc::CallbackServerContext* context, Begin&& begin) {
  begin(UnaryCall::Of(*context));
  return nullptr;
}

// A call that is all work, put somewhere by `submit`.
template <typename Submit, typename Work>
grpc::ServerUnaryReactor* RunUnary(const grpc::CallbackServerContext* context, Submit&& submit, Work work) {
  return StartUnary(context, [&](UnaryCall& call) { call.Run(submit, std::move(work)); });
}

// A call that `answer` (Status()) answers at once.
template <typename Answer>
grpc::ServerUnaryReactor* AnswerUnary(const grpc::CallbackServerContext* context, Answer&& answer) {
  return StartUnary(context, [&](UnaryCall& call) { call.End(answer()); });
}

}  // namespace tamiz::server
