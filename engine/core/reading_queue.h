#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "engine/base/mutex.h"
#include "engine/core/background.h"
#include "engine/core/database_state.h"
#include "engine/core/write_request.h"

namespace lumen {

// Takes the readings of conditional asynchronous writes that need the disk, off their callers'
// threads and off those that lead commit groups. Requests wait here, not in the executor, whose
// lanes are for a few jobs: as many as there are callers. Thread-safe.
class ReadingQueue {
 public:
  // Runs on a kRead step, without locks.
  using Done = std::function<void(std::unique_ptr<WriteRequest>, const absl::Status& readings)>;

  ReadingQueue(Background& background, const DatabaseState& state, Done done);

  void Add(std::unique_ptr<WriteRequest> request) EXCLUDES(mutex_);

 private:
  class ReadStep;
  // As many as the lane runs at once.
  static constexpr int kMostSteps = 2;

  // The next request; null when there is none, which ends the step that asked.
  std::unique_ptr<WriteRequest> Take() EXCLUDES(mutex_);

  Background& background_;
  const DatabaseState& state_;
  const Done done_;
  Mutex mutex_;
  std::deque<std::unique_ptr<WriteRequest>> waiting_ GUARDED_BY(mutex_);
  int steps_ GUARDED_BY(mutex_) = 0;
};

}  // namespace lumen
