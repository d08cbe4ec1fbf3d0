// ScanService.ScanMany: many scans over one stream, answers as they finish.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <deque>
#include <memory>
#include <set>
#include <string>

#include "core/base/mutex.h"
#include "server/rpc_call.h"
#include "server/service_parts.h"
#include "tamiz/v1/scan_service.pb.h"

namespace tamiz::server {

// At most kMaxInFlight items are read and not yet answered; the next is read when an answer has been written,
// and that is the back-pressure. An item that cannot be scanned is answered with its error and never ends the
// stream. A message that cannot be read ends it: nobody knows which item it was; those before it are answered
// first. ScanManyRequests in, ScanManyResponses out. Lives until OnDone.
class ScanManyCall final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  static constexpr std::size_t kMaxInFlight = 16;

  ScanManyCall(grpc::CallbackServerContext* context, const ServiceParts& parts);

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { call_.Cancel(); }
  void OnDone() override { delete this; }

  // Takes what was read into work. Returns an error that answers the item at once.
  Status Accept(const std::shared_ptr<v1::ScanManyRequest>& item);
  // Queues the answer to an item that was running.
  void Answer(std::unique_ptr<v1::ScanManyResponse> response);

  // What can be started now.
  struct Step {
    const v1::ScanManyResponse* write = nullptr;
    bool read = false;
    bool finish = false;
  };
  [[nodiscard]] Step NextStep() TAMIZ_REQUIRES(mutex_);
  // Starts it, without the lock. Another thread may end the call as soon as nothing is outstanding: a thread
  // of the pool decides its step in the same locked section as it changes the state, and touches nothing
  // after this.
  void Start(const Step& step);

  // Constant after construction.
  const ServiceParts& parts_;
  RpcCall call_;

  // While a read or a write is outstanding its bytes belong to gRPC.
  grpc::ByteBuffer incoming_, outgoing_;
  std::atomic<bool> has_items_ = false;

  Mutex mutex_;
  StreamWatch::Stream watched_;
  bool reading_ TAMIZ_GUARDED_BY(mutex_) = false;
  bool reads_ended_ TAMIZ_GUARDED_BY(mutex_) = false;
  Status end_ TAMIZ_GUARDED_BY(mutex_);           // what the call ends with
  bool broken_ TAMIZ_GUARDED_BY(mutex_) = false;  // a write failed: nobody reads answers any more
  bool finished_ TAMIZ_GUARDED_BY(mutex_) = false;
  std::size_t running_ TAMIZ_GUARDED_BY(mutex_) = 0;
  std::set<std::string> unanswered_ TAMIZ_GUARDED_BY(mutex_);
  std::deque<std::unique_ptr<v1::ScanManyResponse>> answers_ TAMIZ_GUARDED_BY(mutex_);
  std::unique_ptr<v1::ScanManyResponse> writing_ TAMIZ_GUARDED_BY(mutex_);
};

}  // namespace tamiz::server
