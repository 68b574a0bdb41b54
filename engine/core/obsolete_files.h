#pragma once

#include <deque>
#include <memory>
#include <string>

#include "engine/base/mutex.h"
#include "engine/core/background.h"
#include "engine/environment.h"

namespace lumen {

// Removes files that nothing durable names any more, in the background. A failed removal is left to
// the next Open, which deletes whatever the manifest does not name. Thread-safe.
class ObsoleteFiles {
 public:
  ObsoleteFiles(FileSystem& file_system, Background& background);

  // `path` may be removed whenever convenient: every record that named it is superseded by a synced
  // one.
  void Add(std::string path) EXCLUDES(mutex_);

 private:
  class RemoveStep;
  void Schedule() REQUIRES(mutex_);
  // The next file to remove; empty once the engine stops.
  std::string Take() EXCLUDES(mutex_);
  // Behind whatever else has been posted meanwhile, the next one's turn comes.
  void Removed() EXCLUDES(mutex_);

  FileSystem& file_system_;
  Background& background_;
  Mutex mutex_;
  std::deque<std::string> paths_ GUARDED_BY(mutex_);
  bool step_posted_ GUARDED_BY(mutex_) = false;
};

}  // namespace lumen
