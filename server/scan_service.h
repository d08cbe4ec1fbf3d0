// tamiz.v1.ScanService.
#pragma once

#include "server/service_parts.h"
#include "tamiz/v1/scan_service.grpc.pb.h"

namespace tamiz::server {

class UnaryCall;

// Scan is handed over by EarlyService.
class ScanService final : public v1::ScanService::WithGenericMethod_Scan<v1::ScanService::CallbackService> {
 public:
  explicit ScanService(const ServiceParts& parts) : parts_(parts) {}

  // Ends `call`, now or later, with `response` filled in; both and `request` live until then.
  void BeginScan(const v1::ScanRequest& request, v1::ScanResponse* response, UnaryCall& call);
  grpc::ServerReadReactor<v1::ScanUploadRequest>* ScanUpload(grpc::CallbackServerContext* context,
                                                             v1::ScanUploadResponse* response) override;
  grpc::ServerWriteReactor<v1::ScanStreamResponse>* ScanStream(grpc::CallbackServerContext* context,
                                                               const v1::ScanStreamRequest* request) override;
  grpc::ServerBidiReactor<v1::ScanManyRequest, v1::ScanManyResponse>* ScanMany(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* ListFormats(grpc::CallbackServerContext* context,
                                        const v1::ListFormatsRequest* request,
                                        v1::ListFormatsResponse* response) override;

 private:
  const ServiceParts parts_;
};

}  // namespace tamiz::server
