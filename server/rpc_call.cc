#include "server/rpc_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace tamiz::server {
namespace {

// The caller's deadline on the steady clock, which does not jump.
SteadyTime DeadlineOf(const grpc::CallbackServerContext& context, SteadyTime now) {
  const auto left = context.deadline() - std::chrono::system_clock::now();
  // gRPC says "never" as the far future; adding that to another clock would overflow.
  if (left > std::chrono::hours(24 * 365)) return SteadyTime::max();
  return now + std::chrono::duration_cast<SteadyTime::duration>(left);
}

// `traceparent` as W3C Trace Context defines it (version-traceid-parentid-flags, lower-case hexadecimal);
// anything else is the caller's text and has no place in logs.
std::string TraceParentOf(const grpc::CallbackServerContext& context) {
  const auto found = context.client_metadata().find("traceparent");
  if (found == context.client_metadata().end()) return {};
  const std::string text(found->second.data(), found->second.size());
  if (text.size() != 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return {};
  const bool hex = std::ranges::all_of(
      text, [](char c) { return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return hex ? text : std::string();
}

}  // namespace

RpcCall::RpcCall(const grpc::CallbackServerContext& server_context, std::string_view method,
                 const ServiceParts& parts)
    : method_(method),
      metrics_(parts.metrics),
      connection_(parts.connections, server_context.peer()),
      pass_(parts.access.Enter(CredentialsOf(server_context), method)),
      started_(std::chrono::steady_clock::now()) {
  entry_ = pass_.status();
  // Operators must be able to look even when all places are taken.
  if (entry_.ok() && !method.starts_with("AdminService/")) entry_ = parts.calls.Take(place_);
  context_.deadline = std::min(DeadlineOf(server_context, started_), started_ + parts.max_call_time);
  context_.stop = stop_.get_token();
  context_.trace_parent = TraceParentOf(server_context);
  if (!entry().ok()) stop_.request_stop();
}

namespace {

struct HandedOver {
  const grpc::CallbackServerContext* context = nullptr;
  UnaryCall* call = nullptr;
};
thread_local HandedOver handed_over;

}  // namespace

UnaryCall::HandOver::HandOver(const grpc::CallbackServerContext& context, UnaryCall& call) {
  handed_over = {&context, &call};
}

UnaryCall::HandOver::~HandOver() { handed_over = {}; }

UnaryCall& UnaryCall::Of(const grpc::CallbackServerContext& context) {
  if (handed_over.context != &context) std::abort();  // a method was called by somebody else
  return *handed_over.call;
}

Status CallCount::Take(Place& place) {
  if (now_.fetch_add(1) >= most_) {
    --now_;
    return WithRetryDelay(
        MakeError(StatusCode::kResourceExhausted,
                  fmt::format("{} calls are running, as many as server.max_calls_in_flight allows", most_),
                  "CALLS_IN_FLIGHT"),
        std::chrono::seconds(1));
  }
  place.count_ = this;
  return OkStatus();
}

void CountRefusal(const Status& status, metrics::Metrics& metrics) {
  const std::string reason = Reason(status);
  // The reasons are constants of ours, so the label stays bounded.
  if (status.code() == StatusCode::kResourceExhausted || reason == "DRAINING") {
    metrics.Refused(reason.empty() ? "OTHER" : reason);
  }
}

grpc::Status RpcCall::End(const Status& given) {
  const Status& status = entry().ok() ? given : entry();
  CountRefusal(status, metrics_);
  metrics_.Rpc(
      method_, absl::StatusCodeToString(status.code()),
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_));
  return ToGrpc(status);
}

}  // namespace tamiz::server
