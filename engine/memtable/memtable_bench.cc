// What one thread pays for a memtable of a million 16-byte keys and 100-byte values. Each iteration
// is a whole memtable; the time of interest is in the per-operation counter.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "engine/memtable/memtable.h"

namespace lumen {
namespace {

constexpr size_t kEntries = 1'000'000;

std::vector<std::string> AscendingKeys() {
  std::vector<std::string> keys(kEntries);
  char text[17];
  for (size_t i = 0; i < kEntries; ++i) {
    std::snprintf(text, sizeof text, "%016zu", i);
    keys[i] = text;
  }
  return keys;
}

std::vector<std::string> ShuffledKeys(uint64_t seed) {
  std::vector<std::string> keys = AscendingKeys();
  std::shuffle(keys.begin(), keys.end(), std::mt19937_64(seed));
  return keys;
}

std::vector<std::string> RandomKeys(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::string> keys(kEntries);
  for (std::string& key : keys) {
    for (int half = 0; half < 2; ++half) {
      const uint64_t word = random();
      key.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
  }
  return keys;
}

void Fill(Memtable& memtable, const std::vector<std::string>& keys) {
  const std::string value(100, 'v');
  SequenceNumber sequence = 0;
  for (const std::string& key : keys) memtable.Insert({key, ++sequence, EntryKind::kPut, value});
}

void CountOperations(benchmark::State& state) {
  const auto operations = static_cast<double>(state.iterations()) * kEntries;
  state.counters["per_op"] =
      benchmark::Counter(operations, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["rate"] = benchmark::Counter(operations, benchmark::Counter::kIsRate);
}

void Insert(benchmark::State& state, const std::vector<std::string>& keys) {
  for (auto unused : state) {
    Memtable memtable;
    Fill(memtable, keys);
    state.counters["bytes_per_entry"] = static_cast<double>(memtable.memory_bytes()) / kEntries;
    state.PauseTiming();
    benchmark::DoNotOptimize(memtable);
    state.ResumeTiming();
  }
  CountOperations(state);
}

void InsertRandom(benchmark::State& state) { Insert(state, RandomKeys(1)); }
void InsertShuffled(benchmark::State& state) { Insert(state, ShuffledKeys(1)); }
void InsertAscending(benchmark::State& state) { Insert(state, AscendingKeys()); }

void Get(benchmark::State& state, std::vector<std::string> keys) {
  Memtable memtable;
  Fill(memtable, keys);
  std::shuffle(keys.begin(), keys.end(), std::mt19937_64(2));
  size_t found = 0;
  for (auto unused : state) {
    for (const std::string& key : keys) found += memtable.Get(key, kMaxSequence).has_value();
  }
  if (found != kEntries * static_cast<size_t>(state.iterations()))
    state.SkipWithError("a key is missing");
  CountOperations(state);
}

void GetRandom(benchmark::State& state) { Get(state, RandomKeys(1)); }
void GetShuffled(benchmark::State& state) { Get(state, ShuffledKeys(1)); }
void GetFromAscending(benchmark::State& state) { Get(state, AscendingKeys()); }

void Scan(benchmark::State& state, bool forward) {
  Memtable memtable;
  Fill(memtable, RandomKeys(1));
  size_t bytes = 0;
  for (auto unused : state) {
    const auto iterator = memtable.NewIterator();
    if (forward) {
      for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
        bytes += iterator->entry().value.size();
      }
    } else {
      for (iterator->SeekToLast(); iterator->valid(); iterator->Prev()) {
        bytes += iterator->entry().value.size();
      }
    }
  }
  if (bytes != 100 * kEntries * static_cast<size_t>(state.iterations()))
    state.SkipWithError("entries are missing");
  CountOperations(state);
}

void ScanForward(benchmark::State& state) { Scan(state, true); }
void ScanBackward(benchmark::State& state) { Scan(state, false); }

BENCHMARK(InsertRandom)->Unit(benchmark::kMillisecond);
BENCHMARK(InsertShuffled)->Unit(benchmark::kMillisecond);
BENCHMARK(InsertAscending)->Unit(benchmark::kMillisecond);
BENCHMARK(GetRandom)->Unit(benchmark::kMillisecond);
BENCHMARK(GetShuffled)->Unit(benchmark::kMillisecond);
BENCHMARK(GetFromAscending)->Unit(benchmark::kMillisecond);
BENCHMARK(ScanForward)->Unit(benchmark::kMillisecond);
BENCHMARK(ScanBackward)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lumen

BENCHMARK_MAIN();
