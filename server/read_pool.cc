#include "server/read_pool.h"

#include <utility>

namespace lumen {

ReadPool::ReadPool(Options options) : options_(options) {
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this] { RunJobs(); });
  }
}

ReadPool::~ReadPool() {
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.NotifyAll();
}

bool ReadPool::TryPost(std::function<void()> job) {
  MutexLock lock(mutex_);
  if (jobs_.size() >= options_.max_queued) return false;
  jobs_.push_back(std::move(job));
  changed_.NotifyOne();
  return true;
}

void ReadPool::Post(std::function<void()> job) {
  MutexLock lock(mutex_);
  jobs_.push_back(std::move(job));
  changed_.NotifyOne();
}

void ReadPool::RunJobs() {
  while (true) {
    std::function<void()> job;
    {
      MutexLock lock(mutex_);
      while (jobs_.empty() && !stopping_) changed_.Wait(mutex_);
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace lumen
