#include "server/early_call.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "server/admin_service.h"
#include "server/authorization.h"
#include "server/exchange_service.h"
#include "server/export_call.h"
#include "server/hash_service.h"
#include "server/list_service.h"
#include "server/rpc_call.h"
#include "server/scan_service.h"
#include "server/scan_stream_call.h"

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
template <typename Service, typename Request, typename Response>
class EarlyCall final : public UnaryCall, public grpc::ServerGenericBidiReactor {
 public:
  using Run = grpc::ServerUnaryReactor* (Service::*)(grpc::CallbackServerContext*, const Request*, Response*);

  EarlyCall(grpc::GenericCallbackServerContext* context, const EarlyService::Entry& entry,
            const ServiceParts& parts, OnTheirWay& on_their_way, Service& service, Run run)
      : UnaryCall(*context, entry.method, parts),
        context_(context),
        entry_(entry),
        on_their_way_(on_their_way),
        service_(service),
        run_(run),
        watched_(parts.watch, [this](const Status& status) { EndUnread(status); }) {
    const SteadyTime now = call().started();
    Status status = call().entry();
    if (status.ok() && entry_.wants_slot) {
      status =
          parts.admission.WouldTake(LaneOf(*context), on_their_way_.Count(now), call().context().deadline);
    }
    if (!status.ok()) {
      End(status);
      return;
    }
    if (entry_.wants_slot) on_their_way_.Begin(now);
    watched_.Wait();
    StartRead(&message_);
  }

  void End(const Status& status) override {
    const grpc::Status outcome = call().End(status);
    if (!outcome.ok()) return Finish(outcome);
    if (const grpc::Status written = WriteMessage(response_, answer_); !written.ok()) return Finish(written);
    StartWriteAndFinish(&answer_, {}, grpc::Status::OK);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!watched_.Resume()) return;
    Arrived();
    if (context_->IsCancelled()) return End(MakeError(StatusCode::kCancelled, "the caller went away"));
    if (!ok) return End(InvalidArgument("no message came"));
    call().Heard();
    const Status read = ReadMessage(message_, entry_.limits, request_);
    message_.Clear();
    if (!read.ok()) return End(read);
    const HandOver handed_over(*context_, *this);
    (service_.*run_)(context_, &request_, &response_);  // this may be gone after it
  }
  void OnCancel() override { call().Cancel(); }
  void OnDone() override { delete this; }

  void Arrived() {
    if (entry_.wants_slot) on_their_way_.End(call().started(), std::chrono::steady_clock::now());
  }
  void EndUnread(const Status& status) {
    Arrived();
    End(status);
  }

  grpc::GenericCallbackServerContext* const context_;
  const EarlyService::Entry& entry_;
  OnTheirWay& on_their_way_;
  Service& service_;
  const Run run_;
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

template <typename Service, typename Request, typename Response>
void EarlyService::Add(Service& service, std::string_view method,
                       grpc::ServerUnaryReactor* (Service::*run)(grpc::CallbackServerContext*, const Request*,
                                                                 Response*),
                       const MessageLimits& limits, bool wants_slot) {
  handlers_[fmt::format("/tamiz.v1.{}", method)] =
      [this, &service, run, entry = Entry{method, limits, wants_slot}](
          grpc::GenericCallbackServerContext* context) -> grpc::ServerGenericBidiReactor* {
    return new EarlyCall<Service, Request, Response>(context, entry, parts_, on_their_way_, service, run);
  };
}

template <typename Call>
void EarlyService::AddStream(std::string_view method) {
  handlers_[fmt::format("/tamiz.v1.{}", method)] = [this](grpc::GenericCallbackServerContext* context) {
    return new Call(context, parts_);
  };
}

EarlyService::EarlyService(const Services& services, const ServiceParts& parts) : parts_(parts) {
  Add(services.scans, "ScanService/Scan", &ScanService::Scan, kPictureLimits, true);
  Add(services.scans, "ScanService/ListFormats", &ScanService::ListFormats);
  AddStream<ScanStreamCall>("ScanService/ScanStream");
  Add(services.hashes, "HashService/Hash", &HashService::Hash, kPictureLimits, true);
  Add(services.hashes, "HashService/Lookup", &HashService::Lookup);
  ListService& lists = services.lists;
  MessageLimits with_media;
  with_media.most_bytes = kPictureLimits.most_bytes;
  Add(lists, "ListService/AddEntries", &ListService::AddEntries, with_media);
  Add(lists, "ListService/ApproveChange", &ListService::ApproveChange);
  Add(lists, "ListService/CreateList", &ListService::CreateList);
  Add(lists, "ListService/DeleteList", &ListService::DeleteList);
  Add(lists, "ListService/DiffVersions", &ListService::DiffVersions);
  Add(lists, "ListService/DisableEntry", &ListService::DisableEntry);
  AddStream<ExportCall>("ListService/ExportEntries");
  Add(lists, "ListService/GetEntry", &ListService::GetEntry);
  Add(lists, "ListService/GetList", &ListService::GetList);
  Add(lists, "ListService/ListHolds", &ListService::ListHolds);
  Add(lists, "ListService/ListLists", &ListService::ListLists);
  Add(lists, "ListService/ListVersions", &ListService::ListVersions);
  Add(lists, "ListService/RemoveEntries", &ListService::RemoveEntries);
  Add(lists, "ListService/ResetBreaker", &ListService::ResetBreaker);
  Add(lists, "ListService/RollbackList", &ListService::RollbackList);
  Add(lists, "ListService/UpdateList", &ListService::UpdateList);
  Add(services.exchanges, "ExchangeService/AddExchange", &ExchangeService::AddExchange);
  Add(services.exchanges, "ExchangeService/ListExchanges", &ExchangeService::ListExchanges);
  Add(services.exchanges, "ExchangeService/ListFeedbackReasons", &ExchangeService::ListFeedbackReasons);
  Add(services.exchanges, "ExchangeService/RemoveExchange", &ExchangeService::RemoveExchange);
  Add(services.exchanges, "ExchangeService/SendFeedback", &ExchangeService::SendFeedback);
  Add(services.exchanges, "ExchangeService/SyncExchange", &ExchangeService::SyncExchange);
  Add(services.exchanges, "ExchangeService/TestExchange", &ExchangeService::TestExchange);
  Add(services.admin, "AdminService/GetStatus", &AdminService::GetStatus);
  Add(services.admin, "AdminService/ReloadConfig", &AdminService::ReloadConfig);
  Add(services.admin, "AdminService/SelfTest", &AdminService::SelfTest);
}

grpc::ServerGenericBidiReactor* EarlyService::CreateReactor(grpc::GenericCallbackServerContext* context) {
  const auto found = handlers_.find(context->method());
  return found != handlers_.end() ? found->second(context)
                                  : CallbackGenericService::CreateReactor(context);  // UNIMPLEMENTED
}

std::vector<std::string> EarlyService::Missing() const {
  std::vector<std::string> missing;
  for (const MethodRule& rule : MethodRules()) {
    const std::string path = fmt::format("/tamiz.v1.{}", rule.method);
    std::string name = path.substr(1);
    std::ranges::replace(name, '/', '.');
    const auto* const method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
    const bool has_one_message = method != nullptr && !method->client_streaming();
    if (has_one_message && !handlers_.contains(path)) missing.push_back(std::string(rule.method));
  }
  return missing;
}

}  // namespace tamiz::server
