#include "server/readiness.h"

#include <fmt/format.h>

#include "core/base/log.h"

namespace tamiz::server {
namespace {

using Texts = std::map<std::string, std::string, std::less<>>;

// True if that is news.
bool Put(Texts& texts, std::string_view part, const std::string& text) {
  const auto found = texts.find(part);
  if (text.empty()) {
    if (found == texts.end()) return false;
    texts.erase(found);
    return true;
  }
  if (found != texts.end() && found->second == text) return false;
  texts.insert_or_assign(std::string(part), text);
  return true;
}

std::vector<std::string> Lines(const Texts& texts) {
  std::vector<std::string> lines;
  for (const auto& [part, text] : texts) lines.push_back(fmt::format("{}: {}", part, text));
  return lines;
}

}  // namespace

void Readiness::Set(std::string_view part, std::string problem) {
  bool news = false;
  {
    MutexLock listening(listener_mutex_);
    bool was_ready = false;
    bool is_ready = false;
    {
      MutexLock lock(mutex_);
      was_ready = problems_.empty();
      news = Put(problems_, part, problem);
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

void Readiness::Warn(std::string_view part, std::string warning) {
  {
    MutexLock lock(mutex_);
    if (!Put(warnings_, part, warning)) return;
  }
  if (warning.empty()) {
    LogInfo("problem gone", {{"part", std::string(part)}});
  } else {
    LogWarn("ready, but something does not work", {{"part", std::string(part)}, {"problem", warning}});
  }
}

std::vector<std::string> Readiness::Problems() const {
  MutexLock lock(mutex_);
  return Lines(problems_);
}

std::vector<std::string> Readiness::Warnings() const {
  MutexLock lock(mutex_);
  return Lines(warnings_);
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
