#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "bench/latency.h"
#include "bench/workload.h"
#include "engine/engine.h"

// Timed runs of one kind of operation on one thread. Each checks what it reads: a wrong answer is
// an error, not a number.
namespace lumen::bench {

using KeyFunction = void (*)(uint64_t number, std::string& key);

struct TimedRun {
  uint64_t operations = 0;
  int64_t elapsed_ns = 0;
  // Every 16th operation: looking at the clock costs a tenth of a get.
  LatencyRecorder sampled;

  double Rate() const {
    return static_cast<double>(operations) * 1e9 / static_cast<double>(elapsed_ns + 1);
  }
};

// Puts keys [first, first + count), one a batch, kAsync.
absl::StatusOr<TimedRun> PutAsync(Engine& engine, KeyFunction make_key, const ValueSource& values,
                                  uint64_t first, uint64_t count);
// Gets `count` keys chosen at random among the first `keys`, all of which exist.
absl::StatusOr<TimedRun> GetAtRandom(Engine& engine, KeyFunction make_key,
                                     const ValueSource& values, uint64_t keys, uint64_t count,
                                     uint64_t seed);
enum class Direction { kForward, kReverse };
// Walks everything; demands `keys` entries in order.
absl::StatusOr<TimedRun> ScanAll(Engine& engine, Direction direction, uint64_t keys);

}  // namespace lumen::bench
