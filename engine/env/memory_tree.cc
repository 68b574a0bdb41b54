#include "engine/env/memory_tree.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace lumen {
namespace {

constexpr size_t kLongestName = 255;  // NAME_MAX

// The components of a path: "/a//b/." and "a/b" are the same.
std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (!part.empty() && part != ".") parts.push_back(part);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

}  // namespace

MemoryTree::MemoryTree(uint64_t capacity_bytes)
    : root_(NewDirectory()), capacity_bytes_(capacity_bytes) {}

MemoryTree::~MemoryTree() {
  for (const std::weak_ptr<MemoryNode>& entry : all_directories_) {
    const NodePointer directory = entry.lock();
    if (directory == nullptr) continue;
    directory->names.clear();
    directory->durable_names.clear();
  }
}

bool MemoryTree::Place::Passes(const NodePointer& other) const {
  return std::find(directories.begin(), directories.end(), other) != directories.end();
}

MemoryTree::NodePointer MemoryTree::NewDirectory() {
  NodePointer node = std::make_shared<MemoryNode>();
  node->is_directory = true;
  all_directories_.push_back(node);
  return node;
}

int MemoryTree::Resolve(const std::string& path, Place* place) const {
  if (path.empty()) return ENOENT;
  place->node = root_;
  for (const std::string_view part : Split(path)) {
    if (place->name_error != 0) return place->name_error;
    if (place->node == nullptr) return ENOENT;
    if (!place->node->is_directory) return ENOTDIR;
    if (part == "..") return EINVAL;
    if (part.size() > kLongestName) place->name_error = ENAMETOOLONG;
    place->directories.push_back(place->node);
    place->name = part;
    const auto entry = place->directory().names.find(part);
    place->node = entry == place->directory().names.end() ? nullptr : entry->second;
  }
  return 0;
}

int MemoryTree::LookUp(const std::string& path, Place* place) const {
  const int error_number = Resolve(path, place);
  return error_number != 0 ? error_number : place->name_error;
}

int MemoryTree::Find(const std::string& path, NodePointer* node) const {
  Place place;
  if (const int error_number = LookUp(path, &place)) return error_number;
  *node = std::move(place.node);
  return *node == nullptr ? ENOENT : 0;
}

int MemoryTree::FindFile(const std::string& path, NodePointer* node) const {
  if (const int error_number = Find(path, node)) return error_number;
  return (*node)->is_directory ? EISDIR : 0;
}

int MemoryTree::FindDirectory(const std::string& path, NodePointer* node) const {
  if (const int error_number = Find(path, node)) return error_number;
  return (*node)->is_directory ? 0 : ENOTDIR;
}

void MemoryTree::AddName(const Place& place, const NodePointer& node) {
  place.directory().names[place.name] = node;
  node->links++;
}

void MemoryTree::DropName(const Place& place) {
  place.directory().names.erase(place.name);
  place.node->links--;
  ReleaseIfUnused(*place.node);
}

void MemoryTree::ReleaseIfUnused(MemoryNode& node) {
  if (node.links == 0 && node.handles == 0) used_bytes_ -= node.content.size();
}

void MemoryTree::Close(MemoryNode& node) {
  node.handles--;
  ReleaseIfUnused(node);
}

int MemoryTree::CreateFile(const std::string& path, NodePointer* node) {
  Place place;
  if (const int error_number = LookUp(path, &place)) return error_number;
  if (place.node != nullptr) return EEXIST;
  *node = std::make_shared<MemoryNode>();
  AddName(place, *node);
  return 0;
}

int MemoryTree::CreateDirectory(const std::string& path) {
  Place place;
  if (const int error_number = LookUp(path, &place)) return error_number;
  if (place.node != nullptr) return EEXIST;
  AddName(place, NewDirectory());
  return 0;
}

int MemoryTree::Rename(const std::string& from, const std::string& to) {
  Place source, target;
  if (const int error_number = Resolve(from, &source)) return error_number;
  if (const int error_number = Resolve(to, &target)) return error_number;
  if (source.directories.empty() || target.directories.empty()) return EBUSY;
  if (source.name_error != 0) return source.name_error;
  if (source.node == nullptr) return ENOENT;
  if (target.name_error != 0) return target.name_error;
  if (target.Passes(source.node)) return EINVAL;
  if (source.Passes(target.node)) return ENOTEMPTY;
  if (target.node == source.node) return 0;  // two names of one file: POSIX leaves both
  if (target.node != nullptr) {
    if (source.node->is_directory && !target.node->is_directory) return ENOTDIR;
    if (!source.node->is_directory && target.node->is_directory) return EISDIR;
    if (!target.node->names.empty()) return ENOTEMPTY;
    DropName(target);
  }
  AddName(target, source.node);
  DropName(source);
  return 0;
}

