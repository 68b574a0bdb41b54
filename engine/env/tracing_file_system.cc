#include "engine/tracing_file_system.h"

#include <cstdio>
#include <utility>

#include "engine/base/mutex.h"
#include "engine/format/crc32c.h"

namespace lumen {
namespace {

std::string Checksum(std::string_view data) {
  char text[16];
  std::snprintf(text, sizeof(text), " crc=%08x", static_cast<unsigned>(Crc32c(data)));
  return text;
}

std::string Range(uint64_t offset, size_t length) {
  return " @" + std::to_string(offset) + " +" + std::to_string(length);
}

}  // namespace

std::string TraceOfAppend(std::string_view name, uint64_t offset, std::string_view data) {
  std::string line = "append ";
  return line.append(name) + Range(offset, data.size()) + Checksum(data);
}

class TracingFileSystem::Trace {
 public:
  Trace(std::string root, Sink sink) : root_(std::move(root)), sink_(std::move(sink)) {}

  std::string Name(const std::string& path) const {
    if (root_.empty() || !path.starts_with(root_)) return path;
    if (path.size() == root_.size()) return ".";
    if (root_.back() == '/') return path.substr(root_.size());
    return path[root_.size()] == '/' ? path.substr(root_.size() + 1) : path;
  }

  // `line`, and after it what came of it.
  void Tell(const std::string& line) {
    MutexLock lock(mutex_);
    sink_(line);
  }
  absl::Status Tell(const std::string& line, absl::Status status) {
    Tell(status.ok() ? line : line + " ! " + absl::StatusCodeToString(status.code()));
    return status;
  }
  template <typename Value, typename Show>
  absl::StatusOr<Value> Tell(const std::string& line, absl::StatusOr<Value> result, Show show) {
    if (!result.ok()) return Tell(line, result.status());
    Tell(line + " = " + show(*result));
    return result;
  }

 private:
  const std::string root_;
  Mutex mutex_;
  const Sink sink_ GUARDED_BY(mutex_);
};

class TracingFileSystem::TracedLogFile final : public LogFile {
 public:
  TracedLogFile(std::string name, Trace& trace, std::unique_ptr<LogFile> target)
      : name_(std::move(name)), trace_(trace), target_(std::move(target)) {}
  ~TracedLogFile() override {
    target_.reset();
    trace_.Tell("close " + name_);
  }

  absl::Status Allocate(uint64_t size_bytes) override {
    return trace_.Tell("allocate " + name_ + " " + std::to_string(size_bytes),
                       target_->Allocate(size_bytes));
  }
  absl::Status Append(std::string_view data) override {
    const std::string line = TraceOfAppend(name_, target_->offset(), data);
    return trace_.Tell(line, target_->Append(data));
  }
  absl::Status Sync() override {
    const std::string end = std::to_string(target_->offset());
    return trace_.Tell("sync " + name_ + " @" + end, target_->Sync());
  }
  uint64_t offset() const override { return target_->offset(); }
  uint64_t durable_offset() const override { return target_->durable_offset(); }

 private:
  const std::string name_;
  Trace& trace_;
  std::unique_ptr<LogFile> target_;
};

class TracingFileSystem::TracedReadFile final : public ReadFile {
 public:
  TracedReadFile(std::string name, Trace& trace, std::unique_ptr<ReadFile> target)
      : name_(std::move(name)), trace_(trace), target_(std::move(target)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    return trace_.Tell("read " + name_ + Range(offset, out.size()), target_->ReadAt(offset, out),
                       [](size_t bytes) { return std::to_string(bytes); });
  }
  std::optional<std::string_view> View(uint64_t offset, size_t length) const override {
    const std::optional<std::string_view> view = target_->View(offset, length);
    trace_.Tell("view " + name_ + Range(offset, length) + (view ? "" : " = none"));
    return view;
  }
  uint64_t size() const override { return target_->size(); }

