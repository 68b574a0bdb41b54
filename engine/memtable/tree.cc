// A B+tree that one thread writes and any number of threads read without a lock, a wait or a write
// to shared memory. A reader repeats a step only when the writer has completed another one, so a
// writer that the scheduler stops in mid-insert stops nobody.
//
// Nodes. A node has 64 slots {head, record, child}. They are filled in order of arrival, once each,
// before the node's `count` is raised over them; what a count covers never changes (but for
// children, below). Sorted order is kept apart, one byte a position, in two halves: an insert
// writes the half of the version to come and then publishes it by the count, whose lowest bit says
// which half is valid. The count only grows, so it is the version, too.
//
// Optimistic reads. A reader loads the count, reads the half that belongs to it and loads the count
// again. Unchanged: what it read is the node at that version. Changed: the half may have been
// overwritten; again. Every order word is stored with release and loaded with acquire: a reader
// that saw a word of a later version therefore also sees the count that came before that word, and
// the slots that the word names, so that even a torn order leads only to slots that are filled. No
// fences, no racing plain access: ThreadSanitizer follows all of it.
//
// Splits copy. A full node is never sorted out in place: two new ones take its content, the right
// one is published in the parent first, then the left one replaces the old child. The old node
// stays as it is, for readers that are still there or on their way; it goes with the memtable. They
// see the tree as it was when the node was replaced, that is, after they started.
//
// A record that belongs behind the last one of a full node leaves that node alone: it becomes the
// first of a new right sibling, and once that is published, the old node's `high` drops to it.
// Ascending keys fill nodes to the brim that way. A reader that comes to the old node with a target
// beyond the new `high` came by an outdated path and starts again from the root, where the sibling
// is linked by now.
//
// Prefixes. A node with two bounds routes only keys that share what the bounds share; its heads
// begin behind that. A node at the edge of the tree ("open") keeps the prefix of its content and
// compares it first; a record without it makes a copy of the node with a shorter one.
#include "engine/memtable/tree.h"

#include <algorithm>
#include <new>

#include "engine/base/check.h"

namespace lumen::memtable {
namespace {

InnerNode& AsInner(Node& node) { return static_cast<InnerNode&>(node); }
const InnerNode& AsInner(const Node& node) { return static_cast<const InnerNode&>(node); }

template <Bound kBound>
const Node* ChildFor(const InnerNode& node, const Target& target) {
  for (;;) {
    const uint32_t version = Load(node.count);
    const uint32_t position = node.CountBelow<kBound>(version, target) - 1;
    const Node* const child = Load(node.children[node.SlotAt(version, position)]);
    if (Load(node.count) == version) return child;
  }
}

template <Bound kBound>
const Node* LeafFor(const Node* node, const Target& target) {
  while (!node->is_leaf()) {
    node = ChildFor<kBound>(AsInner(*node), target);
  }
  return node;
}

uint32_t CommonBytes(const Record* a, const Record* b) {
  const std::string_view x = a->key();
  const std::string_view y = b->key();
  const auto [end, unused] = std::mismatch(x.begin(), x.end(), y.begin(), y.end());
  return static_cast<uint32_t>(end - x.begin());
}

// Ascending keys whose digits carry would shorten a tight prefix again and again.
uint32_t OpenPrefixBytes(uint32_t common_bytes) { return common_bytes / 4 * 4; }

void SetPrefix(Node& node, const Record* witness, uint32_t bytes) {
  node.prefix_bytes = bytes;
  if (bytes == 0) return;
  const std::string_view prefix = witness->key().substr(0, bytes);
  // In the node where it fits: comparing it then costs no cache miss.
  node.prefix = bytes > sizeof node.inline_prefix
                    ? prefix.data()
                    : static_cast<char*>(std::memcpy(node.inline_prefix, prefix.data(), bytes));
}

void StoreOrder(Node& node, uint32_t version, const uint8_t* slots) {
  auto& half = node.order[version & 1];
  for (uint32_t word = 0; word * 8 < version; ++word) {
    uint64_t bytes;
    std::memcpy(&bytes, slots + word * 8, sizeof bytes);
    Publish(half[word], bytes);
  }
}

void LoadOrder(const Node& node, uint32_t version, uint8_t* slots) {
  const auto& half = node.order[version & 1];
  for (uint32_t word = 0; word * 8 < version; ++word) {
    const uint64_t bytes = Load(half[word]);
    std::memcpy(slots + word * 8, &bytes, sizeof bytes);
  }
}

void FillSlot(Node& node, uint32_t slot, const Record* record, Node* child) {
  Node::Line& line = node.lines[slot / 4];
  line.heads[slot % 4] = record == nullptr ? INT64_MIN : node.HeadOf(record->key());
  line.records[slot % 4] = record;
  if (!node.is_leaf()) AsInner(node).children[slot].store(child, std::memory_order_relaxed);
}

// The node has room, and the record its prefix.
void AddToNode(Node& node, uint32_t position, const Record* record, Node* child) {
  const uint32_t version = Load(node.count);
  FillSlot(node, version, record, child);
  uint8_t slots[Node::kSlots + 1];
  LoadOrder(node, version, slots);
  std::memmove(slots + position + 1, slots + position, version - position);
  slots[position] = static_cast<uint8_t>(version);
  StoreOrder(node, version + 1, slots);
  Publish(node.count, version + 1);
}

bool HasRoom(const Node& node) { return Load(node.count) < Node::kSlots; }

// Returns how many of the view's records are below the target.
template <Bound kBound>
uint32_t ViewLeaf(const Node& leaf, const Target* target, LeafView& view) {
  for (;;) {
    const uint32_t version = Load(leaf.count);
    const uint32_t below = target == nullptr ? 0 : leaf.CountBelow<kBound>(version, *target);
    uint8_t slots[Node::kSlots];
    LoadOrder(leaf, version, slots);
    if (Load(leaf.count) != version) continue;
    for (uint32_t i = 0; i < version; ++i) view.records[i] = leaf.RecordIn(slots[i]);
    view.count = version;
    view.low = leaf.low;
    view.high = Load(leaf.high);
    return below;
  }
}

}  // namespace

// A node's content in order, with room for one more.
struct Tree::Slots {
  explicit Slots(const Node& node) : level(node.level), count(Load(node.count)) {
    uint8_t order[Node::kSlots];
    LoadOrder(node, count, order);
    for (uint32_t i = 0; i < count; ++i) {
      records[i] = node.RecordIn(order[i]);
      children[i] = node.is_leaf() ? nullptr : Load(AsInner(node).children[order[i]]);
    }
  }

