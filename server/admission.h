#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lumen {

// Bounds the calls under way by count and by the bytes that they hold, requests and answers, so
// that a slow disk or a slow client makes callers back off instead of filling the memory. A call
// that is in may grow beyond the limit with its answer: the answers are bounded by their own
// limits, and nobody new comes in meanwhile. Thread-safe.
class Admission {
 public:
  struct Limits {
    size_t calls = 65536;
    size_t bytes = size_t{256} << 20;
  };
  explicit Admission(Limits limits) : limits_(limits) {}

  // True: counted until Leave.
  [[nodiscard]] bool TryEnter(size_t bytes) {
    const size_t calls = calls_.fetch_add(1) + 1;
    const size_t total = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    if (calls <= limits_.calls && total <= limits_.bytes) return true;
    Leave(bytes);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  // For what has to get in: counted until Leave.
  void Enter(size_t bytes) {
    calls_.fetch_add(1);
    Grow(bytes);
  }
  void Grow(size_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  [[nodiscard]] bool TryGrow(size_t bytes) {
    if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limits_.bytes) return true;
    Shrink(bytes);
    return false;
  }
  void Shrink(size_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  // With what it still holds.
  void Leave(size_t bytes) {
    calls_.fetch_sub(1);
    Shrink(bytes);
  }

  size_t calls() const { return calls_.load(); }
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Since the start.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  const Limits& limits() const { return limits_; }

 private:
  const Limits limits_;
  std::atomic<size_t> calls_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<uint64_t> refused_{0};
};

// Scans are counted apart from other calls: each pins a state of the engine until it ends.
inline constexpr Admission::Limits kDefaultScanLimits = {.calls = 1024, .bytes = size_t{256} << 20};

}  // namespace lumen
