#include "faultfs/volume/volume_process.h"

#include <algorithm>
#include <cerrno>

#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/errno_status.h"
#include "faultfs/volume/open_files.h"

namespace lumen::faultfs {
namespace {

template <typename Item>
void RemoveOne(std::vector<Item>& from, const Item& item) {
  const auto at = std::find(from.begin(), from.end(), item);
  CHECK(at != from.end());
  *at = from.back();
  from.pop_back();
}

}  // namespace

absl::Status ProcessLife::Killed(std::string_view path) {
  return absl::AbortedError(std::string(path) + ": the process was killed");
}

void ProcessLife::Open(InodeNumber inode) {
  volume_->tree.Open(inode);
  open_.push_back(inode);
}

void ProcessLife::Close(InodeNumber inode) {
  RemoveOne(open_, inode);
  volume_->tree.Close(inode);
}

void ProcessLife::Hold(InodeNumber directory, InodeNumber inode) {
  Open(inode);
  held_.emplace_back(directory, inode);
}

void ProcessLife::Release(InodeNumber directory, InodeNumber inode) {
  RemoveOne(held_, {directory, inode});
  volume_->tree.Unlock(directory, inode);
  Close(inode);
}

void ProcessLife::Kill() {
  if (!alive_) return;
  while (!held_.empty()) Release(held_.back().first, held_.back().second);
  while (!open_.empty()) Close(open_.back());
  alive_ = false;
}

template <typename Act>
absl::Status VolumeProcess::Run(Request request, Act act) {
  if (!life_->alive()) return ProcessLife::Killed(request.call.path);
  return life_->volume().Run(request, [&](const CallEffect& effect) {
    return act(life_->volume().tree, effect, request);
  });
}

absl::StatusOr<std::unique_ptr<LogFile>> VolumeProcess::CreateLogFile(const std::string& path) {
  InodeNumber inode = 0;
  RETURN_IF_ERROR(Run({.call = {.kind = CallKind::kCreate, .path = path}, .verb = "create"},
                      [&](VolumeTree& tree, auto&...) { return tree.CreateFile(path, &inode); }));
  return NewLogFile(path, life_, inode);
}

absl::StatusOr<std::unique_ptr<ReadFile>> VolumeProcess::OpenReadFile(const std::string& path) {
  InodeNumber inode = 0;
  RETURN_IF_ERROR(Run({.call = {.kind = CallKind::kOpen, .path = path}, .verb = "open"},
                      [&](VolumeTree& tree, auto&...) { return tree.FindFile(path, &inode); }));
  return NewReadFile(path, life_, inode);
}

absl::Status VolumeProcess::Rename(const std::string& from, const std::string& to) {
  return Run(
      {.call = {.kind = CallKind::kRename, .path = from, .to_path = to}, .verb = "rename to"},
      [&](VolumeTree& tree, auto&...) { return tree.Rename(from, to); });
}

absl::Status VolumeProcess::Link(const std::string& existing, const std::string& added) {
  return Run(
      {.call = {.kind = CallKind::kLink, .path = existing, .to_path = added}, .verb = "link to"},
      [&](VolumeTree& tree, auto&...) { return tree.Link(existing, added); });
}

absl::Status VolumeProcess::Remove(const std::string& path) {
  return Run({.call = {.kind = CallKind::kRemove, .path = path}, .verb = "remove"},
             [&](VolumeTree& tree, auto&...) { return tree.Remove(path); });
}

absl::Status VolumeProcess::CreateDirectory(const std::string& path) {
  return Run(
      {.call = {.kind = CallKind::kCreateDirectory, .path = path}, .verb = "create directory"},
      [&](VolumeTree& tree, auto&...) { return tree.CreateDirectory(path); });
}

absl::Status VolumeProcess::RemoveDirectory(const std::string& path) {
  return Run(
      {.call = {.kind = CallKind::kRemoveDirectory, .path = path}, .verb = "remove directory"},
      [&](VolumeTree& tree, auto&...) { return tree.RemoveDirectory(path); });
}

absl::StatusOr<std::vector<std::string>> VolumeProcess::List(const std::string& directory) {
  std::vector<std::string> names;
  RETURN_IF_ERROR(Run({.call = {.kind = CallKind::kList, .path = directory}, .verb = "list"},
                      [&](VolumeTree& tree, const CallEffect&, Request& request) {
                        InodeNumber inode = 0;
                        const int error_number = tree.FindDirectory(directory, &inode);
                        if (error_number != 0) return error_number;
                        const DiskImage::Entries& entries = *tree.current().Directory(inode);
                        names.reserve(entries.size());
                        for (const auto& [name, unused] : entries) names.push_back(name);
                        request.answer = names.size();
                        return 0;
                      }));
  return names;
}

absl::Status VolumeProcess::SyncDirectory(const std::string& directory) {
  bool missing = false;
  const absl::Status status =
      Run({.call = {.kind = CallKind::kSyncDirectory, .path = directory}, .verb = "sync directory"},
          [&](VolumeTree& tree, const CallEffect& effect, Request&) {
            InodeNumber inode = 0;
            if (const int error_number = tree.FindDirectory(directory, &inode)) {
              missing = true;
              return error_number;
            }
            tree.SyncDirectory(inode, effect.sync, effect.seed);
            return 0;
          });
  return missing ? SyncNotBegun(status) : status;
}

absl::StatusOr<bool> VolumeProcess::Exists(const std::string& path) {
  bool exists = false;
  RETURN_IF_ERROR(Run({.call = {.kind = CallKind::kExists, .path = path}, .verb = "exists"},
                      [&](VolumeTree& tree, const CallEffect&, Request& request) {
                        InodeNumber inode = 0;
                        const int error_number = tree.Find(path, &inode);
                        exists = error_number == 0;
                        request.answer = exists ? 1 : 0;
                        const bool absent = error_number == ENOENT || error_number == ENOTDIR;
                        return absent ? 0 : error_number;
                      }));
  return exists;
}

absl::StatusOr<uint64_t> VolumeProcess::FileSize(const std::string& path) {
  uint64_t bytes = 0;
  RETURN_IF_ERROR(Run({.call = {.kind = CallKind::kFileSize, .path = path}, .verb = "size"},
                      [&](VolumeTree& tree, const CallEffect&, Request& request) {
                        InodeNumber inode = 0;
                        const int error_number = tree.FindFile(path, &inode);
                        if (error_number == 0) bytes = tree.Bytes(inode).size();
                        request.answer = bytes;
                        return error_number;
                      }));
  return bytes;
}

absl::StatusOr<uint64_t> VolumeProcess::FreeSpace(const std::string& directory) {
  uint64_t bytes = 0;
  RETURN_IF_ERROR(
      Run({.call = {.kind = CallKind::kFreeSpace, .path = directory}, .verb = "free space"},
          [&](VolumeTree& tree, const CallEffect&, Request& request) {
            InodeNumber inode = 0;
            bytes = tree.free_bytes();
            request.answer = bytes;
            return tree.Find(directory, &inode);
          }));
  return bytes;
}

absl::StatusOr<std::unique_ptr<FileLock>> VolumeProcess::Lock(const std::string& path,
                                                              std::string_view owner) {
  InodeNumber directory = 0;
  InodeNumber taken = 0;
  const absl::Status status =
      Run({.call = {.kind = CallKind::kLock, .path = path}, .verb = "lock"},
          [&](VolumeTree& tree, const CallEffect&, Request& request) {
            if (const int error_number = tree.FindDirectory(ParentDirectory(path), &directory)) {
              return error_number;
            }
            InodeNumber file = 0;
            int error_number = tree.FindFile(path, &file);
            if (error_number == 0) request.inode = file;
            if (tree.IsLocked(directory)) return EWOULDBLOCK;
            if (error_number == ENOENT) error_number = tree.CreateFile(path, &request.inode);
            if (error_number == 0) error_number = tree.Lock(directory, request.inode, owner);
            if (error_number == 0) taken = request.inode;
            return error_number;
          });
  if (status.ok()) return NewFileLock(path, life_, directory, taken);
  if (taken != 0) life_->volume().tree.Unlock(directory, taken);
  return status;
}

}  // namespace lumen::faultfs