int MemoryTree::Link(const std::string& existing, const std::string& added) {
  Place source, target;
  if (const int error_number = LookUp(existing, &source)) return error_number;
  if (source.node == nullptr) return ENOENT;
  if (const int error_number = LookUp(added, &target)) return error_number;
  if (target.node != nullptr) return EEXIST;
  if (source.node->is_directory) return EPERM;
  AddName(target, source.node);
  return 0;
}

int MemoryTree::Remove(const std::string& path) {
  Place place;
  if (const int error_number = LookUp(path, &place)) return error_number;
  if (place.node == nullptr) return ENOENT;
  if (place.node->is_directory) return EISDIR;
  DropName(place);
  return 0;
}

int MemoryTree::RemoveDirectory(const std::string& path) {
  Place place;
  if (const int error_number = LookUp(path, &place)) return error_number;
  if (place.directories.empty()) return EBUSY;
  if (place.node == nullptr) return ENOENT;
  if (!place.node->is_directory) return ENOTDIR;
  if (!place.node->names.empty()) return ENOTEMPTY;
  DropName(place);
  return 0;
}

int MemoryTree::List(const std::string& path, std::vector<std::string>* names) const {
  NodePointer node;
  if (const int error_number = Find(path, &node)) return error_number;
  if (!node->is_directory) return ENOTDIR;
  for (const auto& [name, unused_node] : node->names) names->push_back(name);
  return 0;
}

int MemoryTree::SyncDirectory(const std::string& path) {
  NodePointer node;
  if (const int error_number = Find(path, &node)) return error_number;
  if (!node->is_directory) return ENOTDIR;
  node->durable_names = node->names;
  return 0;
}

void MemoryTree::SyncNames(const std::string& path) {
  Place place;
  if (LookUp(path, &place) != 0 || place.node == nullptr) return;
  NodePointer below = place.node;
  for (auto directory = place.directories.rbegin(); directory != place.directories.rend();
       ++directory) {
    for (const auto& [name, node] : (*directory)->names) {
      if (node == below) (*directory)->durable_names[name] = node;
    }
    below = *directory;
  }
}

uint64_t MemoryTree::free_bytes() const {
  return capacity_bytes_ - std::min(capacity_bytes_, used_bytes_);
}

int MemoryTree::Extend(MemoryNode& node, uint64_t size_bytes) {
  const uint64_t before = node.content.size();
  if (size_bytes <= before) return 0;
  if (size_bytes - before > free_bytes()) return ENOSPC;
  used_bytes_ += size_bytes - before;
  node.content.Extend(size_bytes);
  return 0;
}

int MemoryTree::Append(MemoryNode& node, uint64_t* offset, std::string_view data) {
  const uint64_t room = std::max(node.content.size(), *offset) - *offset + free_bytes();
  const std::string_view fitting =
      data.substr(0, static_cast<size_t>(std::min<uint64_t>(room, data.size())));
  const uint64_t before = node.content.size();
  node.content.Write(*offset, fitting);
  used_bytes_ += node.content.size() - before;
  *offset += fitting.size();
  return fitting.size() == data.size() ? 0 : ENOSPC;
}

void MemoryTree::Resize(MemoryNode& node, uint64_t size_bytes) {
  used_bytes_ += size_bytes - node.content.size();
  node.content.Resize(size_bytes);
}

std::unique_ptr<MemoryTree> MemoryTree::CrashCopy(MemoryFileSystem::Crash crash) const {
  auto tree = std::make_unique<MemoryTree>(capacity_bytes_);
  Copies copies;
  tree->root_ = tree->CopyNode(*root_, crash, copies);
  for (const auto& [original, copy] : copies) {
    if (copy->links > 0) tree->used_bytes_ += copy->content.size();
  }
  return tree;
}

MemoryTree::NodePointer MemoryTree::CopyNode(const MemoryNode& from, MemoryFileSystem::Crash crash,
                                             Copies& copies) {
  const bool power_loss = crash == MemoryFileSystem::Crash::kPowerLoss;
  if (const auto copied = copies.find(&from); copied != copies.end()) {
    // Of a directory that an unsynced rename left in two places, the one met first stays.
    return power_loss && from.is_directory ? nullptr : copied->second;
  }
  NodePointer copy = from.is_directory ? NewDirectory() : std::make_shared<MemoryNode>();
  copies.emplace(&from, copy);
  copy->content = power_loss ? from.content.DurableCopy() : from.content.Copy();
  CopyNames(from.durable_names, crash, copies, copy->durable_names);
  if (power_loss) {
    copy->names = copy->durable_names;
  } else {
    CopyNames(from.names, crash, copies, copy->names);
  }
  for (const auto& [name, node] : copy->names) node->links++;
  return copy;
}

void MemoryTree::CopyNames(const MemoryNode::Names& from, MemoryFileSystem::Crash crash,
                           Copies& copies, MemoryNode::Names& to) {
  for (const auto& [name, node] : from) {
    if (NodePointer copy = CopyNode(*node, crash, copies)) to.emplace(name, std::move(copy));
  }
}

}  // namespace lumen
