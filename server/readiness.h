// Whether uploads can be scanned now, and why not.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"

namespace tamiz::server {

// Thread-safe. Ready means: no problem is known.
class Readiness {
 public:
  // One problem a `part`, for example ("store", "cannot write …"); an empty `problem` clears it.
  void Set(std::string_view part, std::string problem);
  // The same for what does not keep uploads from being scanned, for example a store that cannot be reached
  // while all lists are loaded: the service stays ready.
  void Warn(std::string_view part, std::string warning);
  // Ordered by part: "part: problem". Empty if ready.
  [[nodiscard]] std::vector<std::string> Problems() const;
  [[nodiscard]] std::vector<std::string> Warnings() const;

  // Called with the new state after each change of readiness, and at once; one call at a time. Set once.
  void OnChange(std::function<void(bool ready)> listener);

 private:
  mutable Mutex mutex_;
  using Texts = std::map<std::string, std::string, std::less<>>;
  Texts problems_ TAMIZ_GUARDED_BY(mutex_);
  Texts warnings_ TAMIZ_GUARDED_BY(mutex_);
  Mutex listener_mutex_;  // held while the listener is called, so that it sees states in order
  std::function<void(bool)> listener_ TAMIZ_GUARDED_BY(listener_mutex_);
};

}  // namespace tamiz::server
