#include "bench/latency.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_format.h"

namespace lumen::bench {

void LatencyRecorder::Record(int64_t duration_ns) {
  constexpr int64_t kLongest = std::numeric_limits<uint32_t>::max();
  samples_ns_.push_back(static_cast<uint32_t>(std::clamp<int64_t>(duration_ns, 0, kLongest)));
  sorted_ = false;
}

void LatencyRecorder::Merge(const LatencyRecorder& other) {
  samples_ns_.insert(samples_ns_.end(), other.samples_ns_.begin(), other.samples_ns_.end());
  sorted_ = false;
}

int64_t LatencyRecorder::PercentileNanos(double percent) {
  if (samples_ns_.empty()) return 0;
  if (!sorted_) std::sort(samples_ns_.begin(), samples_ns_.end());
  sorted_ = true;
  // Less a hair: 99.9 % of 1000 is a little more than 999 in floating point.
  const double rank = std::ceil(percent * static_cast<double>(samples_ns_.size()) / 100.0 - 1e-6);
  const auto index = static_cast<size_t>(std::max(rank, 1.0)) - 1;
  return samples_ns_[std::min(index, samples_ns_.size() - 1)];
}

std::string LatencyRecorder::Summary() {
  const auto micros = [this](double percent) {
    return static_cast<double>(PercentileNanos(percent)) / 1e3;
  };
  return absl::StrFormat("p50 %.4g us, p99 %.4g us, p99.9 %.4g us", micros(50), micros(99),
                         micros(99.9));
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace lumen::bench
