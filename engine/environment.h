#pragma once

#include "engine/clock.h"
#include "engine/executor.h"
#include "engine/file_system.h"

namespace lumen {

// Everything the engine may use of the outside world. Borrowed: it must outlive the engine.
struct Environment {
  FileSystem& file_system;
  Clock& clock;
  Executor& executor;
  RandomSource& random;
};

}  // namespace lumen
