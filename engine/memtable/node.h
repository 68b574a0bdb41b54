#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "engine/format/entry.h"

namespace lumen::memtable {

// An entry in the arena; key and value follow it. Never changes once a node points at it.
struct Record {
  uint64_t tag;
  uint32_t key_bytes;
  uint32_t value_bytes;

  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view key() const { return {data(), key_bytes}; }
  SequenceNumber sequence() const { return TagSequence(tag); }
  Entry entry() const {
    return {key(), sequence(), TagKind(tag), {data() + key_bytes, value_bytes}};
  }
};

// A place in entry order.
struct Target {
  explicit Target(const Record& record) : key(record.key()), sequence(record.sequence()) {}
  Target(std::string_view target_key, SequenceNumber target_sequence)
      : key(target_key), sequence(target_sequence) {}

  std::string_view key;
  SequenceNumber sequence;
};

// Called between any two steps of either side: a test lets the other side act there.
#ifdef LUMEN_MEMTABLE_INTERLEAVED
void ReaderStep();
void WriterStep();
#else
inline void ReaderStep() {}
inline void WriterStep() {}
#endif

// Every field that changes after its node was published is read and written through these two. A
// reader that sees a value sees all that was written before it, and no later load happens earlier.
template <typename T>
T Load(const std::atomic<T>& field) {
  ReaderStep();
  return field.load(std::memory_order_acquire);
}
template <typename T>
void Publish(std::atomic<T>& field, std::type_identity_t<T> value) {
  field.store(value, std::memory_order_release);
  WriterStep();
}

// Which records lie below a target that is itself a record.
enum class Bound { kBefore, kUpTo };

// A node of the tree. Its slots are filled once each, in order of arrival; `order` sorts them. See
// tree.cc for what a concurrent reader may rely on.
struct alignas(64) Node {
  static constexpr uint32_t kSlots = 64;

  bool is_leaf() const { return level == 0; }
  bool SharesPrefix(std::string_view key) const {
    return prefix == nullptr ||
           key.substr(0, prefix_bytes) == std::string_view{prefix, prefix_bytes};
  }
  // The slot of the record at `position` among the first `version` to arrive. Right only if the
  // version has not changed since; within bounds in any case.
  uint32_t SlotAt(uint32_t version, uint32_t position) const {
    const uint64_t word = Load(order[version & 1][position / 8]);
    return static_cast<uint32_t>(word >> position % 8 * 8) % kSlots;
  }
  int64_t HeadIn(uint32_t slot) const { return lines[slot / 4].heads[slot % 4]; }
  // Null in the first slot of an inner node without `low`: sorts before everything.
  const Record* RecordIn(uint32_t slot) const { return lines[slot / 4].records[slot % 4]; }
  // The number of records below the target among the first `version` to arrive. Right only if the
  // version has not changed since. At least 1 in an inner node, whose first child also takes what
  // is below every record.
  template <Bound kBound>
  uint32_t CountBelow(uint32_t version, const Target& target) const;

  // The head of a key that shares the prefix, biased to compare as signed: vectors do only that.
  int64_t HeadOf(std::string_view key) const {
    return static_cast<int64_t>(KeyHead(key.substr(prefix_bytes)) ^ uint64_t{1} << 63);
  }

  // How many slots are filled. It only grows, so it is the version of the node's content, too.
  std::atomic<uint32_t> count;
  uint32_t level;  // 0: leaf
  // Every record lies in [low, high); null: unbounded. `low` is a record of the node itself, `high`
  // is the first record behind it.
  const Record* low;
  std::atomic<const Record*> high;
  // What all records have in common before their heads. Null: every key that is routed here has it
  // too, because both bounds have; only the length counts.
  const char* prefix;
  uint32_t prefix_bytes;
  char inline_prefix[20];

  // Slots by position, one byte each; the version's lowest bit chooses the half that is valid.
  std::atomic<uint64_t> order[2][kSlots / 8];
  // Slots by fours, so that a head brings its record's address along in one cache line.
  struct alignas(64) Line {
    int64_t heads[4];
    const Record* records[4];
  };
  Line lines[kSlots / 4];

 private:
  uint32_t CountHeadsBelow(uint32_t version, int64_t head) const;
};

// children[slot] holds [RecordIn(slot), the next record).
struct InnerNode : Node {
  std::atomic<Node*> children[kSlots];
};

template <Bound kBound>
inline bool IsBelow(const Record* record, const Target& target, size_t skip_bytes) {
  if (record == nullptr) return true;
  const int order = record->key().substr(skip_bytes).compare(target.key.substr(skip_bytes));
  if (order != 0) return order < 0;
  return kBound == Bound::kBefore ? record->sequence() > target.sequence
                                  : record->sequence() >= target.sequence;
}

// Unsorted slots are counted faster than sorted ones are bisected: no step waits for another.
inline uint32_t Node::CountHeadsBelow(uint32_t version, int64_t head) const {
  using Lanes = int64_t __attribute__((vector_size(16)));
  const Lanes wanted = {head, head};
  Lanes below = {};
  for (uint32_t line = 0; line < version / 4; ++line) {
    Lanes first;
    Lanes second;
    std::memcpy(&first, lines[line].heads, sizeof first);
    std::memcpy(&second, lines[line].heads + 2, sizeof second);
    below -= (first < wanted) + (second < wanted);  // true is -1
  }
  uint32_t result = static_cast<uint32_t>(below[0] + below[1]);
  // Never beyond the version: the next slot may be written at this moment.
  for (uint32_t slot = version / 4 * 4; slot < version; ++slot) {
    if (HeadIn(slot) < head) ++result;
  }
  return result;
}

template <Bound kBound>
inline uint32_t Node::CountBelow(uint32_t version, const Target& target) const {
  const uint32_t least = is_leaf() ? 0 : 1;
  if (prefix != nullptr) {
    const int side = target.key.substr(0, prefix_bytes).compare({prefix, prefix_bytes});
    if (side != 0) return side < 0 ? least : version;
  }
  const int64_t head = HeadOf(target.key);
  const auto is_below = [&](uint32_t position) {
    const uint32_t slot = SlotAt(version, position);
    return HeadIn(slot) == head && IsBelow<kBound>(RecordIn(slot), target, prefix_bytes);
  };
  uint32_t position = CountHeadsBelow(version, head);
  if (position == version || !is_below(position)) return std::max(position, least);
  // Equal heads: versions of a key, or keys that differ behind the head only.
  uint32_t end = version;
  ++position;
  while (position < end) {
    const uint32_t middle = (position + end) / 2;
    if (is_below(middle)) {
      position = middle + 1;
    } else {
      end = middle;
    }
  }
  return position;
}

}  // namespace lumen::memtable
