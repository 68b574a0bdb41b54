#include "proptests/world.h"

#include <utility>

#include "engine/base/check.h"

namespace lumen {

SimulatedWorld::SimulatedWorld(uint64_t seed)
    : seed_(seed),
      files_(std::make_unique<MemoryFileSystem>()),
      environment_(std::make_unique<SimulatedEnvironment>(seed_, *files_)) {}

void SimulatedWorld::ArmCrash(Crash kind, uint32_t operation, std::function<void()> at_crash) {
  CHECK(left_ == nullptr);
  kind_ = kind;
  operations_until_crash_ = operation;
  at_crash_ = std::move(at_crash);
  if (operation == 0) return;
  files_->SetHook([this](MemoryFileSystem::Operation, const std::string&) {
    if (operations_until_crash_ > 0 && --operations_until_crash_ == 0) CrashNow();
    return absl::OkStatus();
  });
}

void SimulatedWorld::CrashNow() {
  if (left_ != nullptr) return;
  operations_until_crash_ = 0;
  left_ = files_->CrashCopy(kind_);
  at_crash_();
}

void SimulatedWorld::Reboot() {
  CHECK(left_ != nullptr);
  environment_.reset();
  files_ = std::move(left_);
  environment_ = std::make_unique<SimulatedEnvironment>(++seed_, *files_);
}

void PosixWorld::ArmCrash(Crash, uint32_t, std::function<void()>) { CHECK(false); }
void PosixWorld::CrashNow() { CHECK(false); }
void PosixWorld::Reboot() { CHECK(false); }

}  // namespace lumen
