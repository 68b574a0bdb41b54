#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/memtable/arena.h"
#include "engine/memtable/node.h"

namespace lumen::memtable {

// A leaf as it was at one moment not before the call that filled it.
struct LeafView {
  std::array<const Record*, Node::kSlots> records;
  uint32_t count = 0;
  const Record* low = nullptr;
  const Record* high = nullptr;
};

// The B+tree behind a memtable. One thread inserts; any number read meanwhile. See tree.cc.
class Tree {
 public:
  Tree();

  void Insert(const Entry& entry);

  // The first record at or after the target; null if there is none.
  const Record* Find(Target target) const;
  // As Find, and the leaf around it; returns the record's index there, view.count if there is none.
  uint32_t FindInLeaf(Target target, LeafView& view) const;
  // The leaf with the last record before the target and the record's index there, view.count if
  // there is none.
  uint32_t FindInLeafBefore(Target target, LeafView& view) const;
  void FirstLeaf(LeafView& view) const;
  void LastLeaf(LeafView& view) const;

  size_t memory_bytes() const { return arena_.memory_bytes(); }
  uint64_t entry_count() const { return entry_count_.load(std::memory_order_relaxed); }

 private:
  struct Slots;
  struct Change;
  // Nodes from the root down. A level is only added to a tree whose root is full, so 16 levels
  // exceed any memory.
  struct Path {
    std::array<Node*, 16> nodes;
    size_t depth = 0;
  };

  const Record* CopyToArena(const Entry& entry);
  bool AppendToLastLeaf(const Record& record);
  void Apply(const Path& path, size_t depth, const Change& change);
  void AppendSibling(const Path& path, size_t depth, const Change& change);
  void SplitNode(const Path& path, size_t depth, const Slots& slots);
  void ReplaceNode(const Path& path, size_t depth, Node* replacement);
  void LinkSibling(const Path& path, size_t depth, Node* left, Node* right);

  Node* NewNode(uint32_t level, const Record* low, const Record* high);
  Node* BuildNode(const Slots& slots, uint32_t from, uint32_t to, const Record* low,
                  const Record* high);

  Arena arena_;
  std::atomic<Node*> root_ = nullptr;
  std::atomic<uint64_t> entry_count_ = 0;

  // The writer's: where ascending keys go without a descent.
  Node* last_leaf_ = nullptr;
  const Record* last_record_ = nullptr;
};

}  // namespace lumen::memtable
