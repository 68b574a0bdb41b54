// Scans of a million 16-byte keys with 100-byte values, spread at random over one memtable and
// three sorted sources in memory: what merging and hiding versions cost.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/iterator/merging_iterator.h"
#include "engine/iterator/user_iterator.h"
#include "engine/memtable/memtable.h"

namespace lumen {
namespace {

constexpr size_t kEntries = 1'000'000;
constexpr size_t kSources = 4;

// Like a table's blocks: entries lie in their order.
class Source {
 public:
  void Add(const Entry& entry) {
    bytes_.append(entry.key).append(entry.value);
    sequences_.push_back(entry.sequence);
  }
  std::unique_ptr<InternalIterator> NewIterator() const { return std::make_unique<Walk>(*this); }

 private:
  static constexpr size_t kKeyBytes = 16;
  static constexpr size_t kValueBytes = 100;

  class Walk final : public InternalIterator {
   public:
    explicit Walk(const Source& source) : source_(source) {}
    void SeekToFirst() override { Show(0); }
    void SeekToLast() override { Show(source_.sequences_.size() - 1); }
    void Seek(std::string_view key, SequenceNumber sequence) override {
      Show(source_.Find(key, sequence));
    }
    void SeekBefore(std::string_view key, SequenceNumber sequence) override {
      Show(source_.Find(key, sequence) - 1);
    }
    void Next() override { Show(index_ + 1); }
    void Prev() override { Show(index_ - 1); }
    absl::Status status() const override { return absl::OkStatus(); }

   private:
    void Show(size_t index) {
      index_ = index;
      valid_ = index < source_.sequences_.size();
      if (valid_) entry_ = source_.At(index);
    }
    const Source& source_;
    size_t index_ = 0;
  };

  Entry At(size_t index) const {
    const char* const at = bytes_.data() + index * (kKeyBytes + kValueBytes);
    return {{at, kKeyBytes}, sequences_[index], EntryKind::kPut, {at + kKeyBytes, kValueBytes}};
  }
  size_t Find(std::string_view key, SequenceNumber sequence) const {
    size_t begin = 0;
    size_t end = sequences_.size();
    while (begin < end) {
      const size_t middle = (begin + end) / 2;
      const Entry entry = At(middle);
      if (CompareEntries(entry.key, entry.sequence, key, sequence) < 0) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    return begin;
  }

  std::string bytes_;
  std::vector<SequenceNumber> sequences_;
};

class Data {
 public:
  Data() {
    std::mt19937_64 random(1);
    const std::string value(100, 'v');
    std::vector<size_t> in_memtable;
    for (size_t i = 0; i < kEntries; ++i) {
      const size_t source = random() % kSources;
      if (source == 0) {
        in_memtable.push_back(i);
      } else {
        sources_[source - 1].Add({KeyOf(i), i + 1, EntryKind::kPut, value});
      }
    }
    std::shuffle(in_memtable.begin(), in_memtable.end(), random);
    for (const size_t i : in_memtable) memtable_.Insert({KeyOf(i), i + 1, EntryKind::kPut, value});
  }

  std::unique_ptr<InternalIterator> Merged() const {
    std::vector<std::unique_ptr<InternalIterator>> children;
    children.push_back(memtable_.NewIterator());
    for (const Source& source : sources_) children.push_back(source.NewIterator());
    return std::make_unique<MergingIterator>(std::move(children));
  }

 private:
  static std::string KeyOf(size_t number) {
    char text[17];
    std::snprintf(text, sizeof text, "%016zu", number);
    return text;
  }

  Memtable memtable_;
  Source sources_[kSources - 1];
};

template <typename Walk>
void Scan(benchmark::State& state, Walk& iterator, bool forward) {
  size_t seen = 0;
  for (auto unused : state) {
    if (forward) {
      for (iterator.SeekToFirst(); iterator.valid(); iterator.Next()) ++seen;
    } else {
      for (iterator.SeekToLast(); iterator.valid(); iterator.Prev()) ++seen;
    }
  }
  if (seen != kEntries * static_cast<size_t>(state.iterations()))
    state.SkipWithError("lost entries");
  state.counters["rate"] =
      benchmark::Counter(static_cast<double>(seen), benchmark::Counter::kIsRate);
}

void ScanMerged(benchmark::State& state, bool forward) {
  const Data data;
  const auto iterator = data.Merged();
  Scan(state, *iterator, forward);
}

void ScanUser(benchmark::State& state, bool forward) {
  const Data data;
  UserIterator iterator(data.Merged(), kMaxSequence, {}, nullptr);
  Scan(state, iterator, forward);
}

BENCHMARK_CAPTURE(ScanMerged, forward, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ScanMerged, backward, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ScanUser, forward, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ScanUser, backward, false)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lumen

BENCHMARK_MAIN();
