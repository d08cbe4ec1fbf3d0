// tamiz.v1.HashService.
#pragma once

#include "server/early_methods.h"
#include "server/service_parts.h"
#include "tamiz/v1/hash_service.grpc.pb.h"

namespace tamiz::server {

class UnaryCall;

class HashService final : public EarlyMethods<v1::HashService, v1::HashService::CallbackService> {
 public:
  explicit HashService(const ServiceParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Hash(grpc::CallbackServerContext* context, const v1::HashRequest* request,
                                 v1::HashResponse* response) override;
  grpc::ServerUnaryReactor* Lookup(grpc::CallbackServerContext* context, const v1::LookupRequest* request,
                                   v1::LookupResponse* response) override;

 private:
  void BeginHash(const v1::HashRequest& request, v1::HashResponse* response, UnaryCall& call);

  const ServiceParts parts_;
};

}  // namespace tamiz::server
