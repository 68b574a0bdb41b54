#include "engine/memtable/memtable.h"

#include <algorithm>

#include "engine/memtable/tree.h"

namespace lumen {
namespace {

using memtable::LeafView;
using memtable::Record;
using memtable::Target;

// Walks copies of leaves: within one, nothing the writer does can disturb it.
class MemtableIterator final : public InternalIterator {
 public:
  explicit MemtableIterator(const memtable::Tree& tree) : tree_(tree) {}

  void SeekToFirst() override {
    tree_.FirstLeaf(view_);
    index_ = 0;
    Show();
  }

  void SeekToLast() override {
    tree_.LastLeaf(view_);
    index_ = view_.count == 0 ? 0 : view_.count - 1;
    Show();
  }

  void Seek(std::string_view key, SequenceNumber sequence) override {
    index_ = tree_.FindInLeaf(Target(key, sequence), view_);
    Show();
  }

  void SeekBefore(std::string_view key, SequenceNumber sequence) override {
    index_ = tree_.FindInLeafBefore(Target(key, sequence), view_);
    Show();
  }

  void Next() override {
    if (++index_ == view_.count && view_.high != nullptr) {
      index_ = tree_.FindInLeaf(Target(*view_.high), view_);
      PrefetchFrom(0);
    }
    if (index_ + kAhead < view_.count) __builtin_prefetch(view_.records[index_ + kAhead]);
    Show();
  }

  void Prev() override {
    if (index_ > 0) {
      --index_;
      if (index_ >= kAhead) __builtin_prefetch(view_.records[index_ - kAhead]);
    } else if (view_.low != nullptr) {
      index_ = tree_.FindInLeafBefore(Target(*view_.low), view_);
      PrefetchFrom(view_.count - std::min(view_.count, kAhead));
    } else {
      index_ = view_.count;
    }
    Show();
  }

  absl::Status status() const override { return absl::OkStatus(); }

 private:
  // Records lie in the arena in order of arrival: a walk misses the cache at each one unless it
  // asks early. In units of entries.
  static constexpr uint32_t kAhead = 8;

  void PrefetchFrom(uint32_t index) {
    const uint32_t end = std::min(index + kAhead, view_.count);
    for (; index < end; ++index) __builtin_prefetch(view_.records[index]);
  }

  void Show() {
    valid_ = index_ < view_.count;
    if (valid_) entry_ = view_.records[index_]->entry();
  }

  const memtable::Tree& tree_;
  LeafView view_;
  uint32_t index_ = 0;
};

}  // namespace

class Memtable::Tree final : public memtable::Tree {};

Memtable::Memtable() : tree_(std::make_unique<Tree>()) {}
Memtable::~Memtable() = default;

void Memtable::Insert(const Entry& entry) { tree_->Insert(entry); }

std::optional<Entry> Memtable::Get(std::string_view key, SequenceNumber at) const {
  const Record* const record = tree_->Find(Target(key, at));
  if (record == nullptr || record->key() != key) return std::nullopt;
  return record->entry();
}

std::unique_ptr<InternalIterator> Memtable::NewIterator() const {
  return std::make_unique<MemtableIterator>(*tree_);
}

size_t Memtable::memory_bytes() const {
  return sizeof *this + sizeof(Tree) + tree_->memory_bytes();
}
uint64_t Memtable::entry_count() const { return tree_->entry_count(); }

}  // namespace lumen
