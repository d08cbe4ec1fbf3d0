// ScanService.ScanUpload: options, then chunks, then one answer.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <optional>

#include "server/rpc_call.h"
#include "server/service_parts.h"
#include "tamiz/v1/scan_service.pb.h"

namespace tamiz::server {

// Reads one message at a time: the next read starts when the chunk before it is safely away, and that is the
// back-pressure. Bytes are taken from the budget as they come; a scanning slot is taken once all are there.
// Its steps follow each other, so no lock is needed. Lives until OnDone.
class ScanUploadCall final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  // Reads ScanUploadRequests; `answer` becomes a ScanUploadResponse.
  ScanUploadCall(grpc::CallbackServerContext* context, grpc::ByteBuffer* answer, const ServiceParts& parts);

 private:
  void OnReadDone(bool ok) override;
  void OnCancel() override { call_.Cancel(); }
  void OnDone() override { delete this; }

  void Read() {
    watched_.Wait();
    StartRead(&bytes_);
  }
  Status TakeOptions();
  Status Append();      // on the upload pool
  Status SealUpload();  // on the upload pool
  void SubmitScan();
  void End(const Status& status);

  // Constant after construction.
  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const answer_;
  const ServiceParts& parts_;
  RpcCall call_;

  grpc::ByteBuffer bytes_;  // while a read is outstanding they belong to gRPC
  v1::ScanUploadRequest message_;
  StreamWatch::Stream watched_;
  bool has_options_ = false;
  work::Lane lane_ = work::Lane::kLive;
  scan::ScanInput input_;
  v1::ScanUploadResponse response_;
  std::optional<source::UploadBuilder> builder_;
};

}  // namespace tamiz::server
