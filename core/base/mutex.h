// std::mutex and std::condition_variable with clang's thread-safety annotations, so that
// -Wthread-safety finds a forgotten lock and ThreadSanitizer, which cannot see into a prebuilt
// absl::Mutex, sees the lock.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define TAMIZ_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define TAMIZ_THREAD_ANNOTATION(x)
#endif
#define TAMIZ_GUARDED_BY(x) TAMIZ_THREAD_ANNOTATION(guarded_by(x))
#define TAMIZ_REQUIRES(...) TAMIZ_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define TAMIZ_EXCLUDES(...) TAMIZ_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

namespace tamiz {

class TAMIZ_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  void Lock() TAMIZ_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void Unlock() TAMIZ_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class TAMIZ_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) TAMIZ_THREAD_ANNOTATION(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() TAMIZ_THREAD_ANNOTATION(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Wakes waiters. All waits may wake without cause: loop over the condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) TAMIZ_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False if `until` passed.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point until) TAMIZ_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool woken = condition_.wait_until(lock, until) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace tamiz
