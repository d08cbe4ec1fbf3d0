#include "server/admin_service.h"

#include <unistd.h>

#include <fstream>

#include "server/proto_convert.h"
#include "server/rpc_call.h"

namespace tamiz::server {
namespace {

// Second field of /proc/self/statm, in pages; 0 where there is no /proc.
std::uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

grpc::ServerUnaryReactor* AdminService::GetStatus(grpc::CallbackServerContext* context,
                                                  const v1::GetStatusRequest*,
                                                  v1::GetStatusResponse* response) {
  return AnswerUnary(context, [&] {
    response->set_version(admin_.version);
    ToProto(admin_.started_at, response->mutable_started_at());
    for (std::string& problem : admin_.readiness.Problems()) response->add_problems(std::move(problem));
    response->set_ready(response->problems().empty());
    for (std::string& warning : admin_.readiness.Warnings()) response->add_warnings(std::move(warning));
    const work::Admission::Gauges gauges = parts_.admission.gauges();
    response->set_scans_running(gauges.running);
    response->set_scans_queued(gauges.queued_live + gauges.queued_bulk);
    response->set_max_running(gauges.max_running);
    response->set_max_queued(gauges.max_queued);
    response->set_bytes_in_flight(parts_.budget.in_use());
    response->set_max_bytes_in_flight(parts_.budget.limit());
    const std::shared_ptr<const lists::Catalog> catalog = parts_.lists.Current();
    for (const auto& list : catalog->lists) ToProto(*list, *catalog, response->add_lists());
    for (const std::string& layer : admin_.sandbox_layers) response->add_sandbox_layers(layer);
    ToProto(admin_.self_test.Last(), response->mutable_last_self_test());
    response->set_resident_bytes(ResidentBytes());
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::SelfTest(grpc::CallbackServerContext* context,
                                                 const v1::SelfTestRequest*, v1::SelfTestResponse* response) {
  return StartUnary(context, [&](UnaryCall& call) {
    const Status refused =
        admin_.self_test_runner.Request([&call, response](const scan::SelfTestReport& report) {
          ToProto(report, response->mutable_report());
          call.End(OkStatus());
        });
    if (!refused.ok()) call.End(refused);
  });
}

grpc::ServerUnaryReactor* AdminService::ReloadConfig(grpc::CallbackServerContext* context,
                                                     const v1::ReloadConfigRequest*,
                                                     v1::ReloadConfigResponse* response) {
  return RunUnary(
      context, [&](work::Task task) { return parts_.changes.Submit(std::move(task)); },
      [this, response](RpcCall&) -> Status {
        TAMIZ_ASSIGN_OR_RETURN(const Reloaded reloaded, admin_.reload());
        for (const std::string& key : reloaded.applied) response->add_applied(key);
        for (const std::string& key : reloaded.needs_restart) response->add_needs_restart(key);
        return OkStatus();
      });
}

}  // namespace tamiz::server
