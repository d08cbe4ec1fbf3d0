#include "server/readiness.h"

#include <fmt/format.h>

#include "core/base/log.h"

namespace tamiz::server {

void Readiness::Set(std::string_view part, std::string problem) {
  bool news = false;
  {
    MutexLock listening(listener_mutex_);
    bool was_ready = false;
    bool is_ready = false;
    {
      MutexLock lock(mutex_);
      was_ready = problems_.empty();
      const auto found = problems_.find(part);
      if (problem.empty()) {
        news = found != problems_.end();
        if (news) problems_.erase(found);
      } else {
        news = found == problems_.end() || found->second != problem;
        problems_.insert_or_assign(std::string(part), problem);
      }
      is_ready = problems_.empty();
    }
    if (was_ready != is_ready && listener_) listener_(is_ready);
  }
  if (!news) return;
  if (problem.empty()) {
    LogInfo("problem gone", {{"part", std::string(part)}});
  } else {
    LogWarn("not ready", {{"part", std::string(part)}, {"problem", problem}});
  }
}

std::vector<std::string> Readiness::Problems() const {
  MutexLock lock(mutex_);
  std::vector<std::string> texts;
  for (const auto& [part, problem] : problems_) texts.push_back(fmt::format("{}: {}", part, problem));
  return texts;
}

void Readiness::OnChange(std::function<void(bool ready)> listener) {
  MutexLock listening(listener_mutex_);
  listener_ = std::move(listener);
  bool is_ready = false;
  {
    MutexLock lock(mutex_);
    is_ready = problems_.empty();
  }
  listener_(is_ready);
}

}  // namespace tamiz::server
