#pragma once

#include <cstdint>
#include <memory>

#include "engine/environment.h"

namespace lumen {

// Files in memory (a MemoryFileSystem), virtual time and a seeded choice of what runs next, all on
// the calling thread: an engine opened twice with one seed and given the same calls issues the same
// file operations, byte for byte. Not thread-safe.
class SimulatedEnvironment {
 public:
  explicit SimulatedEnvironment(uint64_t seed);
  // The same clock, executor and random numbers over another file system (a trace, a simulated
  // volume).
  SimulatedEnvironment(uint64_t seed, FileSystem& file_system);
  ~SimulatedEnvironment();
  SimulatedEnvironment(const SimulatedEnvironment&) = delete;
  SimulatedEnvironment& operator=(const SimulatedEnvironment&) = delete;

  Environment environment();

  // Runs one piece of one step that is due, moving the clock forward where nothing is due yet.
  // False: nothing is left.
  bool RunOne();
  void RunUntilIdle();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lumen
