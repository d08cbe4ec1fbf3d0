// ScanService.ScanStream: one scan that tells how it gets on.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <deque>
#include <memory>

#include "core/base/mutex.h"
#include "core/scan/scan_observer.h"
#include "server/rpc_call.h"
#include "server/service_parts.h"
#include "tamiz/v1/scan_service.pb.h"

namespace tamiz::server {

// The scan never waits for the client: of progress that was not sent yet only the newest is kept, and matches
// are at most as many as a result holds, twice. Lives until OnDone.
class ScanStreamCall final : public grpc::ServerGenericBidiReactor, private scan::ScanObserver {
 public:
  // A ScanStreamRequest in, ScanStreamResponses out.
  ScanStreamCall(grpc::GenericCallbackServerContext* context, const ServiceParts& parts);

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { call_.Cancel(); }
  void OnDone() override { delete this; }

  void OnProgress(const scan::ScanProgress& progress) override;
  void OnMatch(const match::Match& match) override;

  Status Begin();
  // Queues `event` before the end; as progress it takes the place of older progress.
  void Tell(std::unique_ptr<v1::ScanStreamResponse> event, bool is_progress);
  // Ends the call when all that is queued was sent.
  void EndWith(const Status& status);

  // What can be started now.
  struct Step {
    const v1::ScanStreamResponse* write = nullptr;
    bool finish = false;
  };
  [[nodiscard]] Step NextStep() TAMIZ_REQUIRES(mutex_);
  // Starts it, without the lock; nothing may be touched after it by a thread that is not gRPC's own.
  void Start(const Step& step);

  // Constant after construction.
  const ServiceParts& parts_;
  RpcCall call_;
  v1::ScanStreamRequest request_;
  StreamWatch::Stream watched_;

  // While a read or a write is outstanding its bytes belong to gRPC.
  grpc::ByteBuffer message_, bytes_;

  Mutex mutex_;
  std::deque<std::unique_ptr<v1::ScanStreamResponse>> events_ TAMIZ_GUARDED_BY(mutex_);
  std::unique_ptr<v1::ScanStreamResponse> progress_ TAMIZ_GUARDED_BY(mutex_);  // goes before `events_`
  std::unique_ptr<v1::ScanStreamResponse> writing_ TAMIZ_GUARDED_BY(mutex_);
  bool ended_ TAMIZ_GUARDED_BY(mutex_) = false;     // nothing more will be queued
  bool finished_ TAMIZ_GUARDED_BY(mutex_) = false;  // Finish was started
  Status end_ TAMIZ_GUARDED_BY(mutex_);
};

}  // namespace tamiz::server
