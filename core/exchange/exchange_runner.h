// Keeps lists up to date from their exchanges, each on its own schedule and thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/exchange_status.h"
#include "core/exchange/settings.h"
#include "core/exchange/sync.h"
#include "core/metrics/metrics.h"
#include "core/store/list_registry.h"

namespace tamiz::exchange {

struct ExchangeStatus {
  Settings settings;
  ExchangeState state;
  std::optional<WallTime> next_attempt;  // unset: it runs, is paused or waits for a person
  bool is_running = false;
  bool has_pending = false;  // a change of its list waits for a person
};

// Thread-safe. Every method blocks on the store or the network: never on a gRPC thread.
class ExchangeRunner {
 public:
  struct Parts {
    store::Store& store;
    store::ListRegistry& lists;
    metrics::Metrics& metrics;
    const Clock& clock = Clock::System();
  };
  // `config` and all parts outlive it.
  ExchangeRunner(const Config& config, const Parts& parts);
  // Cuts syncs off; they go on from their checkpoints after the next start.
  ~ExchangeRunner();

  // Takes up the exchanges that the store has, and drops those that it has no more: at the start, and
  // whenever another replica may have changed them.
  [[nodiscard]] Status Refresh();

  // Makes the list if there is none of that name. INVALID_ARGUMENT with the field, ALREADY_EXISTS,
  // FAILED_PRECONDITION for a list that does not suit the exchange, RESOURCE_EXHAUSTED beyond 64 exchanges.
  [[nodiscard]] StatusOr<ExchangeStatus> Add(const Settings& settings);
  // The list stays as it is. NOT_FOUND.
  [[nodiscard]] Status Remove(std::string_view name);
  [[nodiscard]] StatusOr<std::vector<ExchangeStatus>> All();
  [[nodiscard]] StatusOr<ExchangeStatus> Get(std::string_view name);  // NOT_FOUND
  // Now, and waits for the end or for the context's. ABORTED if this process runs one already,
  // FAILED_PRECONDITION (CHANGE_PENDING) while a change of the list waits for a person. Errors else: those of
  // Sync.
  [[nodiscard]] StatusOr<ExchangeStatus> SyncNow(std::string_view name, const CallContext& context);
  [[nodiscard]] StatusOr<std::string> Test(std::string_view name, const CallContext& context);

  // Exchange::FeedbackReasons. NOT_FOUND.
  [[nodiscard]] StatusOr<std::vector<FeedbackReason>> FeedbackReasons(std::string_view name,
                                                                      const std::string& type,
                                                                      const CallContext& context);
  // Exchange::SendFeedback, of an entry of its list. NOT_FOUND; INVALID_ARGUMENT names the types that it has.
  [[nodiscard]] Status SendFeedback(std::string_view name, std::string_view entry_id, Feedback feedback,
                                    const CallContext& context);

  // Settles the change of a list that waits: applies it, or drops it and pauses the exchanges of the list.
  // NOT_FOUND (NOTHING_PENDING); ABORTED (CHANGE_OUTDATED) if another replica read the exchange on meanwhile.
  [[nodiscard]] StatusOr<lists::ListInfo> Approve(std::string_view list, bool reject,
                                                  store::ChangeCounts& counts);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamiz::exchange
