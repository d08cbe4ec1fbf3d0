#include "server/hash_service.h"

#include "server/intake.h"
#include "server/proto_convert.h"
#include "server/rpc_call.h"

namespace tamiz::server {

grpc::ServerUnaryReactor* HashService::Hash(grpc::CallbackServerContext* context,
                                            const v1::HashRequest* request, v1::HashResponse* response) {
  return StartUnary(context, [&](UnaryCall& call) { BeginHash(*request, response, call); });
}

void HashService::BeginHash(const v1::HashRequest& request, v1::HashResponse* response, UnaryCall& call) {
  if (request.source_case() == v1::HashRequest::SOURCE_NOT_SET) {
    return call.End(WithField(InvalidArgument("the request has no source: set content or uri"), "source"));
  }
  StatusOr<scan::ScanInput> input = ToScanInput(request);
  if (!input.ok()) return call.End(input.status());
  if (const Status status = parts_.scanner.Validate(*input); !status.ok()) return call.End(status);
  source::ByteBudget::Share share;
  if (const Status status = parts_.budget.Take(share, request.content().size()); !status.ok()) {
    return call.End(status);
  }
  call.call().pass().AddBytes(request.content().size());
  const SteadyTime deadline = call.call().context().deadline;
  call.Run(
      [&](work::Task task) { return parts_.admission.Submit(work::Lane::kLive, std::move(task), deadline); },
      [this, &request, response, input = *std::move(input),
       share = std::move(share)](RpcCall& running) mutable -> Status {
        if (request.has_content()) {
          TAMIZ_RETURN_IF_ERROR(BringIn(request.content(), parts_.source, parts_.budget, input));
        }
        StatusOr<scan::ScanOutput> output =
            parts_.scanner.Hash(std::move(input), running.context(), running.started());
        if (!output.ok()) return output.status();
        ToProto(*output, request.all_orientations(), response);
        share = {};
        return OkStatus();
      });
}

grpc::ServerUnaryReactor* HashService::Lookup(grpc::CallbackServerContext* context,
                                              const v1::LookupRequest* request,
                                              v1::LookupResponse* response) {
  const auto look_up = [this, request, response]() -> Status {
    TAMIZ_ASSIGN_OR_RETURN(const match::Evidence evidence, ToEvidence(*request));
    StatusOr<match::Conclusion> conclusion =
        parts_.scanner.Lookup(evidence, {request->lists().begin(), request->lists().end()});
    if (!conclusion.ok()) return conclusion.status();
    ToProto(*conclusion, response);
    return OkStatus();
  };
  // A few hashes against lists of usual size take microseconds, less than a change of threads: they are
  // looked up right here. More would hold up the other calls of this gRPC thread.
  std::uint64_t comparisons = 0;
  const std::shared_ptr<const lists::Catalog> catalog = parts_.lists.Current();
  for (const auto& list : catalog->lists) comparisons += list->pdq_count();
  comparisons *= static_cast<std::uint64_t>(request->hashes_size());
  constexpr std::uint64_t kFewComparisons = 500'000;
  if (comparisons <= kFewComparisons && request->hashes_size() <= 64) {
    return AnswerUnary(context, look_up);
  }
  return RunUnary(
      context, [&](work::Task task) { return parts_.admission.Submit(work::Lane::kLive, std::move(task)); },
      [look_up](RpcCall&) { return look_up(); });
}

}  // namespace tamiz::server
