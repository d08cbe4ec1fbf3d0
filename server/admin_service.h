// tamiz.v1.AdminService.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/scan/self_test.h"
#include "server/early_methods.h"
#include "server/readiness.h"
#include "server/self_test_runner.h"
#include "server/service_parts.h"
#include "tamiz/v1/admin_service.grpc.pb.h"

namespace tamiz::server {

class AdminService final : public EarlyMethods<v1::AdminService, v1::AdminService::CallbackService> {
 public:
  struct Reloaded {
    std::vector<std::string> applied, needs_restart;
  };
  // What only this service needs. All outlive it.
  struct Parts {
    const Readiness& readiness;
    const scan::SelfTest& self_test;
    SelfTestRunner& self_test_runner;
    std::string version;
    WallTime started_at;
    std::vector<std::string> sandbox_layers;
    std::function<StatusOr<Reloaded>()> reload;  // blocks on disk
  };

  AdminService(const ServiceParts& parts, Parts admin) : parts_(parts), admin_(std::move(admin)) {}

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) override;
  grpc::ServerUnaryReactor* SelfTest(grpc::CallbackServerContext* context, const v1::SelfTestRequest* request,
                                     v1::SelfTestResponse* response) override;
  grpc::ServerUnaryReactor* ReloadConfig(grpc::CallbackServerContext* context,
                                         const v1::ReloadConfigRequest* request,
                                         v1::ReloadConfigResponse* response) override;

 private:
  const ServiceParts parts_;
  const Parts admin_;
};

}  // namespace tamiz::server
