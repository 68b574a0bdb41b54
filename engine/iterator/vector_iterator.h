#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/format/internal_iterator.h"

// For tests: entries in a vector, their iterator, and the model that other iterators are held
// against.
namespace lumen {

struct OwnedEntry {
  std::string key;
  SequenceNumber sequence = 0;
  EntryKind kind = EntryKind::kPut;
  std::string value;

  bool operator==(const OwnedEntry&) const = default;
};

inline OwnedEntry Own(const Entry& entry) {
  return {std::string(entry.key), entry.sequence, entry.kind, std::string(entry.value)};
}

inline bool IsBefore(const OwnedEntry& a, const OwnedEntry& b) {
  return CompareEntries(a.key, a.sequence, b.key, b.sequence) < 0;
}

// Index of the first entry at or after (key, sequence).
inline size_t FindEntry(const std::vector<OwnedEntry>& entries, std::string_view key,
                        SequenceNumber sequence) {
  const auto found =
      std::partition_point(entries.begin(), entries.end(), [&](const OwnedEntry& entry) {
        return CompareEntries(entry.key, entry.sequence, key, sequence) < 0;
      });
  return static_cast<size_t>(found - entries.begin());
}

// Key and value of the current entry live in memory that the next move frees, so that a sanitizer
// sees a view that is used too long.
class VectorIterator final : public InternalIterator {
 public:
  struct Faults {
    // Coming to this entry fails.
    std::optional<size_t> bad_entry;
  };
  struct Counters {
    int moves = 0;
    int seeks = 0;
  };

  // `entries` sorted; they and the counters outlive the iterator.
  explicit VectorIterator(const std::vector<OwnedEntry>& entries, Faults faults = {},
                          Counters* counters = nullptr)
      : entries_(entries), faults_(faults), counters_(counters) {}

  void SeekToFirst() override { SeekTo(0); }
  void SeekToLast() override { SeekTo(entries_.size() - 1); }
  void Seek(std::string_view key, SequenceNumber sequence) override {
    SeekTo(FindEntry(entries_, key, sequence));
  }
  void SeekBefore(std::string_view key, SequenceNumber sequence) override {
    SeekTo(FindEntry(entries_, key, sequence) - 1);
  }
  void Next() override { Step(index_ + 1); }
  void Prev() override { Step(index_ - 1); }
  absl::Status status() const override { return status_; }

 private:
  void SeekTo(size_t index) {
    if (counters_ != nullptr) ++counters_->seeks;
    Show(index);
  }
  void Step(size_t index) {
    if (counters_ != nullptr) ++counters_->moves;
    Show(index);
  }

  // Before the first wraps around, past the last like past the end.
  void Show(size_t index) {
    index_ = index;
    status_ = absl::OkStatus();
    valid_ = index < entries_.size();
    if (valid_ && index == faults_.bad_entry) {
      valid_ = false;
      status_ = absl::DataLossError("bad entry");
    }
    bytes_.reset();
    if (!valid_) return;
    const OwnedEntry& entry = entries_[index];
    bytes_ = std::make_unique<char[]>(entry.key.size() + entry.value.size() + 1);
    char* const value = std::copy(entry.key.begin(), entry.key.end(), bytes_.get());
    std::copy(entry.value.begin(), entry.value.end(), value);
    entry_ = {
        {bytes_.get(), entry.key.size()}, entry.sequence, entry.kind, {value, entry.value.size()}};
  }

  const std::vector<OwnedEntry>& entries_;
  const Faults faults_;
  Counters* const counters_;
  size_t index_ = 0;
  std::unique_ptr<char[]> bytes_;
  absl::Status status_;
};

// Sorted entries with distinct sequences. The keys are short, of few letters, some behind a common
// prefix longer than a head, so that versions, equal heads and zero bytes at the end abound.
class RandomEntries {
 public:
  explicit RandomEntries(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  std::string Key() {
    std::string key = Below(3) == 0 ? "a-long-common-prefix" : "";
    for (uint64_t rest = 1 + Below(4); rest > 0; --rest)
      key.push_back(std::string_view{"\0ab", 3}[Below(3)]);
    return key;
  }

  std::vector<OwnedEntry> Make(size_t count) {
    std::vector<OwnedEntry> entries;
    for (SequenceNumber sequence = 1; sequence <= count; ++sequence) {
      const bool is_delete = Below(3) == 0;
      entries.push_back({Key(), sequence, is_delete ? EntryKind::kDelete : EntryKind::kPut,
                         is_delete ? "" : "value" + std::to_string(sequence)});
    }
    std::sort(entries.begin(), entries.end(), IsBefore);
    return entries;
  }

  // Deals the entries out; each hand is sorted, too.
  std::vector<std::vector<OwnedEntry>> Deal(const std::vector<OwnedEntry>& entries, size_t hands) {
    std::vector<std::vector<OwnedEntry>> dealt(hands);
    // Runs of several for one hand, because iterators have a fast path for them.
    size_t hand = 0;
    for (const OwnedEntry& entry : entries) {
      if (Below(3) == 0) hand = Below(hands);
      dealt[hand].push_back(entry);
    }
    return dealt;
  }

 private:
  std::mt19937_64 random_;
};

// Walks `iterator` and a model of it at once, from one random seek on.
class ModelWalk {
 public:
  ModelWalk(InternalIterator& iterator, const std::vector<OwnedEntry>& model, RandomEntries& random)
      : iterator_(iterator), model_(model), random_(random) {}

  // Null where they agree at every step, else what went wrong.
  const char* Run(uint64_t max_steps) {
    Seek();
    const uint64_t forward_of_8 = random_.Below(9);
    for (uint64_t steps = random_.Below(max_steps + 1); Agrees(); --steps) {
      if (steps == 0 || !iterator_.valid()) return nullptr;
      if (random_.Below(8) < forward_of_8) {
        iterator_.Next();
        ++index_;
      } else {
        iterator_.Prev();
        --index_;
      }
    }
    return index_ < model_.size() ? "iterator is not where the model is"
                                  : "iterator should be invalid";
  }

 private:
  void Seek() {
    const std::string key = random_.Key();
    const SequenceNumber sequence =
        random_.Below(2) == 0 ? kMaxSequence : random_.Below(model_.size() + 2);
    switch (random_.Below(6)) {
      case 0:
        iterator_.SeekToFirst();
        index_ = 0;
        return;
      case 1:
        iterator_.SeekToLast();
        index_ = model_.size() - 1;
        return;
      case 2:
      case 3:
        iterator_.Seek(key, sequence);
        index_ = FindEntry(model_, key, sequence);
        return;
      default:
        iterator_.SeekBefore(key, sequence);
        index_ = FindEntry(model_, key, sequence) - 1;
    }
  }

  bool Agrees() const {
    if (!iterator_.status().ok()) return false;
    if (iterator_.valid() != (index_ < model_.size())) return false;
    return !iterator_.valid() || Own(iterator_.entry()) == model_[index_];
  }

  InternalIterator& iterator_;
  const std::vector<OwnedEntry>& model_;
  RandomEntries& random_;
  size_t index_ = 0;  // wraps around before the first
};

}  // namespace lumen
