// Notices when an entry or a list matches so much that it is more likely wrong than right.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/lists/catalog.h"
#include "core/match/evidence.h"

namespace tamiz::match {

// Counts the different uploads that matched, by entry and by list, each in windows that follow one another
// (lists::BreakerPolicy). Counts are of this process only: they are lost when it ends, and replicas count
// each for itself. Memory: at most kMaxCounted uploads, about 50 bytes each; beyond it counting starts anew.
// Thread-safe.
class HitBreaker {
 public:
  static constexpr std::size_t kMaxCounted = 2'000'000;

  struct Trip {
    std::string list_id, list_name;
    std::string entry_id;  // empty: the list as a whole
    std::uint64_t hits = 0;
    std::chrono::seconds window{0};
  };

  // Counts `conclusion`, of the upload `upload` (any number that repeated bytes share). Those that reached
  // their limit by it, each once in a window. Matches in shadow do not count.
  [[nodiscard]] std::vector<Trip> Count(const Conclusion& conclusion, const lists::Catalog& catalog,
                                        std::uint64_t upload, SteadyTime now);
  // After a reset: counting starts anew. `entry_id` empty: the list and all its entries.
  void Forget(std::string_view list_id, std::string_view entry_id);

 private:
  struct Window {
    SteadyTime start{};
    std::unordered_set<std::uint64_t> uploads;
  };
  // How many uploads are in the window of this key, if `upload` is new to it; else 0.
  std::uint64_t Add(const std::string& key, std::uint64_t upload, std::chrono::seconds window, SteadyTime now)
      TAMIZ_REQUIRES(mutex_);

  Mutex mutex_;
  std::unordered_map<std::string, Window> windows_ TAMIZ_GUARDED_BY(mutex_);  // by list id, a zero, entry id
  std::size_t counted_ TAMIZ_GUARDED_BY(mutex_) = 0;
};

// A number for an upload: of its bytes, or of the hashes given.
[[nodiscard]] std::uint64_t UploadNumber(const hash::Digests& digests);
[[nodiscard]] std::uint64_t UploadNumber(const Evidence& evidence);

}  // namespace tamiz::match
