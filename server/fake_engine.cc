#include "server/fake_engine.h"

#include <utility>

namespace lumen {
namespace {

class NothingButDeletedKeys final : public Iterator {
 public:
  bool valid() const override { return false; }
  bool paused() const override { return true; }
  std::string_view key() const override { return "deleted"; }
  std::string_view value() const override { return {}; }
  uint64_t sequence() const override { return 0; }
  void SeekToFirst() override {}
  void SeekToLast() override {}
  void Seek(std::string_view) override {}
  void SeekForPrev(std::string_view) override {}
  void Next() override {}
  void Prev() override {}
  absl::Status status() const override { return absl::OkStatus(); }
};

class FakeSnapshot final : public Snapshot {
 public:
  explicit FakeSnapshot(std::atomic<int>& open) : open_(open) { ++open_; }
  ~FakeSnapshot() override { --open_; }
  uint64_t sequence() const override { return 1; }

 private:
  std::atomic<int>& open_;
};

}  // namespace

std::unique_ptr<Iterator> FakeEngine::NewIterator(const IteratorOptions&) {
  return std::make_unique<NothingButDeletedKeys>();
}

std::unique_ptr<Snapshot> FakeEngine::TakeSnapshot() {
  return std::make_unique<FakeSnapshot>(open_snapshots_);
}

void FakeEngine::HoldWrites() {
  MutexLock lock(mutex_);
  holding_ = true;
}

void FakeEngine::Release() {
  std::vector<std::function<void()>> completions;
  {
    MutexLock lock(mutex_);
    holding_ = false;
    completions.swap(held_);
  }
  for (auto& complete : completions) complete();
}

size_t FakeEngine::held() const {
  MutexLock lock(mutex_);
  return held_.size();
}

void FakeEngine::HoldCompactions() {
  MutexLock lock(mutex_);
  holding_compactions_ = true;
}

void FakeEngine::ReleaseCompactions() {
  MutexLock lock(mutex_);
  holding_compactions_ = false;
  compactions_changed_.NotifyAll();
}

size_t FakeEngine::held_compactions() const {
  MutexLock lock(mutex_);
  return held_compactions_;
}

absl::Status FakeEngine::Compact() {
  MutexLock lock(mutex_);
  ++held_compactions_;
  while (holding_compactions_) compactions_changed_.Wait(mutex_);
  --held_compactions_;
  return absl::OkStatus();
}

void FakeEngine::FailWrites(absl::Status status) {
  MutexLock lock(mutex_);
  write_failure_ = std::move(status);
}

void FakeEngine::PretendOnDisk(std::function<void()> before_get) {
  MutexLock lock(mutex_);
  on_disk_ = true;
  before_get_ = std::move(before_get);
}

absl::StatusOr<WriteResult> FakeEngine::Write(const WriteBatch& batch,
                                              const WriteOptions& options) {
  MutexLock lock(mutex_);
  if (!write_failure_.ok()) return write_failure_;
  WriteResult result;
  result.sequence = sequence_ + 1;
  BatchReader reader(batch.encoded());
  while (auto operation = reader.Next()) {
    ++sequence_;
    if (operation->kind == EntryKind::kPut) {
      entries_[std::string(operation->key)] = {.value = std::string(operation->value),
                                               .sequence = sequence_};
      continue;
    }
    const auto found = entries_.find(operation->key);
    if (options.report_existed) result.existed.push_back(found != entries_.end());
    if (found != entries_.end()) entries_.erase(found);
  }
  result.durable_sequence = sequence_;
  return result;
}

void FakeEngine::WriteAsync(WriteBatch batch, WriteOptions options, WriteCallback callback) {
  absl::StatusOr<WriteResult> result = Write(batch, options);
  {
    MutexLock lock(mutex_);
    if (holding_) {
      held_.push_back(
          [callback = std::move(callback), result = std::move(result)] { callback(result); });
      return;
    }
  }
  callback(std::move(result));
}

std::optional<GetResult> FakeEngine::FindLocked(std::string_view key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<std::optional<GetResult>> FakeEngine::Get(std::string_view key,
                                                         const Snapshot* /*snapshot*/) {
  std::function<void()> before_get;
  {
    MutexLock lock(mutex_);
    before_get = before_get_;
  }
  if (before_get) before_get();
  MutexLock lock(mutex_);
  return FindLocked(key);
}

absl::StatusOr<std::optional<std::optional<GetResult>>> FakeEngine::GetCached(
    std::string_view key) {
  MutexLock lock(mutex_);
  if (on_disk_) return std::optional<std::optional<GetResult>>();
  return std::optional<std::optional<GetResult>>(FindLocked(key));
}

absl::StatusOr<std::vector<std::optional<GetResult>>> FakeEngine::MultiGet(
    const std::vector<std::string>& keys, const Snapshot* /*snapshot*/) {
  MutexLock lock(mutex_);
  std::vector<std::optional<GetResult>> results;
  for (const std::string& key : keys) results.push_back(FindLocked(key));
  return results;
}

}  // namespace lumen
