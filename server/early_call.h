// Unary calls that may be refused before their message has come.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <deque>

#include "core/base/mutex.h"
#include "server/hash_service.h"
#include "server/rpc_call.h"
#include "server/scan_service.h"
#include "server/service_parts.h"

namespace tamiz::server {

// Counts the messages that are on their way, so that not all of a burst is let in by one free place. One that
// takes long does not count: nobody keeps others out by sending slowly. Thread-safe.
class OnTheirWay {
 public:
  static constexpr std::chrono::milliseconds kCounts{200};

  // How many began lately and have not come yet.
  [[nodiscard]] std::size_t Count(SteadyTime now);
  void Begin(SteadyTime now);
  // The one that began at `begun` came, or never will.
  void End(SteadyTime begun, SteadyTime now);

 private:
  void Forget(SteadyTime now) TAMIZ_REQUIRES(mutex_);

  Mutex mutex_;
  std::deque<SteadyTime> begun_ TAMIZ_GUARDED_BY(mutex_);
};

// ScanService.Scan and HashService.Hash, whose messages carry pictures. gRPC hands other unary calls over
// when their message has come; these it hands over when they begin, and while there is no place for them
// their bytes are not even read. See docs/adr/0015-early-refusal.md.
class EarlyService final : public grpc::CallbackGenericService {
 public:
  // All outlive it.
  EarlyService(ScanService& scans, HashService& hashes, const ServiceParts& parts)
      : scans_(scans), hashes_(hashes), parts_(parts) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

 private:
  ScanService& scans_;
  HashService& hashes_;
  const ServiceParts parts_;
  OnTheirWay on_their_way_;
};

}  // namespace tamiz::server
