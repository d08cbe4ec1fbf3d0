#include "server/early_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <functional>

namespace tamiz::server {
namespace {

// The lane is in the message, which has not come. Callers of the bulk lane say so in the metadata too; who
// says nothing is taken for live.
work::Lane LaneOf(const grpc::ServerContextBase& context) {
  const auto found = context.client_metadata().find("tamiz-lane");
  const bool is_bulk = found != context.client_metadata().end() &&
                       std::string_view(found->second.data(), found->second.size()) == "bulk";
  return is_bulk ? work::Lane::kBulk : work::Lane::kLive;
}

// Reads one message, has it worked on, writes one answer. Lives until OnDone.
template <typename Request, typename Response>
class EarlyCall final : public UnaryCall, public grpc::ServerGenericBidiReactor {
 public:
  using Work = std::function<void(const Request&, Response*, UnaryCall&)>;

  EarlyCall(grpc::GenericCallbackServerContext* context, std::string_view method, const ServiceParts& parts,
            OnTheirWay& on_their_way, Work work)
      : UnaryCall(*context, method, parts),
        context_(context),
        on_their_way_(on_their_way),
        work_(std::move(work)),
        watched_(parts.watch, [this](const Status& status) { EndUnread(status); }) {
    const SteadyTime now = call().started();
    Status status = call().entry();
    if (status.ok()) {
      status =
          parts.admission.WouldTake(LaneOf(*context), on_their_way_.Count(now), call().context().deadline);
    }
    if (!status.ok()) {
      End(status);
      return;
    }
    on_their_way_.Begin(now);
    watched_.Wait();
    StartRead(&message_);
  }

  void End(const Status& status) override {
    const grpc::Status outcome = call().End(status);
    if (!outcome.ok()) return Finish(outcome);
    bool own_buffer = false;
    const grpc::Status serialised =
        grpc::SerializationTraits<Response>::Serialize(response_, &answer_, &own_buffer);
    if (!serialised.ok()) return Finish(serialised);
    StartWriteAndFinish(&answer_, {}, grpc::Status::OK);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!watched_.Resume()) return;
    Arrived();
    if (context_->IsCancelled()) return End(MakeError(StatusCode::kCancelled, "the caller went away"));
    if (!ok) return End(InvalidArgument("no message came"));
    const grpc::Status parsed = grpc::SerializationTraits<Request>::Deserialize(&message_, &request_);
    message_.Clear();
    if (!parsed.ok()) return End(InvalidArgument("the message cannot be read; is it of the right type?"));
    work_(request_, &response_, *this);
  }
  void OnCancel() override { call().Cancel(); }
  void OnDone() override { delete this; }

  void Arrived() { on_their_way_.End(call().started(), std::chrono::steady_clock::now()); }
  void EndUnread(const Status& status) {
    Arrived();
    End(status);
  }

  grpc::GenericCallbackServerContext* const context_;
  OnTheirWay& on_their_way_;
  const Work work_;
  grpc::ByteBuffer message_, answer_;
  Request request_;
  Response response_;
  StreamWatch::Stream watched_;
};

}  // namespace

std::size_t OnTheirWay::Count(SteadyTime now) {
  MutexLock lock(mutex_);
  Forget(now);
  return begun_.size();
}

void OnTheirWay::Begin(SteadyTime now) {
  MutexLock lock(mutex_);
  begun_.push_back(now);
}

void OnTheirWay::End(SteadyTime begun, SteadyTime now) {
  MutexLock lock(mutex_);
  Forget(now);
  const auto at = std::ranges::find(begun_, begun);
  if (at != begun_.end()) begun_.erase(at);
}

void OnTheirWay::Forget(SteadyTime now) {
  while (!begun_.empty() && now - begun_.front() > kCounts) begun_.pop_front();
}

grpc::ServerGenericBidiReactor* EarlyService::CreateReactor(grpc::GenericCallbackServerContext* context) {
  if (context->method() == "/tamiz.v1.ScanService/Scan") {
    return new EarlyCall<v1::ScanRequest, v1::ScanResponse>(
        context, "ScanService/Scan", parts_, on_their_way_,
        [this](const v1::ScanRequest& request, v1::ScanResponse* response, UnaryCall& call) {
          scans_.BeginScan(request, response, call);
        });
  }
  if (context->method() == "/tamiz.v1.HashService/Hash") {
    return new EarlyCall<v1::HashRequest, v1::HashResponse>(
        context, "HashService/Hash", parts_, on_their_way_,
        [this](const v1::HashRequest& request, v1::HashResponse* response, UnaryCall& call) {
          hashes_.BeginHash(request, response, call);
        });
  }
  return CallbackGenericService::CreateReactor(context);  // UNIMPLEMENTED
}

}  // namespace tamiz::server
