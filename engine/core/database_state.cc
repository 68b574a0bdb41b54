#include "engine/core/database_state.h"

#include <utility>

#include "engine/base/check.h"

namespace lumen {

std::optional<Entry> ReadState::GetFromMemory(std::string_view key, SequenceNumber at) const {
  if (auto entry = active.memtable->Get(key, at)) return entry;
  for (auto slot = immutables.rbegin(); slot != immutables.rend(); ++slot) {
    if (auto entry = slot->memtable->Get(key, at)) return entry;
  }
  return std::nullopt;
}

DatabaseState::DatabaseState(ReadState initial, SequenceNumber visible)
    : visible_(visible), state_(std::make_shared<const ReadState>(std::move(initial))) {}

DatabaseState::ReadPoint DatabaseState::Acquire() const {
  MutexLock lock(mutex_);
  return {state_, visible()};
}

ReadStatePtr DatabaseState::state() const {
  MutexLock lock(mutex_);
  return state_;
}

template <typename Change>
void DatabaseState::Replace(Change change) {
  auto next = std::make_shared<ReadState>(*state_);
  change(*next);
  state_ = std::move(next);
}

void DatabaseState::SwitchMemtable(MemtableSlot fresh) {
  ReadStatePtr old;  // a memtable's memory is freed outside the lock
  MutexLock lock(mutex_);
  old = state_;
  Replace([&](ReadState& next) {
    next.immutables.push_back(std::move(next.active));
    next.active = std::move(fresh);
  });
}

void DatabaseState::InstallFlush(VersionPtr version) {
  ReadStatePtr old;
  MutexLock lock(mutex_);
  old = state_;
  Replace([&](ReadState& next) {
    CHECK(!next.immutables.empty());
    next.immutables.erase(next.immutables.begin());
    next.version = std::move(version);
  });
}

void DatabaseState::InstallVersion(VersionPtr version) {
  ReadStatePtr old;
  MutexLock lock(mutex_);
  old = state_;
  Replace([&](ReadState& next) { next.version = std::move(version); });
}

SequenceNumber DatabaseState::AddSnapshot() {
  MutexLock lock(mutex_);
  const SequenceNumber sequence = visible();
  ++snapshots_[sequence];
  return sequence;
}

void DatabaseState::ReleaseSnapshot(SequenceNumber sequence) {
  MutexLock lock(mutex_);
  const auto found = snapshots_.find(sequence);
  CHECK(found != snapshots_.end());
  if (--found->second == 0) snapshots_.erase(found);
}

std::vector<SequenceNumber> DatabaseState::ReadableSequences() const {
  MutexLock lock(mutex_);
  std::vector<SequenceNumber> sequences;
  for (const auto& [sequence, count] : snapshots_) sequences.push_back(sequence);
  const SequenceNumber newest = visible();
  if (sequences.empty() || sequences.back() != newest) sequences.push_back(newest);
  return sequences;
}

}  // namespace lumen
