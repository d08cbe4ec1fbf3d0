// What the services work with.
#pragma once

#include <atomic>

#include "core/exchange/exchange_runner.h"
#include "core/metrics/metrics.h"
#include "core/scan/scanner.h"
#include "core/source/upload.h"
#include "core/store/list_registry.h"
#include "core/store/store.h"
#include "core/work/admission.h"
#include "server/io_pool.h"

namespace tamiz::server {

// Settings that services read at each call and a reload changes. Thread-safe.
struct LiveSettings {
  std::atomic<double> max_rejected_share{0.1};
  std::atomic<bool> allow_export{true};
};

// All outlive the services.
struct ServiceParts {
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