 private:
  const std::string name_;
  Trace& trace_;
  const std::unique_ptr<ReadFile> target_;
};

class TracingFileSystem::TracedLock final : public FileLock {
 public:
  TracedLock(std::string name, Trace& trace, std::unique_ptr<FileLock> target)
      : name_(std::move(name)), trace_(trace), target_(std::move(target)) {}
  ~TracedLock() override {
    target_.reset();
    trace_.Tell("unlock " + name_);
  }
  // Not told: it is asked beside whatever changes a name, and changes none.
  absl::Status StillHeld() const override { return target_->StillHeld(); }

 private:
  const std::string name_;
  Trace& trace_;
  std::unique_ptr<FileLock> target_;
};

TracingFileSystem::TracingFileSystem(FileSystem& target, std::string root, Sink sink)
    : target_(target), trace_(std::make_unique<Trace>(std::move(root), std::move(sink))) {}
TracingFileSystem::~TracingFileSystem() = default;

absl::StatusOr<std::unique_ptr<LogFile>> TracingFileSystem::CreateLogFile(const std::string& path) {
  std::string name = trace_->Name(path);
  auto file = target_.CreateLogFile(path);
  trace_->Tell("create " + name, file.status()).IgnoreError();
  if (!file.ok()) return file;
  return std::make_unique<TracedLogFile>(std::move(name), *trace_, *std::move(file));
}

absl::StatusOr<std::unique_ptr<ReadFile>> TracingFileSystem::OpenReadFile(const std::string& path) {
  std::string name = trace_->Name(path);
  auto file = target_.OpenReadFile(path);
  trace_->Tell("open " + name, file.status()).IgnoreError();
  if (!file.ok()) return file;
  return std::make_unique<TracedReadFile>(std::move(name), *trace_, *std::move(file));
}

absl::Status TracingFileSystem::Rename(const std::string& from, const std::string& to) {
  return trace_->Tell("rename " + trace_->Name(from) + " -> " + trace_->Name(to),
                      target_.Rename(from, to));
}

absl::Status TracingFileSystem::Link(const std::string& existing, const std::string& added) {
  return trace_->Tell("link " + trace_->Name(existing) + " -> " + trace_->Name(added),
                      target_.Link(existing, added));
}

absl::Status TracingFileSystem::Remove(const std::string& path) {
  return trace_->Tell("remove " + trace_->Name(path), target_.Remove(path));
}

absl::Status TracingFileSystem::CreateDirectory(const std::string& path) {
  return trace_->Tell("mkdir " + trace_->Name(path), target_.CreateDirectory(path));
}

absl::Status TracingFileSystem::RemoveDirectory(const std::string& path) {
  return trace_->Tell("rmdir " + trace_->Name(path), target_.RemoveDirectory(path));
}

absl::StatusOr<std::vector<std::string>> TracingFileSystem::List(const std::string& directory) {
  return trace_->Tell("list " + trace_->Name(directory), target_.List(directory),
                      [](const auto& names) { return std::to_string(names.size()) + " names"; });
}

absl::Status TracingFileSystem::SyncDirectory(const std::string& directory) {
  return trace_->Tell("syncdir " + trace_->Name(directory), target_.SyncDirectory(directory));
}

absl::StatusOr<bool> TracingFileSystem::Exists(const std::string& path) {
  return trace_->Tell("exists " + trace_->Name(path), target_.Exists(path),
                      [](bool exists) { return exists ? "yes" : "no"; });
}

absl::StatusOr<uint64_t> TracingFileSystem::FileSize(const std::string& path) {
  return trace_->Tell("size " + trace_->Name(path), target_.FileSize(path),
                      [](uint64_t bytes) { return std::to_string(bytes); });
}

absl::StatusOr<uint64_t> TracingFileSystem::FreeSpace(const std::string& directory) {
  return trace_->Tell("free " + trace_->Name(directory), target_.FreeSpace(directory),
                      [](uint64_t bytes) { return std::to_string(bytes); });
}

absl::StatusOr<std::unique_ptr<FileLock>> TracingFileSystem::Lock(const std::string& path,
                                                                  std::string_view owner) {
  std::string name = trace_->Name(path);
  auto lock = target_.Lock(path, owner);
  trace_->Tell("lock " + name, lock.status()).IgnoreError();
  if (!lock.ok()) return lock;
  return std::make_unique<TracedLock>(std::move(name), *trace_, *std::move(lock));
}

}  // namespace lumen
