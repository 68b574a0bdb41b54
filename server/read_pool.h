#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "engine/base/mutex.h"

namespace lumen {

// Threads for reads that may wait for the disk, so that no thread of CallLoops does. Thread-safe.
class ReadPool {
 public:
  struct Options {
    int threads = 4;
    size_t max_queued = 4096;
  };
  explicit ReadPool(Options options);
  // Runs what is queued, then returns.
  ~ReadPool();
  ReadPool(const ReadPool&) = delete;
  ReadPool& operator=(const ReadPool&) = delete;

  // False, and `job` will not run: the queue is full.
  [[nodiscard]] bool TryPost(std::function<void()> job);
  // The next piece of work that was let in before, and whose pieces somebody else bounds.
  void Post(std::function<void()> job);

 private:
  void RunJobs();

  const Options options_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> jobs_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;
};

}  // namespace lumen
