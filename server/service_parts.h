// What the services work with.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "core/exchange/exchange_runner.h"
#include "core/metrics/metrics.h"
#include "core/scan/scanner.h"
#include "core/source/upload.h"
#include "core/store/list_registry.h"
#include "core/store/store.h"
#include "core/work/admission.h"
#include "server/access.h"
#include "server/connection_watch.h"
#include "server/io_pool.h"
#include "server/stream_watch.h"

namespace tamiz::server {

// Settings that services read at each call and a reload changes. Thread-safe.
struct LiveSettings {
  std::atomic<double> max_rejected_share{0.1};
  std::atomic<bool> allow_export{true};
};

// Calls at one time. Thread-safe.
class CallCount {
 public:
  explicit CallCount(std::uint32_t most) : most_(most) {}

  // Held by a call for as long as it lives.
  class Place {
   public:
    Place() = default;
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      if (count_ != nullptr) --count_->now_;
    }

   private:
    friend class CallCount;
    CallCount* count_ = nullptr;
  };
  // RESOURCE_EXHAUSTED (reason CALLS_IN_FLIGHT, with a retry delay) if all places are taken.
  [[nodiscard]] Status Take(Place& place);

 private:
  const std::uint32_t most_;
  std::atomic<std::uint32_t> now_ = 0;
};

// All outlive the services.
struct ServiceParts {
  AccessControl& access;
  CallCount& calls;
  ConnectionWatch& connections;
  StreamWatch& watch;
  std::chrono::milliseconds max_call_time;
  scan::Scanner& scanner;
  work::Admission& admission;
  source::ByteBudget& budget;
  const source::Config& source;
  store::ListRegistry& lists;
  store::Store& store;
  metrics::Metrics& metrics;
  const LiveSettings& settings;
  IoPool& uploads;  // bytes of streamed uploads to memory or disk
  IoPool& changes;  // reads and changes of lists
  IoPool& exports;  // one thread an export, for as long as the client takes
  exchange::ExchangeRunner& exchanges;
};

}  // namespace tamiz::server
