#include "engine/memory_file_system.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "engine/env/memory_tree.h"
#include "engine/errno_status.h"

namespace lumen {

// Shared with the open files, which may outlive the file system.
struct MemoryFileSystem::Volume {
  explicit Volume(std::unique_ptr<MemoryTree> the_tree) : tree(std::move(the_tree)) {}

  absl::Status Before(Operation operation, const std::string& path) {
    std::shared_ptr<const Hook> current;
    {
      MutexLock lock(hook_mutex);
      current = hook;
    }
    return current == nullptr ? absl::OkStatus() : (*current)(operation, path);
  }

  Mutex mutex;  // and of everything in the tree's nodes
  const std::unique_ptr<MemoryTree> tree PT_GUARDED_BY(mutex);

  Mutex hook_mutex;
  std::shared_ptr<const Hook> hook GUARDED_BY(hook_mutex);
};

namespace {

absl::Status StatusOf(int error_number, const std::string& path, std::string_view operation) {
  return error_number == 0 ? absl::OkStatus() : ErrnoStatus(path, operation, error_number);
}

std::string Contents(const MemoryNode& node, uint64_t most_bytes = MemoryFileSystem::kUnlimited) {
  const uint64_t bytes = std::min(node.content.size(), most_bytes);
  std::string contents(static_cast<size_t>(bytes), '\0');
  node.content.Read(0, contents);
  return contents;
}

}  // namespace

class MemoryFileSystem::MemoryLogFile final : public LogFile {
 public:
  MemoryLogFile(std::string path, std::shared_ptr<Volume> volume, std::shared_ptr<MemoryNode> node)
      : path_(std::move(path)), volume_(std::move(volume)), node_(std::move(node)) {}
  ~MemoryLogFile() override {
    MutexLock lock(volume_->mutex);
    volume_->tree->Close(*node_);
  }

  absl::Status Allocate(uint64_t size_bytes) override {
    RETURN_IF_ERROR(Before(Operation::kAllocate));
    MutexLock lock(volume_->mutex);
    return After("allocate", volume_->tree->Extend(*node_, size_bytes));
  }

  absl::Status Append(std::string_view data) override {
    RETURN_IF_ERROR(Before(Operation::kAppend));
    MutexLock lock(volume_->mutex);
    uint64_t end = offset();
    const int error_number = volume_->tree->Append(*node_, &end, data);
    if (error_number == 0) offset_.store(end, std::memory_order_relaxed);
    return After("append", error_number);
  }

  absl::Status Sync() override {
    RETURN_IF_ERROR(Before(Operation::kSync));
    MutexLock lock(volume_->mutex);
    node_->content.Sync();
    durable_offset_.store(offset(), std::memory_order_release);
    return absl::OkStatus();
  }

  uint64_t offset() const override { return offset_.load(std::memory_order_relaxed); }
  uint64_t durable_offset() const override {
    return durable_offset_.load(std::memory_order_acquire);
  }

 private:
  absl::Status Before(Operation operation) {
    if (error_.ok()) error_ = volume_->Before(operation, path_);
    return error_;
  }
  absl::Status After(std::string_view operation, int error_number) {
    error_ = StatusOf(error_number, path_, operation);
    return error_;
  }

  const std::string path_;
  const std::shared_ptr<Volume> volume_;
  const std::shared_ptr<MemoryNode> node_;
  absl::Status error_;  // the first failure, which every later call repeats
  std::atomic<uint64_t> offset_{0};
  std::atomic<uint64_t> durable_offset_{0};
};

class MemoryFileSystem::MemoryReadFile final : public ReadFile {
 public:
  MemoryReadFile(std::string path, std::shared_ptr<Volume> volume, std::shared_ptr<MemoryNode> node,
                 uint64_t size_bytes)
      : path_(std::move(path)),
        volume_(std::move(volume)),
        node_(std::move(node)),
        size_bytes_(size_bytes) {}
  ~MemoryReadFile() override {
    MutexLock lock(volume_->mutex);
    volume_->tree->Close(*node_);
  }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    RETURN_IF_ERROR(volume_->Before(Operation::kRead, path_));
    MutexLock lock(volume_->mutex);
    return node_->content.Read(offset, out);
  }

  // Has no error to give, so a hook that fails reads sends the caller to ReadAt.
  std::optional<std::string_view> View(uint64_t offset, size_t length) const override {
    if (!volume_->Before(Operation::kRead, path_).ok()) return std::nullopt;
    MutexLock lock(volume_->mutex);
    return node_->content.View(offset, length);
  }

  uint64_t size() const override { return size_bytes_; }

  uint64_t data_end() const override {
    MutexLock lock(volume_->mutex);
    return std::min(size_bytes_, node_->content.data_end());
  }

 private:
  const std::string path_;
  const std::shared_ptr<Volume> volume_;
  const std::shared_ptr<MemoryNode> node_;
  const uint64_t size_bytes_;
};

