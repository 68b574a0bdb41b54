#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/mutex.h"
#include "faultfs/fault_injector.h"

namespace lumen::faultfs {

// What injected faults did to one file, laid over what is read from it. Thread-safe.
class FileDamage {
 public:
  explicit FileDamage(FaultInjector& faults) : faults_(faults) {}

  // Bit flip, sector garbage or truncation of a file that has `size_bytes`.
  void Strike(const Fault& fault, uint64_t size_bytes);
  // The bytes of an append never reach the disk: once LandLosses() is called they read as zeros.
  void Lose(const Fault& fault, uint64_t offset, uint64_t length);
  void LandLosses();
  // Reads of the sectors of this range fail from now on.
  void Stick(const Fault& fault, uint64_t offset, uint64_t length);
  std::optional<Fault> StuckAt(uint64_t offset, uint64_t length) const;

  // How long a file of `size_bytes` is now.
  uint64_t SizeOf(uint64_t size_bytes) const;
  // `bytes` were read from `offset`: changes them to what is there now, and returns how many.
  size_t Overlay(uint64_t offset, std::span<char> bytes) const;

 private:
  struct Range {
    Fault fault;
    uint64_t begin = 0;
    uint64_t end = 0;
    // Reading any of it from `offset` on?
    bool Meets(uint64_t offset, uint64_t length) const {
      return offset < end && begin < offset + length;
    }
  };
  static bool Patch(const Range& patch, uint64_t offset, std::span<char> bytes);

  FaultInjector& faults_;
  mutable Mutex mutex_;
  std::vector<Range> patches_ GUARDED_BY(mutex_);  // in the order in which they came
  std::vector<Range> losses_ GUARDED_BY(mutex_);
  std::vector<Range> stuck_ GUARDED_BY(mutex_);
  std::optional<Range> end_ GUARDED_BY(mutex_);  // of a truncation: its begin is where bytes end
};

}  // namespace lumen::faultfs
