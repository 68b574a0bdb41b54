#include "faultfs/volume/volume_tree.h"

#include <algorithm>
#include <cerrno>

#include "engine/base/check.h"
#include "faultfs/volume/operation_tag.h"
#include "faultfs/volume/path_parts.h"

namespace lumen::faultfs {
namespace {

constexpr size_t kLongestName = 255;  // NAME_MAX
// Of a history that two short recoveries make.
constexpr size_t kUsualOperations = 96;

// Where no ".." and no "." may come, and nothing is too long.
bool IsPlainName(std::string_view name) {
  return !name.empty() && name[0] != '.' && name.size() <= kLongestName;
}

}  // namespace

VolumeTree::VolumeTree(DiskImage start, bool records_history)
    : start_(std::move(start)),
      current_(start_),
      records_history_(records_history),
      info_(start_.next_inode()) {
  if (records_history_) history_.reserve(kUsualOperations);
  for (InodeNumber inode = kRootInode; inode < start_.next_inode(); ++inode) {
    if (const FileBytes* bytes = start_.File(inode)) used_bytes_ += bytes->size();
    const DiskImage::Entries* entries = start_.Directory(inode);
    if (entries == nullptr) continue;
    for (const auto& [name, named] : *entries) ++info_[named].names;
  }
}

bool VolumeTree::ResolveInParent(std::string_view path, Place* place) const {
  const size_t length = parent_.path.size();
  if (length == 0 || path.size() <= length + 1 || path[length] != '/') return false;
  const std::string_view name = path.substr(length + 1);
  if (name.find('/') != name.npos || !IsPlainName(name)) return false;
  if (!path.starts_with(parent_.path)) return false;
  place->directory = parent_.inode;
  place->name = name;
  place->inode = current_.Entry(place->directory, name);
  return true;
}

void VolumeTree::RememberParent(std::string_view path, const Place& place) const {
  const size_t slash = path.rfind('/');
  if (slash == path.npos || slash == 0 || !IsPlainName(path.substr(slash + 1))) return;
  parent_.path = path.substr(0, slash);
  parent_.inode = place.directory;
}

int VolumeTree::Resolve(std::string_view path, Place* place) const {
  if (path.empty()) return ENOENT;
  if (ResolveInParent(path, place)) return 0;
  place->inode = kRootInode;
  for (PathParts parts(path); parts.Next();) {
    if (place->name_error != 0) return place->name_error;
    if (place->inode == 0) return ENOENT;
    if (!IsDirectory(place->inode)) return ENOTDIR;
    if (parts.part() == "..") return EINVAL;
    if (parts.part().size() > kLongestName) place->name_error = ENAMETOOLONG;
    place->directory = place->inode;
    place->name = parts.part();
    place->inode = current_.Entry(place->directory, place->name);
  }
  RememberParent(path, *place);
  return 0;
}

int VolumeTree::LookUp(std::string_view path, Place* place) const {
  const int error_number = Resolve(path, place);
  return error_number != 0 ? error_number : place->name_error;
}

int VolumeTree::Find(std::string_view path, InodeNumber* inode) const {
  Place place;
  if (const int error_number = LookUp(path, &place)) return error_number;
  *inode = place.inode;
  return *inode == 0 ? ENOENT : 0;
}

int VolumeTree::FindFile(std::string_view path, InodeNumber* inode) const {
  if (const int error_number = Find(path, inode)) return error_number;
  return IsDirectory(*inode) ? EISDIR : 0;
}

int VolumeTree::FindDirectory(std::string_view path, InodeNumber* inode) const {
  if (const int error_number = Find(path, inode)) return error_number;
  return IsDirectory(*inode) ? 0 : ENOTDIR;
}

int VolumeTree::FindEntry(std::string_view path, InodeNumber* directory, InodeNumber* inode) const {
  Place place;
  if (const int error_number = LookUp(path, &place)) return error_number;
  *directory = place.directory;
  *inode = place.inode;
  return 0;
}

Operation* VolumeTree::Record(OperationKind kind, InodeNumber inode, std::string_view tag) {
  if (!records_history_) return nullptr;
  Operation& operation = history_.emplace_back();
  operation.kind = kind;
  operation.inode = inode;
  operation.tag = tag;
  return &operation;
}

Operation* VolumeTree::RecordEntry(OperationKind kind, const Place& place, InodeNumber inode,
                                   std::string_view path) {
  if (!records_history_) return nullptr;
  Operation* const operation = Record(kind, inode, TagOf(path, IsDirectory(inode)));
  operation->directory = place.directory;
  operation->name = place.name;
  return operation;
}

InodeNumber VolumeTree::NewInode(std::string_view path) {
  info_.push_back({.tag = records_history_ ? TagOf(path, false) : std::string()});
  return static_cast<InodeNumber>(info_.size() - 1);
}

void VolumeTree::SetEntry(InodeNumber directory, std::string_view name, InodeNumber inode) {
  const InodeNumber before = current_.SetEntry(directory, name, inode);
  if (before != 0) --info_[before].names;
  if (inode != 0) ++info_[inode].names;
  // A path may lead elsewhere now.
  if (IsDirectory(before) || IsDirectory(inode)) parent_.path.clear();
}

int VolumeTree::CreateFile(std::string_view path, InodeNumber* inode) {
  Place place;
  if (const int error_number = LookUp(path, &place)) return error_number;
  if (place.inode != 0) return EEXIST;
  *inode = NewInode(path);
  current_.AddFile(*inode);
  SetEntry(place.directory, place.name, *inode);
  RecordEntry(OperationKind::kCreate, place, *inode, path);
  return 0;
}

int VolumeTree::CreateDirectory(std::string_view path) {
  Place place;
  if (const int error_number = LookUp(path, &place)) return error_number;
  if (place.inode != 0) return EEXIST;
  const InodeNumber inode = NewInode(path);
  current_.AddDirectory(inode);
  SetEntry(place.directory, place.name, inode);
  RecordEntry(OperationKind::kMakeDirectory, place, inode, path);
  return 0;
}

bool VolumeTree::LeadsThrough(std::string_view path, InodeNumber inode) const {
  if (!IsDirectory(inode)) return false;
  InodeNumber at = kRootInode;
  for (PathParts parts(path); parts.Next();) {
    if (at == inode) return true;
    at = current_.Entry(at, parts.part());
  }
  return false;
}

// Of two places that exist and do not contain one another.
int VolumeTree::CheckRename(const Place& source, const Place& target) const {
  if (!IsDirectory(source.inode)) return IsDirectory(target.inode) ? EISDIR : 0;
  if (target.inode != 0 && !IsDirectory(target.inode)) return ENOTDIR;
  if (target.inode != 0 && !current_.Directory(target.inode)->empty()) return ENOTEMPTY;
  return target.inode != 0 || source.directory != target.directory ? kNotModelled : 0;
}

int VolumeTree::Rename(std::string_view from, std::string_view to) {
  Place source, target;
  if (const int error_number = Resolve(from, &source)) return error_number;
  if (const int error_number = Resolve(to, &target)) return error_number;
  if (source.directory == 0 || target.directory == 0) return EBUSY;
  if (source.name_error != 0) return source.name_error;
  if (source.inode == 0) return ENOENT;
  if (target.name_error != 0) return target.name_error;
  if (LeadsThrough(to, source.inode)) return EINVAL;
  if (LeadsThrough(from, target.inode)) return ENOTEMPTY;
  if (target.inode == source.inode) return 0;  // two names of one file: POSIX leaves both
  if (const int error_number = CheckRename(source, target)) return error_number;
  if (Operation* const operation = RecordEntry(OperationKind::kRename, source, source.inode, to)) {
    operation->to_directory = target.directory;
    operation->to_name = target.name;
    operation->replaced = target.inode;
  }
  SetEntry(target.directory, target.name, source.inode);
  SetEntry(source.directory, source.name, 0);
  if (target.inode != 0) ReleaseIfUnused(target.inode);
  return 0;
}

int VolumeTree::Link(std::string_view existing, std::string_view added) {
  Place source, target;
  if (const int error_number = LookUp(existing, &source)) return error_number;
  if (source.inode == 0) return ENOENT;
  if (const int error_number = LookUp(added, &target)) return error_number;
  if (target.inode != 0) return EEXIST;
  if (IsDirectory(source.inode)) return EPERM;
  SetEntry(target.directory, target.name, source.inode);
  RecordEntry(OperationKind::kLink, target, source.inode, added);
  return 0;
}

int VolumeTree::Remove(std::string_view path) {
  Place place;
  if (const int error_number = LookUp(path, &place)) return error_number;
  if (place.inode == 0) return ENOENT;
  if (IsDirectory(place.inode)) return EISDIR;
  RecordEntry(OperationKind::kUnlink, place, place.inode, path);
  SetEntry(place.directory, place.name, 0);
  ReleaseIfUnused(place.inode);
  return 0;
}

int VolumeTree::RemoveDirectory(std::string_view path) {
  Place place;
  if (const int error_number = LookUp(path, &place)) return error_number;
  if (place.directory == 0) return EBUSY;
  if (place.inode == 0) return ENOENT;
  if (!IsDirectory(place.inode)) return ENOTDIR;
  if (!current_.Directory(place.inode)->empty()) return ENOTEMPTY;
  RecordEntry(OperationKind::kRemoveDirectory, place, place.inode, path);
  SetEntry(place.directory, place.name, 0);
  current_.DropInode(place.inode);
  return 0;
}

void VolumeTree::ReleaseIfUnused(InodeNumber inode) {
  if (info_[inode].handles > 0 || info_[inode].names > 0) return;
  used_bytes_ -= current_.File(inode)->size();
  current_.DropInode(inode);
}

void VolumeTree::Close(InodeNumber inode) {
  CHECK(info_[inode].handles > 0);
  if (--info_[inode].handles == 0) ReleaseIfUnused(inode);
}

uint64_t VolumeTree::free_bytes() const {
  return capacity_bytes_ - std::min(capacity_bytes_, used_bytes_);
}

int VolumeTree::Allocate(InodeNumber inode, uint64_t size_bytes) {
  if (TextOf(inode) != nullptr) return kNotModelled;
  const uint64_t before = current_.File(inode)->size();
  if (size_bytes <= before) return 0;
  if (size_bytes - before > free_bytes()) return ENOSPC;
  used_bytes_ += size_bytes - before;
  current_.MutableFile(inode).Resize(size_bytes);
  info_[inode].dirty = true;
  if (Operation* const operation = Record(OperationKind::kAllocate, inode, info_[inode].tag)) {
    operation->size = size_bytes;
  }
  return 0;
}

int VolumeTree::Append(InodeNumber inode, uint64_t offset, std::string_view data) {
  if (TextOf(inode) != nullptr) return kNotModelled;
  const uint64_t before = current_.File(inode)->size();
  const uint64_t room = std::max(before, offset) - offset + free_bytes();
  const std::string_view fitting = data.substr(0, std::min<uint64_t>(room, data.size()));
  if (!fitting.empty()) {
    FileBytes& bytes = current_.MutableFile(inode);
    bytes.Write(offset, fitting);
    used_bytes_ += bytes.size() - before;
    info_[inode].dirty = true;
    if (Operation* const operation = Record(OperationKind::kAppend, inode, info_[inode].tag)) {
      operation->offset = offset;
      operation->data = std::make_shared<const std::string>(fitting);
      operation->size = bytes.size();
    }
  }
  return fitting.size() == data.size() ? 0 : ENOSPC;
}

void VolumeTree::Sync(InodeNumber inode, SyncEffect effect, uint64_t seed) {
  if (Operation* const operation = Record(OperationKind::kSync, inode, info_[inode].tag)) {
    operation->effect = effect;
    operation->seed = seed;
  }
  switch (effect) {
    case SyncEffect::kDurable:
    case SyncEffect::kFailedDurable:
    case SyncEffect::kFailedPartly:
      info_[inode].dirty = false;
      break;
    case SyncEffect::kReverted: {
      const uint64_t before = current_.File(inode)->size();
      current_.MutableFile(inode) = PastOf(inode, history_.size()).durable;
      used_bytes_ -= before - current_.File(inode)->size();
      info_[inode].dirty = false;
      break;
    }
    case SyncEffect::kMarkedClean:  // sizes stay pending
    case SyncEffect::kLied:
      break;
  }
}

void VolumeTree::SyncDirectory(InodeNumber inode, SyncEffect effect, uint64_t seed) {
  if (Operation* const operation = Record(OperationKind::kSyncDirectory, inode, "directory")) {
    operation->effect = effect;
    operation->seed = seed;
  }
}

void VolumeTree::Damage(InodeNumber inode, uint64_t offset, std::string data, uint64_t size_bytes) {
  const uint64_t before = current_.File(inode)->size();
  CHECK(size_bytes <= before);
  CHECK(data.size() <= size_bytes);
  CHECK(offset <= size_bytes - data.size());
  FileBytes& bytes = current_.MutableFile(inode);
  bytes.Resize(size_bytes);
  bytes.Write(offset, data);
  used_bytes_ -= before - size_bytes;
  if (Operation* const operation = Record(OperationKind::kDamage, inode, "damage")) {
    operation->offset = offset;
    operation->data = std::make_shared<const std::string>(std::move(data));
    operation->size = size_bytes;
  }
}

int VolumeTree::Lock(InodeNumber directory, InodeNumber inode, std::string_view text) {
  if (info_[directory].locked || info_[inode].locked) return EWOULDBLOCK;
  if (current_.File(inode)->size() > 0) return kNotModelled;
  FileBytes bytes;
  bytes.Write(0, text);
  auto shared = std::make_shared<const FileBytes>(std::move(bytes));
  const auto at = std::find_if(lock_texts_.begin(), lock_texts_.end(),
                               [&](const LockText& other) { return other.inode == inode; });
  if (at == lock_texts_.end()) {
    lock_texts_.push_back({inode, std::move(shared)});
  } else {
    at->bytes = std::move(shared);
  }
  info_[directory].locked = true;
  info_[inode].locked = true;
  return 0;
}

const VolumeTree::LockText* VolumeTree::TextOf(InodeNumber inode) const {
  for (const LockText& text : lock_texts_) {
    if (text.inode == inode) return &text;
  }
  return nullptr;
}

const FileBytes& VolumeTree::Bytes(InodeNumber inode) const {
  const LockText* text = TextOf(inode);
  return text != nullptr ? *text->bytes : *current_.File(inode);
}

std::shared_ptr<const FileBytes> VolumeTree::ShareBytes(InodeNumber inode) const {
  const LockText* text = TextOf(inode);
  return text != nullptr ? text->bytes : current_.ShareFile(inode);
}

}  // namespace lumen::faultfs
