// One table of 2 M entries with 16 B keys and 100 B values in memory: point reads (hit, absent),
// scans, seeks, building. Reads go through a block cache that holds the whole table, except where
// named "window".
#include <benchmark/benchmark.h>

#include <cinttypes>
#include <cstdio>

#include "engine/format/coding.h"
#include "engine/table/table_testing.h"

namespace lumen {
namespace {

using table_testing::OpenTable;
using table_testing::StringLogFile;

constexpr uint64_t kEntries = 2'000'000;
constexpr uint64_t kLiveBytesAnEntry = 116;

// Spreads 0, 1, 2... over all 64-bit numbers (splitmix64).
uint64_t Mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return value ^ value >> 31;
}

std::string KeyOf(uint64_t number) {
  char key[32];
  std::snprintf(key, sizeof key, "%016" PRIu64, number);
  return key;
}

std::string FillTable(uint64_t entries, bool lz4) {
  StringLogFile file;
  TableBuilder builder(file, {.lz4 = lz4});
  std::string value(100, 'v');
  for (uint64_t i = 0; i < entries; ++i) {
    for (size_t at = 0; at < 48; at += 8) StoreFixed(value.data() + at, Mix(i + at));
    CHECK(builder.Add({KeyOf(i * 10), i + 1, EntryKind::kPut, value}).ok());
  }
  CHECK(builder.Finish().ok());
  return std::move(file.bytes);
}

// A page cache that is always warm: takes a copy, keeps nothing.
class CopyingSink final : public LogFile {
 public:
  absl::Status Allocate(uint64_t) override { return absl::OkStatus(); }
  absl::Status Append(std::string_view data) override {
    copy_.assign(data);
    benchmark::DoNotOptimize(copy_.data());
    offset_ += data.size();
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  uint64_t offset() const override { return offset_; }
  uint64_t durable_offset() const override { return offset_; }

 private:
  std::string copy_;
  uint64_t offset_ = 0;
};

struct OpenedTable {
  explicit OpenedTable(bool lends) : cache(uint64_t{1} << 30) {
    std::string bytes = FillTable(kEntries, false);
    file_bytes = bytes.size();
    reader = *OpenTable(std::move(bytes), cache, lends);
    const auto iterator = reader->NewIterator(true);
    for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
    }
  }
  BlockCache cache;
  uint64_t file_bytes = 0;
  std::unique_ptr<TableReader> reader;
};

const OpenedTable& Copying() {
  static const OpenedTable* const table = new OpenedTable(false);
  return *table;
}

void BM_Get(benchmark::State& state) {
  const OpenedTable& table = Copying();
  std::vector<std::string> keys;
  for (uint64_t i = 0; i < 1'000'000; ++i) keys.push_back(KeyOf(Mix(i) % kEntries * 10));
  size_t next = 0;
  for (auto _ : state) {
    const auto hit = table.reader->Get(keys[next], kMaxSequence);
    CHECK(hit.ok() && hit->has_value());
    benchmark::DoNotOptimize((*hit)->entry.value.data()[50]);
    next = next + 1 == keys.size() ? 0 : next + 1;
  }
  state.counters["disk/live"] =
      static_cast<double>(table.file_bytes) / static_cast<double>(kEntries * kLiveBytesAnEntry);
  state.counters["pinned/live"] = static_cast<double>(table.reader->pinned_bytes()) /
                                  static_cast<double>(kEntries * kLiveBytesAnEntry);
}
BENCHMARK(BM_Get);

void BM_GetAbsent(benchmark::State& state) {
  const OpenedTable& table = Copying();
  std::vector<std::string> keys;
  for (uint64_t i = 0; i < 1'000'000; ++i) keys.push_back(KeyOf(Mix(i) % kEntries * 10 + 5));
  size_t next = 0;
  uint64_t passed = 0;
  for (auto _ : state) {
    passed += table.reader->MayContain(keys[next]) ? 1 : 0;
    next = next + 1 == keys.size() ? 0 : next + 1;
  }
  state.counters["false_positives"] =
      static_cast<double>(passed) / static_cast<double>(state.iterations());
}
BENCHMARK(BM_GetAbsent);

void BM_Scan(benchmark::State& state) {
  const auto iterator = Copying().reader->NewIterator(state.range(0) != 0);
  uint64_t sum = 0;
  for (auto _ : state) {
    for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
      sum += iterator->entry().sequence + iterator->entry().key.size();
    }
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations() * int64_t{kEntries});
}
BENCHMARK(BM_Scan)->ArgName("cached")->Arg(1)->Arg(0)->Unit(benchmark::kMillisecond);

void BM_ScanReverse(benchmark::State& state) {
  const auto iterator = Copying().reader->NewIterator(state.range(0) != 0);
  uint64_t sum = 0;
  for (auto _ : state) {
    for (iterator->SeekToLast(); iterator->valid(); iterator->Prev()) {
      sum += iterator->entry().sequence + iterator->entry().key.size();
    }
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations() * int64_t{kEntries});
}
BENCHMARK(BM_ScanReverse)->ArgName("cached")->Arg(1)->Arg(0)->Unit(benchmark::kMillisecond);

void BM_SeekAndTenNext(benchmark::State& state) {
  const OpenedTable& table = Copying();
  std::vector<std::string> keys;
  for (uint64_t i = 0; i < 1'000'000; ++i) keys.push_back(KeyOf(Mix(i) % kEntries * 10));
  size_t next = 0;
  for (auto _ : state) {
    const auto iterator = table.reader->NewIterator(true);
    iterator->Seek(keys[next], kMaxSequence);
    for (int step = 0; step < 10 && iterator->valid(); ++step) iterator->Next();
    next = next + 1 == keys.size() ? 0 : next + 1;
  }
}
BENCHMARK(BM_SeekAndTenNext);

// Reading one table through a window and writing it again: compaction without the merge.
void BM_Rewrite(benchmark::State& state) {
  for (auto _ : state) {
    CopyingSink file;
    TableBuilder builder(file, {.lz4 = state.range(0) != 0});
    const auto iterator = Copying().reader->NewIterator(false);
    for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
      CHECK(builder.Add(iterator->entry()).ok());
    }
    CHECK(builder.Finish().ok());
  }
  state.SetItemsProcessed(state.iterations() * int64_t{kEntries});
  state.SetBytesProcessed(state.iterations() * int64_t{kEntries * kLiveBytesAnEntry});
}
BENCHMARK(BM_Rewrite)->ArgName("lz4")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lumen

BENCHMARK_MAIN();
