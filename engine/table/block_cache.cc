#include "engine/table/block_cache.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "engine/base/mutex.h"
#include "engine/table/block.h"

namespace lumen {
namespace {

constexpr uint64_t kMostShards = 16;
constexpr uint64_t kFewestShardBytes = uint64_t{1} << 20;
constexpr size_t kFewestSlots = 16;
constexpr uint64_t kMostKeptBytes = uint64_t{2} << 20;

// Evicted blocks, to be freed once the lock is gone.
using Evicted = absl::InlinedVector<BlockHandle, 4>;

uint64_t HashPosition(uint64_t table_id, uint64_t offset) {
  const auto product =
      static_cast<unsigned __int128>(table_id ^ 0xa0761d6478bd642f) * (offset ^ 0xe7037ed1a0b428db);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

struct Slot {
  uint64_t table_id = 0;
  uint64_t offset = 0;
  BlockHandle block;  // null: free
  uint64_t charge_bytes = 0;
  bool referenced = false;
};

// One lock's part: a hash table with linear probing whose slots the clock's hand sweeps. CLOCK
// rather than LRU since a hit then writes one flag in the slot it has just read, not six links in
// three nodes. A block enters unreferenced, so that a scan's blocks go before any that was hit.
class alignas(64) CacheShard {
 public:
  BlockHandle Lookup(uint64_t hash, uint64_t table_id, uint64_t offset) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (!slots_.empty()) {
      Slot& slot = slots_[FindLocked(hash, table_id, offset)];
      if (slot.block != nullptr) {
        slot.referenced = true;
        ++hits_;
        return slot.block;
      }
    }
    ++misses_;
    return nullptr;
  }

  // `budget` is called under the lock: what it returns then binds this insertion, and TrimTo sees
  // the insertion if it starts later.
  template <typename Budget>
  void Insert(uint64_t hash, uint64_t table_id, uint64_t offset, BlockHandle block,
              const Budget& budget) EXCLUDES(mutex_) {
    const uint64_t charge = block->charge_bytes();
    Evicted evicted;
    MutexLock lock(mutex_);
    const uint64_t budget_bytes = budget();
    if (charge > budget_bytes || !MakeSlotLocked(budget_bytes, evicted)) return;
    if (slots_[FindLocked(hash, table_id, offset)].block != nullptr) return;
    EvictLocked(budget_bytes - charge, evicted);
    if (used_bytes_ + charge > budget_bytes) return;
    Slot& slot = slots_[FindLocked(hash, table_id, offset)];
    slot = {table_id, offset, std::move(block), charge, false};
    used_bytes_ += charge;
    ++count_;
  }

  void TrimTo(uint64_t budget_bytes) EXCLUDES(mutex_) {
    Evicted evicted;
    MutexLock lock(mutex_);
    EvictLocked(budget_bytes, evicted);
    if (used_bytes_ > budget_bytes) {
      used_bytes_ -= SlotsBytesLocked();
      std::vector<Slot>().swap(slots_);
    }
  }

  uint64_t used_bytes() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return used_bytes_;
  }
  uint64_t hits() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return hits_;
  }
  uint64_t misses() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return misses_;
  }

 private:
  uint64_t SlotsBytesLocked() const REQUIRES(mutex_) { return slots_.size() * sizeof(Slot); }

  // Where the block is, or the free slot where it would go.
  size_t FindLocked(uint64_t hash, uint64_t table_id, uint64_t offset) const REQUIRES(mutex_) {
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    while (slots_[at].block != nullptr &&
           (slots_[at].offset != offset || slots_[at].table_id != table_id)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  // Room for one more in the hash table: a larger one, or an eviction where that does not fit.
  bool MakeSlotLocked(uint64_t budget_bytes, Evicted& evicted) REQUIRES(mutex_) {
    if (!slots_.empty() && (count_ + 1) * 4 <= slots_.size() * 3) return true;
    const size_t wanted = std::max(kFewestSlots, slots_.size() * 2);
    if (used_bytes_ + wanted * sizeof(Slot) > budget_bytes) {
      if (count_ == 0) return false;
      EvictOneLocked(evicted);
      return true;
    }
    std::vector<Slot> old(wanted);
    old.swap(slots_);
    used_bytes_ += (wanted - old.size()) * sizeof(Slot);
    for (Slot& slot : old) {
      if (slot.block == nullptr) continue;
      const uint64_t hash = HashPosition(slot.table_id, slot.offset);
      slots_[FindLocked(hash, slot.table_id, slot.offset)] = std::move(slot);
    }
    return true;
  }

  void EvictLocked(uint64_t budget_bytes, Evicted& evicted) REQUIRES(mutex_) {
    while (used_bytes_ > budget_bytes && count_ > 0) EvictOneLocked(evicted);
  }

  void EvictOneLocked(Evicted& evicted) REQUIRES(mutex_) {
    for (;; ++hand_) {
      hand_ &= slots_.size() - 1;
      Slot& slot = slots_[hand_];
      if (slot.block == nullptr) continue;
      if (!std::exchange(slot.referenced, false)) break;
    }
    used_bytes_ -= slots_[hand_].charge_bytes;
    --count_;
    evicted.push_back(std::move(slots_[hand_].block));
    CloseGapLocked(hand_);
  }

  // Moves later members of the probe sequence up, so that none is cut off from its hash.
  void CloseGapLocked(size_t gap) REQUIRES(mutex_) {
    const size_t mask = slots_.size() - 1;
    for (size_t at = (gap + 1) & mask; slots_[at].block != nullptr; at = (at + 1) & mask) {
      const size_t home = HashPosition(slots_[at].table_id, slots_[at].offset) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      slots_[gap] = std::move(slots_[at]);
      gap = at;
    }
    slots_[gap] = Slot();
  }

  Mutex mutex_;
  std::vector<Slot> slots_ GUARDED_BY(mutex_);  // a power of two, or none
  size_t count_ GUARDED_BY(mutex_) = 0;
  size_t hand_ GUARDED_BY(mutex_) = 0;
  uint64_t used_bytes_ GUARDED_BY(mutex_) = 0;  // blocks and slots
  uint64_t hits_ GUARDED_BY(mutex_) = 0;
  uint64_t misses_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

class BlockCache::Rep {
 public:
  explicit Rep(uint64_t capacity_bytes)
      : capacity_bytes_(capacity_bytes),
        memory_(std::make_shared<BlockMemory>(KeptBytes(capacity_bytes))),
        shards_(std::bit_floor(
            std::clamp<uint64_t>(capacity_bytes / kFewestShardBytes, 1, kMostShards))) {}

  CacheShard& ShardOf(uint64_t hash) { return shards_[(hash >> 32) & (shards_.size() - 1)]; }
  uint64_t shard_budget_bytes() const {
    const uint64_t taken = pinned_bytes_.load() + KeptBytes(capacity_bytes_);
    return taken >= capacity_bytes_ ? 0 : (capacity_bytes_ - taken) / shards_.size();
  }

  template <typename Field>
  uint64_t Sum(const Field& field) {
    uint64_t sum = 0;
    for (CacheShard& shard : shards_) sum += field(shard);
    return sum;
  }

  const uint64_t capacity_bytes_;
  const std::shared_ptr<BlockMemory> memory_;
  std::atomic<uint64_t> pinned_bytes_{0};
  std::vector<CacheShard> shards_;

 private:
  // Enough for what many threads evict before others read; none where a block hardly fits.
  static uint64_t KeptBytes(uint64_t capacity_bytes) {
    return std::min(capacity_bytes / 64, kMostKeptBytes);
  }
};

BlockCache::BlockCache(uint64_t capacity_bytes) : rep_(std::make_unique<Rep>(capacity_bytes)) {}
BlockCache::~BlockCache() = default;

BlockHandle BlockCache::Lookup(uint64_t table_id, uint64_t offset) {
  const uint64_t hash = HashPosition(table_id, offset);
  return rep_->ShardOf(hash).Lookup(hash, table_id, offset);
}

void BlockCache::Insert(uint64_t table_id, uint64_t offset, BlockHandle block) {
  const uint64_t hash = HashPosition(table_id, offset);
  rep_->ShardOf(hash).Insert(hash, table_id, offset, std::move(block),
                             [this] { return rep_->shard_budget_bytes(); });
}

void BlockCache::ChargePinned(int64_t bytes) {
  rep_->pinned_bytes_.fetch_add(static_cast<uint64_t>(bytes));
  if (bytes <= 0) return;
  const uint64_t budget = rep_->shard_budget_bytes();
  for (CacheShard& shard : rep_->shards_) shard.TrimTo(budget);
}

const std::shared_ptr<BlockMemory>& BlockCache::memory() const { return rep_->memory_; }

uint64_t BlockCache::used_bytes() const {
  return rep_->pinned_bytes_.load() + rep_->memory_->kept_bytes() +
         rep_->Sum([](CacheShard& shard) { return shard.used_bytes(); });
}
uint64_t BlockCache::capacity_bytes() const { return rep_->capacity_bytes_; }
uint64_t BlockCache::hits() const {
  return rep_->Sum([](CacheShard& shard) { return shard.hits(); });
}
uint64_t BlockCache::misses() const {
  return rep_->Sum([](CacheShard& shard) { return shard.misses(); });
}

}  // namespace lumen