  void Insert(uint32_t position, const Record* record, Node* child) {
    std::copy_backward(&records[position], &records[count], &records[count + 1]);
    std::copy_backward(&children[position], &children[count], &children[count + 1]);
    records[position] = record;
    children[position] = child;
    ++count;
  }

  uint32_t level;
  uint32_t count;
  const Record* records[Node::kSlots + 1];
  Node* children[Node::kSlots + 1];
};

// A record to be added to a node. In an inner node it leads to `child`, and `left` replaces the
// child before that: the two halves of a split.
struct Tree::Change {
  const Record* record;
  Node* child = nullptr;
  Node* left = nullptr;
  // Whether `left` is the child that is there already.
  bool keeps_left = true;
};

Tree::Tree() { root_.store(last_leaf_ = NewNode(0, nullptr, nullptr)); }

void Tree::Insert(const Entry& entry) {
  const Record* const record = CopyToArena(entry);
  if (!AppendToLastLeaf(*record)) {
    const Target target(*record);
    Path path;
    Node* node = Load(root_);
    for (;;) {
      CHECK(path.depth < path.nodes.size());
      path.nodes[path.depth] = node;
      if (node->is_leaf()) break;
      node = const_cast<Node*>(ChildFor<Bound::kUpTo>(AsInner(*node), target));
      ++path.depth;
    }
    Apply(path, path.depth, {.record = record});
  }
  entry_count_.store(entry_count() + 1, std::memory_order_relaxed);
}

const Record* Tree::CopyToArena(const Entry& entry) {
  CHECK(entry.key.size() <= UINT32_MAX);
  CHECK(entry.value.size() <= UINT32_MAX);
  const size_t bytes = sizeof(Record) + entry.key.size() + entry.value.size();
  char* const at = arena_.Allocate(bytes, alignof(Record));
  char* const data = at + sizeof(Record);
  // An empty view may have a null pointer, which memcpy must not see.
  if (!entry.key.empty()) std::memcpy(data, entry.key.data(), entry.key.size());
  if (!entry.value.empty()) {
    std::memcpy(data + entry.key.size(), entry.value.data(), entry.value.size());
  }
  return new (at) Record{.tag = PackTag(entry.sequence, entry.kind),
                         .key_bytes = static_cast<uint32_t>(entry.key.size()),
                         .value_bytes = static_cast<uint32_t>(entry.value.size())};
}

bool Tree::AppendToLastLeaf(const Record& record) {
  const bool is_last =
      last_record_ == nullptr || IsBelow<Bound::kBefore>(last_record_, Target(record), 0);
  if (!is_last) return false;
  last_record_ = &record;
  if (!HasRoom(*last_leaf_) || !last_leaf_->SharesPrefix(record.key())) return false;
  AddToNode(*last_leaf_, Load(last_leaf_->count), &record, nullptr);
  return true;
}

void Tree::Apply(const Path& path, size_t depth, const Change& change) {
  Node& node = *path.nodes[depth];
  const uint32_t count = Load(node.count);
  // What the search does not bring to the cache, but the addition will write.
  __builtin_prefetch(node.lines + count / 4, 1);
  __builtin_prefetch(node.order[0], 1);
  __builtin_prefetch(node.order[1], 1);
  const uint32_t position = node.CountBelow<Bound::kBefore>(count, Target(*change.record));
  if (HasRoom(node) && node.SharesPrefix(change.record->key())) {
    const uint32_t left_slot = node.is_leaf() ? 0 : node.SlotAt(count, position - 1);
    AddToNode(node, position, change.record, change.child);
    // After the right half is to be found: before, the old child still leads to everything.
    if (!change.keeps_left) {
      Publish(AsInner(node).children[left_slot], change.left);
    }
    return;
  }
  // Not where a child is replaced: the node's readers would lose what moved to its sibling.
  if (!HasRoom(node) && position == count && change.keeps_left) {
    AppendSibling(path, depth, change);
    return;
  }
  Slots slots(node);
  if (!change.keeps_left) slots.children[position - 1] = change.left;
  slots.Insert(position, change.record, change.child);
  if (slots.count > Node::kSlots) {
    SplitNode(path, depth, slots);
    return;
  }
  // A node with room has never been appended a sibling: its bounds are those that it was made with.
  ReplaceNode(path, depth, BuildNode(slots, 0, slots.count, node.low, Load(node.high)));
}

void Tree::AppendSibling(const Path& path, size_t depth, const Change& change) {
  Node& node = *path.nodes[depth];
  const Record* const high = Load(node.high);
  Node* const sibling = NewNode(node.level, change.record, high);
  if (high == nullptr) {
    // The next keys probably have in common what the last 64 had.
    const Record* const reference = node.RecordIn(node.SlotAt(Node::kSlots, Node::kSlots / 2));
    SetPrefix(*sibling, change.record, OpenPrefixBytes(CommonBytes(reference, change.record)));
    if (node.is_leaf()) last_leaf_ = sibling;
  }
  AddToNode(*sibling, 0, change.record, change.child);
  LinkSibling(path, depth, &node, sibling);
  // Only now: whoever sees it must find the sibling from the root.
  Publish(node.high, change.record);
}

void Tree::SplitNode(const Path& path, size_t depth, const Slots& slots) {
  const Node& node = *path.nodes[depth];
  const Record* const high = Load(node.high);
  const uint32_t half = slots.count / 2;
  Node* const left = BuildNode(slots, 0, half, node.low, slots.records[half]);
  Node* const right = BuildNode(slots, half, slots.count, slots.records[half], high);
  if (node.is_leaf() && high == nullptr) last_leaf_ = right;
  LinkSibling(path, depth, left, right);
}

void Tree::ReplaceNode(const Path& path, size_t depth, Node* replacement) {
  Node* const node = path.nodes[depth];
  if (node == last_leaf_) last_leaf_ = replacement;
  if (depth == 0) {
    Publish(root_, replacement);
    return;
  }
  InnerNode& parent = AsInner(*path.nodes[depth - 1]);
  uint32_t slot = 0;
  while (Load(parent.children[slot]) != node) ++slot;
  Publish(parent.children[slot], replacement);
}

void Tree::LinkSibling(const Path& path, size_t depth, Node* left, Node* right) {
  if (depth > 0) {
    Apply(path, depth - 1,
          {.record = right->low,
           .child = right,
           .left = left,
           .keeps_left = left == path.nodes[depth]});
    return;
  }
  Node* const root = NewNode(left->level + 1, nullptr, nullptr);
  const Record* const reference = left->RecordIn(left->SlotAt(Load(left->count), 1));
  SetPrefix(*root, right->low, OpenPrefixBytes(CommonBytes(reference, right->low)));
  AddToNode(*root, 0, nullptr, left);
  AddToNode(*root, 1, right->low, right);
  Publish(root_, root);
}

Node* Tree::NewNode(uint32_t level, const Record* low, const Record* high) {
  const size_t bytes = level == 0 ? sizeof(Node) : sizeof(InnerNode);
  char* const at = arena_.Allocate(bytes, alignof(Node));
  Node* const node = level == 0 ? new (at) Node : new (at) InnerNode;
  node->level = level;
  node->low = low;
  node->high.store(high, std::memory_order_relaxed);
  node->count.store(0, std::memory_order_relaxed);
  node->prefix = nullptr;
  node->prefix_bytes = low != nullptr && high != nullptr ? CommonBytes(low, high) : 0;
  for (auto& half : node->order) {
    for (auto& word : half) word.store(0, std::memory_order_relaxed);
  }
  return node;
}

Node* Tree::BuildNode(const Slots& slots, uint32_t from, uint32_t to, const Record* low,
                      const Record* high) {
  Node* const node = NewNode(slots.level, low, high);
  if (low == nullptr || high == nullptr) {
    const Record* const first = slots.records[slots.records[from] == nullptr ? from + 1 : from];
    SetPrefix(*node, first, OpenPrefixBytes(CommonBytes(first, slots.records[to - 1])));
  }
  uint8_t order[Node::kSlots];
  for (uint32_t slot = 0; slot < to - from; ++slot) {
    FillSlot(*node, slot, slots.records[from + slot], slots.children[from + slot]);
    order[slot] = static_cast<uint8_t>(slot);
  }
  StoreOrder(*node, to - from, order);
  node->count.store(to - from, std::memory_order_relaxed);
  return node;
}

const Record* Tree::Find(Target target) const {
  for (;;) {
    const Node& leaf = *LeafFor<Bound::kUpTo>(Load(root_), target);
    const uint32_t version = Load(leaf.count);
    const uint32_t position = leaf.CountBelow<Bound::kBefore>(version, target);
    const Record* const record =
        position < version ? leaf.RecordIn(leaf.SlotAt(version, position)) : Load(leaf.high);
    if (Load(leaf.count) != version) continue;
    const bool outdated =
        position == version && record != nullptr && IsBelow<Bound::kBefore>(record, target, 0);
    if (!outdated) return record;
  }
}

uint32_t Tree::FindInLeaf(Target target, LeafView& view) const {
  for (;;) {
    const Node& leaf = *LeafFor<Bound::kUpTo>(Load(root_), target);
    const uint32_t index = ViewLeaf<Bound::kBefore>(leaf, &target, view);
    if (index < view.count || view.high == nullptr) return index;
    // On to the next leaf, which begins with `high`, or again, if `high` says that the path was
    // outdated.
    if (!IsBelow<Bound::kBefore>(view.high, target, 0)) target = Target(*view.high);
  }
}

uint32_t Tree::FindInLeafBefore(Target target, LeafView& view) const {
  const Node& leaf = *LeafFor<Bound::kBefore>(Load(root_), target);
  const uint32_t below = ViewLeaf<Bound::kBefore>(leaf, &target, view);
  return below == 0 ? view.count : below - 1;
}

void Tree::FirstLeaf(LeafView& view) const {
  const Node* node = Load(root_);
  // Below every record, whatever its first byte: the slot without a record is never compared.
  while (!node->is_leaf()) node = Load(AsInner(*node).children[0]);
  ViewLeaf<Bound::kBefore>(*node, nullptr, view);
}

void Tree::LastLeaf(LeafView& view) const {
  const Node* node = Load(root_);
  while (!node->is_leaf()) {
    const InnerNode& inner = AsInner(*node);
    const uint32_t version = Load(inner.count);
    const Node* const child = Load(inner.children[inner.SlotAt(version, version - 1)]);
    if (Load(inner.count) == version) node = child;
  }
  ViewLeaf<Bound::kBefore>(*node, nullptr, view);
}

}  // namespace lumen::memtable
