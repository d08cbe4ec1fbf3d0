// The canary: a harmless picture and video on the built-in list `tamiz-test`, scanned through the whole path.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/scan/scanner.h"

namespace tamiz::scan {

inline constexpr char kCanaryList[] = "tamiz-test";

struct SelfTestCase {
  std::string name;
  bool passed = false;
  std::string detail;  // what was expected and what came
};

struct SelfTestReport {
  bool passed = false;
  WallTime ran_at{};  // epoch if never
  std::chrono::microseconds duration{0};
  std::vector<SelfTestCase> cases;
};

// Thread-safe; Run blocks for as long as two small scans take.
class SelfTest {
 public:
  // All outlive it.
  SelfTest(Scanner& scanner, store::ListRegistry& lists, const source::Config& source,
           source::ByteBudget& budget, metrics::Metrics& metrics, const Clock& clock);

  // Makes the built-in list, or brings its entries up to date.
  [[nodiscard]] Status InstallList();
  // Scans the canaries, consulting only the built-in list, and checks verdict, transform and times. Fails
  // early when `context` is not wanted any more.
  SelfTestReport Run(const CallContext& context = {});
  [[nodiscard]] SelfTestReport Last() const;

 private:
  Scanner& scanner_;
  store::ListRegistry& lists_;
  const source::Config& source_;
  source::ByteBudget& budget_;
  metrics::Metrics& metrics_;
  const Clock& clock_;
  mutable Mutex mutex_;
  SelfTestReport last_ TAMIZ_GUARDED_BY(mutex_);
};

}  // namespace tamiz::scan
