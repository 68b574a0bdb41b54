#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lumen::crash {

// Hashes of states that have been tested. Eight bytes each at a load of up to 3/4, and never more
// than kMost of them: 512 MiB.
class DistinctSet {
 public:
  static constexpr size_t kMost = size_t{48} << 20;

  // False: it was there. Must not be called on a full set.
  bool Insert(uint64_t hash) {
    if ((count_ + 1) * 4 > slots_.size() * 3) Grow();
    // Zero marks an empty slot.
    if (!Place(hash == 0 ? 1 : hash)) return false;
    ++count_;
    return true;
  }
  bool full() const { return count_ >= kMost; }
  size_t count() const { return count_; }

 private:
  bool Place(uint64_t hash) {
    const size_t mask = slots_.size() - 1;
    for (size_t at = static_cast<size_t>(hash) & mask;; at = (at + 1) & mask) {
      if (slots_[at] == hash) return false;
      if (slots_[at] != 0) continue;
      slots_[at] = hash;
      return true;
    }
  }
  void Grow() {
    std::vector<uint64_t> old(slots_.size() * 2);
    old.swap(slots_);
    for (const uint64_t hash : old) {
      if (hash != 0) Place(hash);
    }
  }

  std::vector<uint64_t> slots_ = std::vector<uint64_t>(size_t{1} << 12);  // a power of two
  size_t count_ = 0;
};

}  // namespace lumen::crash
