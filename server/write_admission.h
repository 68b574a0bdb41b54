#pragma once

#include <atomic>
#include <cstddef>

namespace lumen {

// Bounds the writes that wait for the engine, by count and by bytes, so that a slow disk makes
// callers back off instead of filling the memory. Thread-safe.
class WriteAdmission {
 public:
  struct Limits {
    size_t writes = 65536;
    size_t bytes = size_t{256} << 20;
  };
  explicit WriteAdmission(Limits limits) : limits_(limits) {}

  // True: counted until Leave(bytes).
  [[nodiscard]] bool TryEnter(size_t bytes) {
    const size_t writes = writes_.fetch_add(1, std::memory_order_relaxed) + 1;
    const size_t total = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    if (writes <= limits_.writes && total <= limits_.bytes) return true;
    Leave(bytes);
    return false;
  }
  void Leave(size_t bytes) {
    writes_.fetch_sub(1, std::memory_order_relaxed);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }

 private:
  const Limits limits_;
  std::atomic<size_t> writes_{0};
  std::atomic<size_t> bytes_{0};
};

}  // namespace lumen
