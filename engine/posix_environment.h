#pragma once

#include <memory>

#include "engine/environment.h"

namespace lumen {

// The real thing: POSIX files, the steady clock, getrandom(2), and threads (two for kCommit, so
// that one group's callbacks run while the next group syncs, and one for each other priority).
// Destroy after every engine that uses it.
class PosixEnvironment {
 public:
  PosixEnvironment();
  ~PosixEnvironment();
  PosixEnvironment(const PosixEnvironment&) = delete;
  PosixEnvironment& operator=(const PosixEnvironment&) = delete;

  Environment environment();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lumen
