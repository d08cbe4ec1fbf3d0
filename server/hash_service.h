// tamiz.v1.HashService.
#pragma once

#include "server/service_parts.h"
#include "tamiz/v1/hash_service.grpc.pb.h"

namespace tamiz::server {

class HashService final : public v1::HashService::CallbackService {
 public:
  explicit HashService(const ServiceParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Hash(grpc::CallbackServerContext* context, const v1::HashRequest* request,
                                 v1::HashResponse* response) override;
  grpc::ServerUnaryReactor* Lookup(grpc::CallbackServerContext* context, const v1::LookupRequest* request,
                                   v1::LookupResponse* response) override;

 private:
  const ServiceParts parts_;
};

}  // namespace tamiz::server
