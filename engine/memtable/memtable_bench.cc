// What one thread pays for a memtable of a million 16-byte keys and 100-byte values. Each iteration
// is a whole memtable; the time of interest is in the per-operation counter.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/memtable/memtable.h"

namespace lumen {
namespace {

constexpr size_t kEntries = 1'000'000;

// Inline, so that fetching a key costs the benchmark no cache miss of its own.
using Key = std::array<char, 16>;
using Keys = std::vector<Key>;

std::string_view ViewOf(const Key& key) { return {key.data(), key.size()}; }

Keys AscendingKeys() {
  Keys keys(kEntries);
  char text[17];
  for (size_t i = 0; i < kEntries; ++i) {
    std::snprintf(text, sizeof text, "%016zu", i);
    std::memcpy(keys[i].data(), text, 16);
  }
  return keys;
}

Keys ShuffledKeys(uint64_t seed) {
  Keys keys = AscendingKeys();
  std::shuffle(keys.begin(), keys.end(), std::mt19937_64(seed));
  return keys;
}

Keys RandomKeys(uint64_t seed) {
  std::mt19937_64 random(seed);
  Keys keys(kEntries);
  for (Key& key : keys) {
    const uint64_t words[2] = {random(), random()};
    std::memcpy(key.data(), words, sizeof words);
  }
  return keys;
}

void Fill(Memtable& memtable, const Keys& keys) {
  const std::string value(100, 'v');
  SequenceNumber sequence = 0;
  for (const Key& key : keys) memtable.Insert({ViewOf(key), ++sequence, EntryKind::kPut, value});
}

void CountOperations(benchmark::State& state) {
  const auto operations = static_cast<double>(state.iterations()) * kEntries;
  state.counters["per_op"] =
      benchmark::Counter(operations, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["rate"] = benchmark::Counter(operations, benchmark::Counter::kIsRate);
}

void Insert(benchmark::State& state, const Keys& keys) {
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

void Get(benchmark::State& state, Keys keys) {
  Memtable memtable;
  Fill(memtable, keys);
  std::shuffle(keys.begin(), keys.end(), std::mt19937_64(2));
  size_t found = 0;
  for (auto unused : state) {
    for (const Key& key : keys) found += memtable.Get(ViewOf(key), kMaxSequence).has_value();
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
