// tamiz.v1.ScanService.
#pragma once

#include "server/early_methods.h"
#include "server/service_parts.h"
#include "tamiz/v1/scan_service.grpc.pb.h"

namespace tamiz::server {

class UnaryCall;

// Every method by callback, what comes and goes in streams as bytes. ScanStream is EarlyService's.
using ScanServiceBase = v1::ScanService::WithCallbackMethod_Scan<
    v1::ScanService::WithRawCallbackMethod_ScanUpload<v1::ScanService::WithRawCallbackMethod_ScanMany<
        v1::ScanService::WithCallbackMethod_ListFormats<v1::ScanService::Service>>>>;

class ScanService final : public EarlyMethods<v1::ScanService, ScanServiceBase> {
 public:
  explicit ScanService(const ServiceParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Scan(grpc::CallbackServerContext* context, const v1::ScanRequest* request,
                                 v1::ScanResponse* response) override;
  // ScanUploadRequests in, a ScanUploadResponse out.
  grpc::ServerReadReactor<grpc::ByteBuffer>* ScanUpload(grpc::CallbackServerContext* context,
                                                        grpc::ByteBuffer* response) override;
  // ScanManyRequests in, ScanManyResponses out.
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ScanMany(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* ListFormats(grpc::CallbackServerContext* context,
                                        const v1::ListFormatsRequest* request,
                                        v1::ListFormatsResponse* response) override;

 private:
  void BeginScan(const v1::ScanRequest& request, v1::ScanResponse* response, UnaryCall& call);

  const ServiceParts parts_;
};

}  // namespace tamiz::server
