// ListService.ExportEntries: the only call that gives hashes out.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <string>

#include "core/base/mutex.h"
#include "server/rpc_call.h"
#include "server/service_parts.h"
#include "tamiz/v1/list_service.pb.h"

namespace tamiz::server {

// Runs on a thread of the export pool, which reads a batch when the one before was sent: that is the
// back-pressure. A client that takes no batch for kSlowest is cut off. Lives until OnDone.
class ExportCall final : public grpc::ServerGenericBidiReactor {
 public:
  static constexpr std::chrono::seconds kSlowest{60};

  // An ExportEntriesRequest in, ExportEntriesResponses out.
  ExportCall(grpc::GenericCallbackServerContext* context, const ServiceParts& parts);

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { call_.Cancel(); }
  void OnDone() override { delete this; }

  Status Begin();
  Status Run();
  // Sends `batch_` and waits until it is away.
  Status Send();
  void End(const Status& status) { Finish(call_.End(status)); }

  // Constant after construction.
  grpc::GenericCallbackServerContext* const context_;
  const ServiceParts& parts_;
  RpcCall call_;
  v1::ExportEntriesRequest request_;
  StreamWatch::Stream watched_;

  v1::ExportEntriesResponse batch_;
  // While a read or a write is outstanding its bytes belong to gRPC.
  grpc::ByteBuffer message_, bytes_;
  Mutex mutex_;
  CondVar written_;
  bool writing_ TAMIZ_GUARDED_BY(mutex_) = false;
  bool broken_ TAMIZ_GUARDED_BY(mutex_) = false;
};

}  // namespace tamiz::server
