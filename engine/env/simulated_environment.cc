#include "engine/simulated_environment.h"

#include "engine/env/seeded_random.h"
#include "engine/env/simulated_executor.h"
#include "engine/env/virtual_clock.h"
#include "engine/memory_file_system.h"

namespace lumen {

struct SimulatedEnvironment::Parts {
  Parts(uint64_t seed, std::unique_ptr<FileSystem> owned, FileSystem& used)
      : owned_file_system(std::move(owned)),
        file_system(used),
        random(seed),
        executor(seed, clock) {}

  const std::unique_ptr<FileSystem> owned_file_system;  // null: the caller's is used
  FileSystem& file_system;
  VirtualClock clock;
  SeededRandom random;
  SimulatedExecutor executor;  // last: the steps that it drops may use the rest
};

SimulatedEnvironment::SimulatedEnvironment(uint64_t seed) {
  auto memory = std::make_unique<MemoryFileSystem>();
  FileSystem& used = *memory;
  parts_ = std::make_unique<Parts>(seed, std::move(memory), used);
}
SimulatedEnvironment::SimulatedEnvironment(uint64_t seed, FileSystem& file_system)
    : parts_(std::make_unique<Parts>(seed, nullptr, file_system)) {}
SimulatedEnvironment::~SimulatedEnvironment() = default;

Environment SimulatedEnvironment::environment() {
  return {.file_system = parts_->file_system,
          .clock = parts_->clock,
          .executor = parts_->executor,
          .random = parts_->random};
}

bool SimulatedEnvironment::RunOne() { return parts_->executor.RunOne(); }
void SimulatedEnvironment::RunUntilIdle() { parts_->executor.RunUntilIdle(); }

}  // namespace lumen
