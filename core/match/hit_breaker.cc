#include "core/match/hit_breaker.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string_view>
#include <utility>

namespace tamiz::match {
namespace {

std::string KeyOf(std::string_view list_id, std::string_view entry_id) {
  std::string key(list_id);
  key.push_back('\0');
  key.append(entry_id);
  return key;
}

// Takes eight bytes into a number.
std::uint64_t Mix(std::uint64_t number, const std::uint8_t* bytes) {
  std::uint64_t part = 0;
  std::memcpy(&part, bytes, sizeof part);
  return (number ^ part) * 0x9e3779b97f4a7c15u;
}

}  // namespace

std::uint64_t HitBreaker::Add(const std::string& key, std::uint64_t upload, std::chrono::seconds window,
                              SteadyTime now) {
  if (counted_ >= kMaxCounted) {
    windows_.clear();
    counted_ = 0;
  }
  Window& of = windows_[key];
  if (of.uploads.empty() || now - of.start >= window) {
    counted_ -= of.uploads.size();
    of.uploads.clear();
    of.start = now;
  }
  if (!of.uploads.insert(upload).second) return 0;
  ++counted_;
  return of.uploads.size();
}

std::vector<HitBreaker::Trip> HitBreaker::Count(const Conclusion& conclusion, const lists::Catalog& catalog,
                                                std::uint64_t upload, SteadyTime now) {
  std::vector<Trip> trips;
  if (conclusion.matches.empty()) return trips;
  std::set<std::string_view> lists_counted;
  MutexLock lock(mutex_);
  for (const Match& match : conclusion.matches) {
    const lists::ListSnapshot* list = catalog.Find(match.list_id);
    // The self-test matches Tamiz's own list all the time.
    if (match.shadow || list == nullptr || list->info.built_in) continue;
    const lists::BreakerPolicy& policy = list->info.policy.breaker;
    const bool is_first = lists_counted.insert(match.list_id).second;
    // The list counts an upload once, with an empty entry id.
    for (const auto& [entry_id, limit] : {std::pair(std::string_view(match.entry_id), policy.entry_hits),
                                          std::pair(std::string_view(), is_first ? policy.list_hits : 0u)}) {
      if (limit == 0) continue;
      const std::uint64_t hits = Add(KeyOf(match.list_id, entry_id), upload, policy.window, now);
      if (hits != limit) continue;
      trips.push_back({match.list_id, match.list_name, std::string(entry_id), hits, policy.window});
    }
  }
  return trips;
}

void HitBreaker::Forget(std::string_view list_id, std::string_view entry_id) {
  MutexLock lock(mutex_);
  const std::string key = KeyOf(list_id, entry_id);
  for (auto it = windows_.begin(); it != windows_.end();) {
    const bool is_meant = entry_id.empty() ? it->first.starts_with(key) : it->first == key;
    if (is_meant) counted_ -= it->second.uploads.size();
    it = is_meant ? windows_.erase(it) : std::next(it);
  }
}

std::uint64_t UploadNumber(const hash::Digests& digests) { return Mix(0, digests.sha256.data()); }

std::uint64_t UploadNumber(const Evidence& evidence) {
  if (evidence.digests) return UploadNumber(*evidence.digests);
  std::uint64_t number = 0;
  for (const lists::EntryHash& hash : evidence.foreign_digests) {
    if (hash.value.size() >= sizeof number) number = Mix(number, hash.value.data());
  }
  for (const FrameEvidence& frame : evidence.frames) {
    number = Mix(number, frame.pdq.hashes[0].ToBytes().data());
  }
  return number;
}

}  // namespace tamiz::match
