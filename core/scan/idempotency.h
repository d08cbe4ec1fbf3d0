// The same request, sent again, gets the same answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/call_context.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/scan/scanner.h"

namespace tamiz::scan {

// Answers of the last minutes, by the caller's request id. An answer is given again only to the same request
// (same bytes or URI, same options) and only while the lists are the same. Bounded by time, number and
// memory; the answer used longest ago goes first. Thread-safe.
class AnswerCache {
 public:
  struct Limits {
    std::size_t max_answers = 10'000;
    std::uint64_t max_bytes = 32ull << 20;  // as estimated: answers with many frame hashes are big
  };

  // What a request is, but for its bytes.
  struct Request {
    std::string request_id;
    // Everything that decides the answer beside the bytes: URI, lists, plan, flags.
    std::string options;
    std::uint64_t generation = 0;  // of the catalog that it is looked up in
  };

  class Ticket;
  // Either an answer to give again, or the right to work the request out.
  struct Begun {
    std::shared_ptr<const ScanOutput> replay;
    std::unique_ptr<Ticket> ticket;  // null also if the answer is not to be remembered
  };

  // `clock` outlives the cache.
  explicit AnswerCache(const Clock& clock) : AnswerCache(clock, Limits()) {}
  AnswerCache(const Clock& clock, const Limits& limits) : clock_(clock), limits_(limits) {}

  // Waits while the same request is worked out by another thread. `content` names the bytes (their SHA-256)
  // and is called only if a request with this id is known. Errors: those of `content`, and of `context` while
  // waiting.
  [[nodiscard]] StatusOr<Begun> Begin(const Request& request, const CallContext& context,
                                      const std::function<StatusOr<std::string>()>& content);

  // Forgets everything, for example after the configuration changed.
  void Clear();
  [[nodiscard]] std::size_t size() const;

  // The right to answer one request. Dropped without Complete, those that wait work it out themselves.
  class Ticket {
   public:
    Ticket(AnswerCache& cache, Request request) : cache_(cache), request_(std::move(request)) {}
    ~Ticket() { cache_.Abandon(*this); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    // Remembers `output` for `ttl`. `content` as for Begin.
    void Complete(std::string content, const ScanOutput& output, std::chrono::seconds ttl);

   private:
    friend class AnswerCache;
    AnswerCache& cache_;
    Request request_;
    bool done_ = false;
  };

 private:
  struct Slot {
    Request request;
    const Ticket* owner = nullptr;  // who works it out; null when the answer is there
    std::string content;
    std::shared_ptr<const ScanOutput> answer;
    SteadyTime expires{};
    std::uint64_t bytes = 0;
    std::list<std::string>::iterator use;  // in by_use_, once the answer is there
  };

  void Abandon(const Ticket& ticket);
  std::unique_ptr<Ticket> Claim(const Request& request) TAMIZ_REQUIRES(mutex_);
  void Erase(const std::string& request_id) TAMIZ_REQUIRES(mutex_);

  const Clock& clock_;
  const Limits limits_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::unordered_map<std::string, Slot> slots_ TAMIZ_GUARDED_BY(mutex_);
  std::list<std::string> by_use_ TAMIZ_GUARDED_BY(mutex_);  // answered request ids, last used last
  std::uint64_t bytes_ TAMIZ_GUARDED_BY(mutex_) = 0;
};

}  // namespace tamiz::scan
