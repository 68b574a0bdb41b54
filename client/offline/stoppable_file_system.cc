#include "client/offline/stoppable_file_system.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace lumen {

class StoppableFileSystem::StoppableLogFile final : public LogFile {
 public:
  StoppableLogFile(const StoppableFileSystem& owner, std::string path,
                   std::unique_ptr<LogFile> target)
      : owner_(owner), path_(std::move(path)), target_(std::move(target)) {}

  absl::Status Allocate(uint64_t size_bytes) override {
    RETURN_IF_ERROR(owner_.GoOn(path_));
    return target_->Allocate(size_bytes);
  }
  absl::Status Append(std::string_view data) override {
    RETURN_IF_ERROR(owner_.GoOn(path_));
    return target_->Append(data);
  }
  absl::Status Sync() override {
    RETURN_IF_ERROR(owner_.GoOn(path_));
    return target_->Sync();
  }
  uint64_t offset() const override { return target_->offset(); }
  uint64_t durable_offset() const override { return target_->durable_offset(); }

 private:
  const StoppableFileSystem& owner_;
  const std::string path_;
  const std::unique_ptr<LogFile> target_;
};

class StoppableFileSystem::StoppableReadFile final : public ReadFile {
 public:
  StoppableReadFile(const StoppableFileSystem& owner, std::string path,
                    std::unique_ptr<ReadFile> target)
      : owner_(owner), path_(std::move(path)), target_(std::move(target)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    RETURN_IF_ERROR(owner_.GoOn(path_));
    return target_->ReadAt(offset, out);
  }
  std::optional<std::string_view> View(uint64_t offset, size_t length) const override {
    if (owner_.stopped_()) return std::nullopt;  // ReadAt then says why
    return target_->View(offset, length);
  }
  uint64_t size() const override { return target_->size(); }
  uint64_t data_end() const override { return target_->data_end(); }

 private:
  const StoppableFileSystem& owner_;
  const std::string path_;
  const std::unique_ptr<ReadFile> target_;
};

StoppableFileSystem::StoppableFileSystem(FileSystem& target, std::function<bool()> stopped)
    : ForwardingFileSystem(target), stopped_(std::move(stopped)) {}

absl::Status StoppableFileSystem::GoOn(const std::string& path) const {
  return stopped_() ? absl::CancelledError(absl::StrCat(path, ": stopped")) : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<LogFile>> StoppableFileSystem::CreateLogFile(
    const std::string& path) {
  RETURN_IF_ERROR(GoOn(path));
  ASSIGN_OR_RETURN(std::unique_ptr<LogFile> file, target().CreateLogFile(path));
  return std::make_unique<StoppableLogFile>(*this, path, std::move(file));
}

absl::StatusOr<std::unique_ptr<ReadFile>> StoppableFileSystem::OpenReadFile(
    const std::string& path) {
  RETURN_IF_ERROR(GoOn(path));
  ASSIGN_OR_RETURN(std::unique_ptr<ReadFile> file, target().OpenReadFile(path));
  return std::make_unique<StoppableReadFile>(*this, path, std::move(file));
}

absl::Status StoppableFileSystem::Rename(const std::string& from, const std::string& to) {
  RETURN_IF_ERROR(GoOn(from));
  return target().Rename(from, to);
}

absl::Status StoppableFileSystem::Link(const std::string& existing, const std::string& added) {
  RETURN_IF_ERROR(GoOn(existing));
  return target().Link(existing, added);
}

absl::Status StoppableFileSystem::CreateDirectory(const std::string& path) {
  RETURN_IF_ERROR(GoOn(path));
  return target().CreateDirectory(path);
}

absl::Status StoppableFileSystem::SyncDirectory(const std::string& directory) {
  RETURN_IF_ERROR(GoOn(directory));
  return target().SyncDirectory(directory);
}

absl::StatusOr<std::unique_ptr<FileLock>> StoppableFileSystem::Lock(const std::string& path,
                                                                    std::string_view owner) {
  RETURN_IF_ERROR(GoOn(path));
  return target().Lock(path, owner);
}

}  // namespace lumen
