#include "engine/posix_environment.h"

#include "engine/env/posix_file_system.h"
#include "engine/env/steady_clock.h"
#include "engine/env/system_random.h"
#include "engine/env/thread_executor.h"

namespace lumen {

struct PosixEnvironment::Parts {
  PosixFileSystem file_system;
  SteadyClock clock;
  SystemRandom random;
  ThreadExecutor executor;  // last: its threads stop before what their steps use goes away
};

PosixEnvironment::PosixEnvironment() : parts_(std::make_unique<Parts>()) {}
PosixEnvironment::~PosixEnvironment() = default;

Environment PosixEnvironment::environment() {
  return {.file_system = parts_->file_system,
          .clock = parts_->clock,
          .executor = parts_->executor,
          .random = parts_->random};
}

}  // namespace lumen
