#include "core/store/record_queue.h"

#include <fmt/format.h>

#include <utility>

#include "core/base/log.h"

namespace tamiz::store {

RecordQueue::RecordQueue(Write write, const Options& options)
    : write_(std::move(write)),
      options_(options),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

RecordQueue::~RecordQueue() {
  thread_.request_stop();
  {
    MutexLock lock(mutex_);
    changed_.NotifyAll();
  }
  thread_.join();
  Drain(std::chrono::steady_clock::now() + options_.closing_time);
  if (const std::size_t lost = waiting(); lost > 0) {
    LogError("records of matches are lost: the database did not come back before the end",
             {{"records", static_cast<std::int64_t>(lost)}});
  }
}

std::size_t RecordQueue::waiting() const {
  MutexLock lock(mutex_);
  return waiting_.size();
}

Status RecordQueue::Record(const ScanRecord& record) {
  if (waiting() == 0) {
    const Status written = write_(record);
    if (written.code() != StatusCode::kUnavailable) return written;
    LogWarn("the database is gone; records of matches are kept in memory until it is back",
            {{"why", Message(written)}});
  }
  MutexLock lock(mutex_);
  if (waiting_.size() >= options_.limit) {
    return MakeError(
        StatusCode::kResourceExhausted,
        fmt::format("the database is gone and {} records are kept already; this one is lost", options_.limit),
        "STORE_RECORDS_FULL");
  }
  waiting_.push_back(record);
  changed_.NotifyAll();
  return OkStatus();
}

bool RecordQueue::Drain(SteadyTime until) {
  while (std::chrono::steady_clock::now() < until) {
    ScanRecord first;
    {
      MutexLock lock(mutex_);
      if (waiting_.empty()) return true;
      first = waiting_.front();
    }
    const Status written = write_(first);
    if (written.code() == StatusCode::kUnavailable) return false;
    if (!written.ok()) {
      LogError("a match could not be recorded", {{"scan_id", first.scan_id}, {"error", Message(written)}});
    }
    MutexLock lock(mutex_);
    waiting_.pop_front();  // only this function takes from the front, and one thread calls it
  }
  return false;
}

void RecordQueue::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && !stop.stop_requested()) changed_.Wait(mutex_);
      if (stop.stop_requested()) return;
      const SteadyTime until = std::chrono::steady_clock::now() + options_.retry;
      while (!stop.stop_requested() && std::chrono::steady_clock::now() < until) {
        changed_.WaitUntil(mutex_, until);
      }
    }
    if (stop.stop_requested()) return;
    if (Drain(SteadyTime::max())) LogInfo("the database is back; records that were kept are written");
  }
}

}  // namespace tamiz::store
