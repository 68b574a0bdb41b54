#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace lumen::bench {

inline int64_t NowNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Keeps every sample, 4 bytes each, so that percentiles are exact. Not thread-safe: one per thread,
// merged at the end.
class LatencyRecorder {
 public:
  void Record(int64_t duration_ns);
  void Merge(const LatencyRecorder& other);
  // The smallest sample that at least `percent` of all samples do not exceed; 0 without samples.
  int64_t PercentileNanos(double percent);
  // "p50 104 us, p99 180 us, p99.9 412 us"
  std::string Summary();

 private:
  std::vector<uint32_t> samples_ns_;
  bool sorted_ = false;
};

double Median(std::vector<double> values);

}  // namespace lumen::bench