class MemoryFileSystem::MemoryFileLock final : public FileLock {
 public:
  MemoryFileLock(std::string path, std::shared_ptr<Volume> volume,
                 std::shared_ptr<MemoryNode> directory, std::shared_ptr<MemoryNode> node)
      : path_(std::move(path)),
        volume_(std::move(volume)),
        directory_(std::move(directory)),
        node_(std::move(node)) {}
  ~MemoryFileLock() override {
    MutexLock lock(volume_->mutex);
    directory_->locked = false;
    node_->locked = false;
    volume_->tree->Close(*node_);
  }

  absl::Status StillHeld() const override {
    MutexLock lock(volume_->mutex);
    std::shared_ptr<MemoryNode> there;
    const int error_number = volume_->tree->Find(ParentDirectory(path_), &there);
    if (error_number != 0 || there != directory_) return DirectoryLostStatus(path_);
    if (volume_->tree->Find(path_, &there) == 0 && there != node_) return LockReplacedStatus(path_);
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  const std::shared_ptr<Volume> volume_;
  const std::shared_ptr<MemoryNode> directory_;
  const std::shared_ptr<MemoryNode> node_;
};

MemoryFileSystem::MemoryFileSystem(uint64_t capacity_bytes)
    : volume_(std::make_shared<Volume>(std::make_unique<MemoryTree>(capacity_bytes))) {}
MemoryFileSystem::MemoryFileSystem(std::shared_ptr<Volume> volume) : volume_(std::move(volume)) {}
MemoryFileSystem::~MemoryFileSystem() = default;

absl::StatusOr<std::unique_ptr<LogFile>> MemoryFileSystem::CreateLogFile(const std::string& path) {
  RETURN_IF_ERROR(volume_->Before(Operation::kCreate, path));
  MutexLock lock(volume_->mutex);
  std::shared_ptr<MemoryNode> node;
  RETURN_IF_ERROR(StatusOf(volume_->tree->CreateFile(path, &node), path, "create"));
  volume_->tree->Open(*node);
  return std::make_unique<MemoryLogFile>(path, volume_, std::move(node));
}

absl::StatusOr<std::unique_ptr<ReadFile>> MemoryFileSystem::OpenReadFile(const std::string& path) {
  RETURN_IF_ERROR(volume_->Before(Operation::kOpen, path));
  MutexLock lock(volume_->mutex);
  std::shared_ptr<MemoryNode> node;
  RETURN_IF_ERROR(StatusOf(volume_->tree->FindFile(path, &node), path, "open"));
  volume_->tree->Open(*node);
  const uint64_t size_bytes = node->content.size();
  return std::make_unique<MemoryReadFile>(path, volume_, std::move(node), size_bytes);
}

absl::Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  RETURN_IF_ERROR(volume_->Before(Operation::kRename, from));
  MutexLock lock(volume_->mutex);
  return StatusOf(volume_->tree->Rename(from, to), from, "rename to " + to);
}

absl::Status MemoryFileSystem::Link(const std::string& existing, const std::string& added) {
  RETURN_IF_ERROR(volume_->Before(Operation::kLink, existing));
  MutexLock lock(volume_->mutex);
  return StatusOf(volume_->tree->Link(existing, added), existing, "link to " + added);
}

absl::Status MemoryFileSystem::Remove(const std::string& path) {
  RETURN_IF_ERROR(volume_->Before(Operation::kRemove, path));
  MutexLock lock(volume_->mutex);
  return StatusOf(volume_->tree->Remove(path), path, "remove");
}

absl::Status MemoryFileSystem::CreateDirectory(const std::string& path) {
  RETURN_IF_ERROR(volume_->Before(Operation::kCreateDirectory, path));
  MutexLock lock(volume_->mutex);
  return StatusOf(volume_->tree->CreateDirectory(path), path, "create directory");
}

absl::Status MemoryFileSystem::RemoveDirectory(const std::string& path) {
  RETURN_IF_ERROR(volume_->Before(Operation::kRemoveDirectory, path));
  MutexLock lock(volume_->mutex);
  return StatusOf(volume_->tree->RemoveDirectory(path), path, "remove directory");
}

absl::StatusOr<std::vector<std::string>> MemoryFileSystem::List(const std::string& directory) {
  RETURN_IF_ERROR(volume_->Before(Operation::kList, directory));
  MutexLock lock(volume_->mutex);
  std::vector<std::string> names;
  RETURN_IF_ERROR(StatusOf(volume_->tree->List(directory, &names), directory, "list"));
  return names;
}

absl::Status MemoryFileSystem::SyncDirectory(const std::string& directory) {
  RETURN_IF_ERROR(volume_->Before(Operation::kSyncDirectory, directory));
  MutexLock lock(volume_->mutex);
  const absl::Status status =
      StatusOf(volume_->tree->SyncDirectory(directory), directory, "sync directory");
  return status.ok() ? status : SyncNotBegun(status);  // it is not there
}

absl::StatusOr<bool> MemoryFileSystem::Exists(const std::string& path) {
  RETURN_IF_ERROR(volume_->Before(Operation::kExists, path));
  MutexLock lock(volume_->mutex);
  std::shared_ptr<MemoryNode> node;
  const int error_number = volume_->tree->Find(path, &node);
  if (error_number == ENOENT || error_number == ENOTDIR) return false;
  RETURN_IF_ERROR(StatusOf(error_number, path, "exists"));
  return true;
}

