#include "server/exchange_service.h"

#include <google/protobuf/util/time_util.h>

#include "core/base/log.h"
#include "server/proto_convert.h"
#include "server/rpc_call.h"

namespace tamiz::server {
namespace {

using google::protobuf::util::TimeUtil;

exchange::Settings ToSettings(const v1::ExchangeSettings& proto) {
  exchange::Settings settings;
  settings.name = proto.name();
  settings.list = proto.list();
  settings.type = proto.type();
  settings.environment = proto.environment();
  settings.base_url = proto.base_url();
  settings.user_file = proto.user_file();
  settings.password_file = proto.password_file();
  settings.function_key_file = proto.function_key_file();
  settings.subscription_file = proto.subscription_key_file();
  settings.feedback_key_file = proto.feedback_key_file();
  if (proto.has_interval()) {
    settings.interval = std::chrono::seconds(TimeUtil::DurationToSeconds(proto.interval()));
  }
  if (proto.has_max_change_share()) settings.max_change_share = proto.max_change_share();
  settings.large_fingerprints = proto.large_fingerprints();
  return settings;
}

void ToProto(const exchange::Settings& settings, v1::ExchangeSettings* proto) {
  proto->set_name(settings.name);
  proto->set_list(settings.list);
  proto->set_type(settings.type);
  proto->set_environment(settings.environment);
  proto->set_base_url(settings.base_url);
  proto->set_user_file(settings.user_file);
  proto->set_password_file(settings.password_file);
  proto->set_function_key_file(settings.function_key_file);
  proto->set_subscription_key_file(settings.subscription_file);
  proto->set_feedback_key_file(settings.feedback_key_file);
  *proto->mutable_interval() = TimeUtil::SecondsToDuration(settings.interval.count());
  if (settings.max_change_share >= 0) proto->set_max_change_share(settings.max_change_share);
  proto->set_large_fingerprints(settings.large_fingerprints);
}

v1::ExchangeOutcome ToProto(std::string_view outcome) {
  if (outcome == "changed") return v1::EXCHANGE_OUTCOME_CHANGED;
  if (outcome == "unchanged") return v1::EXCHANGE_OUTCOME_UNCHANGED;
  if (outcome == "waiting") return v1::EXCHANGE_OUTCOME_WAITING;
  if (outcome == "failed") return v1::EXCHANGE_OUTCOME_FAILED;
  return v1::EXCHANGE_OUTCOME_UNSPECIFIED;
}

void ToProto(const exchange::ExchangeStatus& status, v1::Exchange* proto) {
  const exchange::ExchangeState& state = status.state;
  ToProto(status.settings, proto->mutable_settings());
  proto->set_outcome(ToProto(state.outcome));
  proto->set_message(state.message);
  if (state.last_attempt) server::ToProto(*state.last_attempt, proto->mutable_last_attempt());
  if (state.last_success) server::ToProto(*state.last_success, proto->mutable_last_success());
  if (status.next_attempt) server::ToProto(*status.next_attempt, proto->mutable_next_attempt());
  proto->set_caught_up(state.is_caught_up);
  proto->set_paused(state.is_paused);
  proto->set_running(status.is_running);
  proto->set_change_pending(status.has_pending);
  proto->set_added(state.counts.added);
  proto->set_updated(state.counts.updated);
  proto->set_removed(state.counts.removed);
  proto->set_skipped(state.skipped);
}

}  // namespace

grpc::ServerUnaryReactor* ExchangeService::AddExchange(grpc::CallbackServerContext* context,
                                                       const v1::AddExchangeRequest* request,
                                                       v1::AddExchangeResponse* response) {
  return RunUnary(
      context, [&](work::Task task) { return parts_.changes.Submit(std::move(task)); },
      [this, request, response](RpcCall&) -> Status {
        TAMIZ_ASSIGN_OR_RETURN(const exchange::ExchangeStatus added,
                               exchanges_.Add(ToSettings(request->settings())));
        ToProto(added, response->mutable_exchange());
        return OkStatus();
      });
}

grpc::ServerUnaryReactor* ExchangeService::ListExchanges(grpc::CallbackServerContext* context,
                                                         const v1::ListExchangesRequest*,
                                                         v1::ListExchangesResponse* response) {
  return RunUnary(
      context, [&](work::Task task) { return parts_.changes.Submit(std::move(task)); },
      [this, response](RpcCall&) -> Status {
        TAMIZ_ASSIGN_OR_RETURN(const std::vector<exchange::ExchangeStatus> all, exchanges_.All());
        for (const exchange::ExchangeStatus& one : all) ToProto(one, response->add_exchanges());
        return OkStatus();
      });
}

grpc::ServerUnaryReactor* ExchangeService::SyncExchange(grpc::CallbackServerContext* context,
                                                        const v1::SyncExchangeRequest* request,
                                                        v1::SyncExchangeResponse* response) {
  return RunUnary(
      context, [&](work::Task task) { return syncs_.Submit(std::move(task)); },
      [this, request, response](RpcCall& call) -> Status {
        TAMIZ_ASSIGN_OR_RETURN(const exchange::ExchangeStatus status,
                               exchanges_.SyncNow(request->name(), call.context()));
        ToProto(status, response->mutable_exchange());
        return OkStatus();
      });
}

grpc::ServerUnaryReactor* ExchangeService::TestExchange(grpc::CallbackServerContext* context,
                                                        const v1::TestExchangeRequest* request,
                                                        v1::TestExchangeResponse* response) {
  return RunUnary(
      context, [&](work::Task task) { return syncs_.Submit(std::move(task)); },
      [this, request, response](RpcCall& call) -> Status {
        TAMIZ_ASSIGN_OR_RETURN(*response->mutable_detail(), exchanges_.Test(request->name(), call.context()));
        return OkStatus();
      });
}

grpc::ServerUnaryReactor* ExchangeService::ListFeedbackReasons(grpc::CallbackServerContext* context,
                                                               const v1::ListFeedbackReasonsRequest* request,
                                                               v1::ListFeedbackReasonsResponse* response) {
  return RunUnary(
      context, [&](work::Task task) { return syncs_.Submit(std::move(task)); },
      [this, request, response](RpcCall& call) -> Status {
        TAMIZ_ASSIGN_OR_RETURN(
            const std::vector<exchange::FeedbackReason> reasons,
            exchanges_.FeedbackReasons(request->name(), request->hash_type(), call.context()));
        for (const exchange::FeedbackReason& reason : reasons) {
          v1::FeedbackReason* added = response->add_reasons();
          added->set_reason_id(reason.id);
          added->set_name(reason.name);
        }
        return OkStatus();
      });
}

grpc::ServerUnaryReactor* ExchangeService::SendFeedback(grpc::CallbackServerContext* context,
                                                        const v1::SendFeedbackRequest* request,
                                                        v1::SendFeedbackResponse*) {
  return RunUnary(
      context, [&](work::Task task) { return syncs_.Submit(std::move(task)); },
      [this, request](RpcCall& call) -> Status {
        if (request->kind() != v1::FEEDBACK_KIND_AFFIRMATIVE &&
            request->kind() != v1::FEEDBACK_KIND_NEGATIVE) {
          return WithField(
              InvalidArgument("kind must be FEEDBACK_KIND_AFFIRMATIVE or FEEDBACK_KIND_NEGATIVE"), "kind");
        }
        exchange::Feedback feedback{.type = request->hash_type(),
                                    .is_affirmative = request->kind() == v1::FEEDBACK_KIND_AFFIRMATIVE,
                                    .reasons = {request->reasons().begin(), request->reasons().end()}};
        const Status sent =
            exchanges_.SendFeedback(request->name(), request->entry_id(), feedback, call.context());
        // The audit trail: who told whom what.
        LogInfo("feedback sent to an exchange", {{"exchange", request->name()},
                                                 {"entry", request->entry_id()},
                                                 {"type", request->hash_type()},
                                                 {"affirmative", feedback.is_affirmative},
                                                 {"principal", call.pass().principal()},
                                                 {"outcome", sent.ok() ? "taken" : Message(sent)}});
        return sent;
      });
}

grpc::ServerUnaryReactor* ExchangeService::RemoveExchange(grpc::CallbackServerContext* context,
                                                          const v1::RemoveExchangeRequest* request,
                                                          v1::RemoveExchangeResponse*) {
  return RunUnary(
      context, [&](work::Task task) { return parts_.changes.Submit(std::move(task)); },
      [this, request](RpcCall&) -> Status { return exchanges_.Remove(request->name()); });
}

}  // namespace tamiz::server
