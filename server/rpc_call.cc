#include "server/rpc_call.h"

#include <algorithm>
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
                 metrics::Metrics& metrics)
    : method_(method), metrics_(metrics), started_(std::chrono::steady_clock::now()) {
  context_.deadline = DeadlineOf(server_context, started_);
  context_.stop = stop_.get_token();
  context_.trace_parent = TraceParentOf(server_context);
}

void CountRefusal(const Status& status, metrics::Metrics& metrics) {
  const std::string reason = Reason(status);
  // The reasons are constants of ours, so the label stays bounded.
  if (status.code() == StatusCode::kResourceExhausted || reason == "DRAINING") {
    metrics.Refused(reason.empty() ? "OTHER" : reason);
  }
}

grpc::Status RpcCall::End(const Status& status) {
  CountRefusal(status, metrics_);
  metrics_.Rpc(
      method_, absl::StatusCodeToString(status.code()),
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_));
  return ToGrpc(status);
}

}  // namespace tamiz::server
