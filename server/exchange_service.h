// tamiz.v1.ExchangeService.
#pragma once

#include "core/exchange/exchange_runner.h"
#include "server/early_methods.h"
#include "server/service_parts.h"
#include "tamiz/v1/exchange_service.grpc.pb.h"

namespace tamiz::server {

class ExchangeService final : public EarlyMethods<v1::ExchangeService, v1::ExchangeService::CallbackService> {
 public:
  // `syncs` runs what waits for an exchange, so that changes of lists do not wait behind it. All outlive it.
  ExchangeService(const ServiceParts& parts, exchange::ExchangeRunner& exchanges, IoPool& syncs)
      : parts_(parts), exchanges_(exchanges), syncs_(syncs) {}

  grpc::ServerUnaryReactor* AddExchange(grpc::CallbackServerContext* context,
                                        const v1::AddExchangeRequest* request,
                                        v1::AddExchangeResponse* response) override;
  grpc::ServerUnaryReactor* ListExchanges(grpc::CallbackServerContext* context,
                                          const v1::ListExchangesRequest* request,
                                          v1::ListExchangesResponse* response) override;
  grpc::ServerUnaryReactor* SyncExchange(grpc::CallbackServerContext* context,
                                         const v1::SyncExchangeRequest* request,
                                         v1::SyncExchangeResponse* response) override;
  grpc::ServerUnaryReactor* TestExchange(grpc::CallbackServerContext* context,
                                         const v1::TestExchangeRequest* request,
                                         v1::TestExchangeResponse* response) override;
  grpc::ServerUnaryReactor* ListFeedbackReasons(grpc::CallbackServerContext* context,
                                                const v1::ListFeedbackReasonsRequest* request,
                                                v1::ListFeedbackReasonsResponse* response) override;
  grpc::ServerUnaryReactor* SendFeedback(grpc::CallbackServerContext* context,
                                         const v1::SendFeedbackRequest* request,
                                         v1::SendFeedbackResponse* response) override;
  grpc::ServerUnaryReactor* RemoveExchange(grpc::CallbackServerContext* context,
                                           const v1::RemoveExchangeRequest* request,
                                           v1::RemoveExchangeResponse* response) override;

 private:
  const ServiceParts parts_;
  exchange::ExchangeRunner& exchanges_;
  IoPool& syncs_;
};

}  // namespace tamiz::server
