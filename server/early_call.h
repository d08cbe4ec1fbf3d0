// Calls with one message, which may be refused before it has come.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"
#include "server/message_check.h"
#include "server/service_parts.h"

namespace tamiz::server {

class AdminService;
class ExchangeService;
class HashService;
class ListService;
class ScanService;

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

// Every method whose client sends one message. gRPC hands such calls over when it has come; these it hands
// over when they begin. Who may not call is refused before a byte is read, and while there is no place for a
// picture it is not read either; what was read is measured before it is parsed. See
// docs/adr/0015-early-refusal.md and docs/adr/0040-messages-are-judged-before-they-are-read.md.
class EarlyService final : public grpc::CallbackGenericService {
 public:
  struct Services {
    ScanService& scans;
    HashService& hashes;
    ListService& lists;
    ExchangeService& exchanges;
    AdminService& admin;
  };
  // All outlive it.
  EarlyService(const Services& services, const ServiceParts& parts);

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

  // Methods with one message of our services that are not here, so that nobody can call them: a fault of the
  // program.
  [[nodiscard]] std::vector<std::string> Missing() const;

  // How a method's message is let in.
  struct Entry {
    std::string_view method;  // "ListService/GetList"
    MessageLimits limits;
    bool wants_slot = false;  // it is not read while there is no place for a scan
  };

 private:
  // `method` is a constant.
  template <typename Service, typename Request, typename Response>
  void Add(Service& service, std::string_view method,
           grpc::ServerUnaryReactor* (Service::*run)(grpc::CallbackServerContext*, const Request*, Response*),
           const MessageLimits& limits = {}, bool wants_slot = false);

  // One that answers with a stream and reads its message itself.
  template <typename Call>
  void AddStream(std::string_view method);

  const ServiceParts parts_;
  OnTheirWay on_their_way_;
  std::map<std::string, std::function<grpc::ServerGenericBidiReactor*(grpc::GenericCallbackServerContext*)>,
           std::less<>>
      handlers_;  // by path
};

}  // namespace tamiz::server