absl::StatusOr<uint64_t> MemoryFileSystem::FileSize(const std::string& path) {
  RETURN_IF_ERROR(volume_->Before(Operation::kFileSize, path));
  MutexLock lock(volume_->mutex);
  std::shared_ptr<MemoryNode> node;
  RETURN_IF_ERROR(StatusOf(volume_->tree->FindFile(path, &node), path, "size"));
  return node->content.size();
}

absl::StatusOr<uint64_t> MemoryFileSystem::FreeSpace(const std::string& directory) {
  RETURN_IF_ERROR(volume_->Before(Operation::kFreeSpace, directory));
  MutexLock lock(volume_->mutex);
  std::shared_ptr<MemoryNode> node;
  RETURN_IF_ERROR(StatusOf(volume_->tree->Find(directory, &node), directory, "free space"));
  return volume_->tree->free_bytes();
}

absl::StatusOr<std::unique_ptr<FileLock>> MemoryFileSystem::Lock(const std::string& path,
                                                                 std::string_view owner) {
  RETURN_IF_ERROR(volume_->Before(Operation::kLock, path));
  MutexLock lock(volume_->mutex);
  MemoryTree& tree = *volume_->tree;
  std::shared_ptr<MemoryNode> directory, node;
  RETURN_IF_ERROR(StatusOf(tree.FindDirectory(ParentDirectory(path), &directory), path, "lock"));
  int error_number = tree.FindFile(path, &node);
  if (directory->locked) {
    return LockHeldStatus(path, error_number == 0 ? Contents(*node, kMostOwnerBytes) : "");
  }
  if (error_number == ENOENT) error_number = tree.CreateFile(path, &node);
  RETURN_IF_ERROR(StatusOf(error_number, path, "lock"));
  if (node->locked) return LockHeldStatus(path, Contents(*node, kMostOwnerBytes));
  uint64_t end = 0;
  tree.Resize(*node, 0);
  RETURN_IF_ERROR(StatusOf(tree.Append(*node, &end, owner), path, "lock"));
  directory->locked = true;
  node->locked = true;
  tree.Open(*node);
  return std::make_unique<MemoryFileLock>(path, volume_, std::move(directory), std::move(node));
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::CrashCopy(Crash crash) const {
  MutexLock lock(volume_->mutex);
  auto volume = std::make_shared<Volume>(volume_->tree->CrashCopy(crash));
  return std::unique_ptr<MemoryFileSystem>(new MemoryFileSystem(std::move(volume)));
}

void MemoryFileSystem::SetHook(Hook hook) {
  auto shared = hook ? std::make_shared<const Hook>(std::move(hook)) : nullptr;
  MutexLock lock(volume_->hook_mutex);
  volume_->hook.swap(shared);
}

void MemoryFileSystem::SetCapacity(uint64_t capacity_bytes) {
  MutexLock lock(volume_->mutex);
  volume_->tree->set_capacity(capacity_bytes);
}

absl::StatusOr<std::string> MemoryFileSystem::ReadWhole(const std::string& path) const {
  MutexLock lock(volume_->mutex);
  std::shared_ptr<MemoryNode> node;
  RETURN_IF_ERROR(StatusOf(volume_->tree->FindFile(path, &node), path, "read"));
  return Contents(*node);
}

absl::Status MemoryFileSystem::WriteWhole(const std::string& path, std::string_view content) {
  MutexLock lock(volume_->mutex);
  MemoryTree& tree = *volume_->tree;
  std::shared_ptr<MemoryNode> node;
  int error_number = tree.FindFile(path, &node);
  if (error_number == ENOENT) error_number = tree.CreateFile(path, &node);
  RETURN_IF_ERROR(StatusOf(error_number, path, "write"));
  uint64_t end = 0;
  tree.Resize(*node, 0);
  RETURN_IF_ERROR(StatusOf(tree.Append(*node, &end, content), path, "write"));
  node->content.Sync();
  tree.SyncNames(path);
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::Overwrite(const std::string& path, uint64_t offset,
                                         std::string_view data) {
  MutexLock lock(volume_->mutex);
  std::shared_ptr<MemoryNode> node;
  RETURN_IF_ERROR(StatusOf(volume_->tree->FindFile(path, &node), path, "overwrite"));
  const uint64_t size = node->content.size();
  if (offset > size || data.size() > size - offset) return ErrnoStatus(path, "overwrite", EFBIG);
  node->content.Write(offset, data);
  node->content.Sync();
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::Truncate(const std::string& path, uint64_t size_bytes) {
  MutexLock lock(volume_->mutex);
  std::shared_ptr<MemoryNode> node;
  RETURN_IF_ERROR(StatusOf(volume_->tree->FindFile(path, &node), path, "truncate"));
  volume_->tree->Resize(*node, size_bytes);
  return absl::OkStatus();
}

}  // namespace lumen
