// tamiz.v1.HashService.
#pragma once

#include "server/service_parts.h"
#include "tamiz/v1/hash_service.grpc.pb.h"

namespace tamiz::server {

class UnaryCall;

// Hash is handed over by EarlyService.
class HashService final : public v1::HashService::WithGenericMethod_Hash<v1::HashService::CallbackService> {
 public:
  explicit HashService(const ServiceParts& parts) : parts_(parts) {}

  // Ends `call`, now or later, with `response` filled in; both and `request` live until then.
  void BeginHash(const v1::HashRequest& request, v1::HashResponse* response, UnaryCall& call);
  grpc::ServerUnaryReactor* Lookup(grpc::CallbackServerContext* context, const v1::LookupRequest* request,
                                   v1::LookupResponse* response) override;

 private:
  const ServiceParts parts_;
};

}  // namespace tamiz::server
