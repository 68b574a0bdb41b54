#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/env/temporary_directory.h"
#include "engine/environment.h"
#include "engine/memory_file_system.h"
#include "engine/posix_environment.h"
#include "engine/simulated_environment.h"

namespace lumen {

// Where an engine under test lives.
class World {
 public:
  using Crash = MemoryFileSystem::Crash;

  virtual ~World() = default;
  virtual Environment environment() = 0;
  // Of databases; "/db" in it is the one under test.
  virtual std::string root() const = 0;

  // Single-threaded, and able to crash.
  virtual bool simulated() const = 0;
  // Runs one piece of background work; false where none is left, or where it runs by itself.
  virtual bool RunOne() = 0;

  // Before the `operation`th file operation from now, the machine crashes: what it leaves is set
  // aside, `at_crash` is called, and everything goes on as if nothing had happened.
  virtual void ArmCrash(Crash kind, uint32_t operation, std::function<void()> at_crash) = 0;
  // Crashes now, unless that has happened since ArmCrash.
  virtual void CrashNow() = 0;
  // Takes back what ArmCrash said, if it has not happened.
  virtual void Disarm() = 0;
  virtual bool crashed() const = 0;
  // On with what the crash left. No engine may be left in the old environment.
  virtual void Reboot() = 0;
};

// Files in memory, everything on the caller's thread in an order that the seed decides.
class SimulatedWorld : public World {
 public:
  explicit SimulatedWorld(uint64_t seed);

  Environment environment() override { return environment_->environment(); }
  std::string root() const override { return "/data"; }
  bool simulated() const override { return true; }
  bool RunOne() override { return environment_->RunOne(); }
  void ArmCrash(Crash kind, uint32_t operation, std::function<void()> at_crash) override;
  void CrashNow() override;
  void Disarm() override { operations_until_crash_ = 0; }
  bool crashed() const override { return left_ != nullptr; }
  void Reboot() override;

 private:
  uint64_t seed_;
  std::unique_ptr<MemoryFileSystem> files_;
  std::unique_ptr<SimulatedEnvironment> environment_;
  std::unique_ptr<MemoryFileSystem> left_;  // by the crash
  Crash kind_ = Crash::kProcess;
  uint32_t operations_until_crash_ = 0;
  std::function<void()> at_crash_;
};

// Real files, real threads, no crashes.
class PosixWorld : public World {
 public:
  Environment environment() override { return environment_.environment(); }
  std::string root() const override { return directory_.path(); }
  bool simulated() const override { return false; }
  bool RunOne() override { return false; }
  void ArmCrash(Crash, uint32_t, std::function<void()>) override;
  void CrashNow() override;
  void Disarm() override {}
  bool crashed() const override { return false; }
  void Reboot() override;

 private:
  TemporaryDirectory directory_;
  PosixEnvironment environment_;
};

}  // namespace lumen
