// tamiz.v1.ScanService.
#pragma once

#include "server/early_methods.h"
#include "server/service_parts.h"
#include "tamiz/v1/scan_service.grpc.pb.h"

namespace tamiz::server {

class UnaryCall;

class ScanService final
    : public EarlyMethods<v1::ScanService, v1::ScanService::WithRawCallbackMethod_ScanStream<
                                               v1::ScanService::CallbackService>> {
 public:
  explicit ScanService(const ServiceParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Scan(grpc::CallbackServerContext* context, const v1::ScanRequest* request,
                                 v1::ScanResponse* response) override;
  grpc::ServerReadReactor<v1::ScanUploadRequest>* ScanUpload(grpc::CallbackServerContext* context,
                                                             v1::ScanUploadResponse* response) override;
  // A ScanStreamRequest in, ScanStreamResponses out.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* ScanStream(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request) override;
  grpc::ServerBidiReactor<v1::ScanManyRequest, v1::ScanManyResponse>* ScanMany(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* ListFormats(grpc::CallbackServerContext* context,
                                        const v1::ListFormatsRequest* request,
                                        v1::ListFormatsResponse* response) override;

 private:
  void BeginScan(const v1::ScanRequest& request, v1::ScanResponse* response, UnaryCall& call);

  const ServiceParts parts_;
};

}  // namespace tamiz::server
