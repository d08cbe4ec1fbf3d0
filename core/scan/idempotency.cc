#include "core/scan/idempotency.h"

#include <stop_token>
#include <utility>

namespace tamiz::scan {
namespace {

// Roughly what an answer occupies: enough for a bound.
std::uint64_t EstimateBytes(const ScanOutput& output) {
  std::uint64_t bytes = 1024 + output.hashes.size() * sizeof(FrameHash);
  for (const match::Match& match : output.conclusion.matches) {
    bytes += 512 + (match.query_ranges.size() + match.reference_ranges.size()) * sizeof(match::TimeRange);
    for (const auto& [key, value] : match.metadata) bytes += key.size() + value.size() + 64;
  }
  return bytes;
}

}  // namespace

StatusOr<AnswerCache::Begun> AnswerCache::Begin(const Request& request, const CallContext& context,
                                                const std::function<StatusOr<std::string>()>& content) {
  // Wakes the wait below when the caller goes away.
  const std::stop_callback wake(context.stop, [this] {
    MutexLock lock(mutex_);
    changed_.NotifyAll();
  });
  {
    MutexLock lock(mutex_);
    while (true) {
      const auto found = slots_.find(request.request_id);
      if (found == slots_.end()) return Begun{nullptr, Claim(request)};
      const Slot& slot = found->second;
      const bool same_options =
          slot.request.options == request.options && slot.request.generation == request.generation;
      if (slot.owner == nullptr) {
        if (same_options && clock_.Now() < slot.expires) break;
        Erase(request.request_id);
        return Begun{nullptr, Claim(request)};
      }
      if (!same_options) return Begun{};
      TAMIZ_RETURN_IF_ERROR(context.StillWanted(clock_.Now()));
      if (context.deadline == SteadyTime::max()) {
        changed_.Wait(mutex_);
      } else {
        changed_.WaitUntil(mutex_, context.deadline);
      }
    }
  }
  // An answer is there: is it one to the same bytes? Digests may take a while: not under the lock.
  StatusOr<std::string> mine = content();
  if (!mine.ok()) return mine.status();
  MutexLock lock(mutex_);
  const auto found = slots_.find(request.request_id);
  if (found == slots_.end()) return Begun{nullptr, Claim(request)};
  Slot& slot = found->second;
  if (slot.owner != nullptr) return Begun{};
  if (slot.content == *mine && slot.request.options == request.options &&
      slot.request.generation == request.generation) {
    by_use_.splice(by_use_.end(), by_use_, slot.use);
    return Begun{slot.answer, nullptr};
  }
  Erase(request.request_id);
  return Begun{nullptr, Claim(request)};
}

void AnswerCache::Ticket::Complete(std::string content, const ScanOutput& output, std::chrono::seconds ttl) {
  auto answer = std::make_shared<const ScanOutput>(output);
  const std::uint64_t bytes = EstimateBytes(output);
  done_ = true;
  MutexLock lock(cache_.mutex_);
  const auto found = cache_.slots_.find(request_.request_id);
  if (found == cache_.slots_.end() || found->second.owner != this) return;  // Clear() came between
  if (bytes > cache_.limits_.max_bytes / 4) {
    // One answer must not push out all the others.
    cache_.slots_.erase(found);
    cache_.changed_.NotifyAll();
    return;
  }
  Slot& slot = found->second;
  slot.owner = nullptr;
  slot.content = std::move(content);
  slot.answer = std::move(answer);
  slot.expires = cache_.clock_.Now() + ttl;
  slot.bytes = bytes;
  slot.use = cache_.by_use_.insert(cache_.by_use_.end(), request_.request_id);
  cache_.bytes_ += bytes;
  while (cache_.bytes_ > cache_.limits_.max_bytes || cache_.by_use_.size() > cache_.limits_.max_answers) {
    cache_.Erase(std::string(cache_.by_use_.front()));
  }
  cache_.changed_.NotifyAll();
}

void AnswerCache::Abandon(const Ticket& ticket) {
  if (ticket.done_) return;
  MutexLock lock(mutex_);
  const auto found = slots_.find(ticket.request_.request_id);
  if (found != slots_.end() && found->second.owner == &ticket) slots_.erase(found);
  changed_.NotifyAll();
}

std::unique_ptr<AnswerCache::Ticket> AnswerCache::Claim(const Request& request) {
  auto ticket = std::make_unique<Ticket>(*this, request);
  Slot slot;
  slot.request = request;
  slot.owner = ticket.get();
  slots_.insert_or_assign(request.request_id, std::move(slot));
  return ticket;
}

void AnswerCache::Erase(const std::string& request_id) {
  const auto found = slots_.find(request_id);
  if (found == slots_.end()) return;
  if (found->second.owner == nullptr) {
    bytes_ -= found->second.bytes;
    by_use_.erase(found->second.use);
  }
  slots_.erase(found);
}

void AnswerCache::Clear() {
  MutexLock lock(mutex_);
  slots_.clear();
  by_use_.clear();
  bytes_ = 0;
  changed_.NotifyAll();
}

std::size_t AnswerCache::size() const {
  MutexLock lock(mutex_);
  return by_use_.size();
}

}  // namespace tamiz::scan
