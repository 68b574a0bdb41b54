#include "faultfs/disk_image.h"

#include <algorithm>

#include "engine/base/check.h"
#include "faultfs/volume/mixing.h"
#include "faultfs/volume/path_parts.h"

namespace lumen::faultfs {
namespace {

auto Position(const DiskImage::Entries& entries, std::string_view name) {
  return std::lower_bound(entries.begin(), entries.end(), name,
                          [](const auto& entry, std::string_view at) { return entry.first < at; });
}

}  // namespace

struct DiskImage::Node {
  bool is_directory = false;
  FileBytes bytes;
  Entries entries;
};

DiskImage::DiskImage() { AddDirectory(kRootInode); }

const DiskImage::Node* DiskImage::Find(InodeNumber inode) const {
  return inode < nodes_.size() ? nodes_[inode].get() : nullptr;
}

const FileBytes* DiskImage::File(InodeNumber inode) const {
  const Node* node = Find(inode);
  return node == nullptr || node->is_directory ? nullptr : &node->bytes;
}

const DiskImage::Entries* DiskImage::Directory(InodeNumber inode) const {
  const Node* node = Find(inode);
  return node == nullptr || !node->is_directory ? nullptr : &node->entries;
}

std::shared_ptr<const FileBytes> DiskImage::ShareFile(InodeNumber inode) const {
  const FileBytes* bytes = File(inode);
  if (bytes == nullptr) return nullptr;
  return std::shared_ptr<const FileBytes>(nodes_[inode], bytes);
}

InodeNumber DiskImage::Entry(InodeNumber directory, std::string_view name) const {
  const Entries* entries = Directory(directory);
  if (entries == nullptr) return 0;
  const auto at = Position(*entries, name);
  return at == entries->end() || at->first != name ? 0 : at->second;
}

InodeNumber DiskImage::Find(std::string_view path) const {
  InodeNumber inode = kRootInode;
  for (PathParts parts(path); inode != 0 && parts.Next();) inode = Entry(inode, parts.part());
  return inode;
}

std::shared_ptr<DiskImage::Node>& DiskImage::Slot(InodeNumber inode) {
  CHECK(inode != 0);
  if (inode >= nodes_.size()) nodes_.resize(inode + 1);
  return nodes_[inode];
}

void DiskImage::AddFile(InodeNumber inode, FileBytes bytes) {
  Slot(inode) = std::make_shared<Node>(Node{.bytes = std::move(bytes), .entries = {}});
}

void DiskImage::AddDirectory(InodeNumber inode) {
  Slot(inode) = std::make_shared<Node>(Node{.is_directory = true, .bytes = {}, .entries = {}});
}

DiskImage::Node& DiskImage::MutableNode(InodeNumber inode) {
  CHECK(Find(inode) != nullptr);
  std::shared_ptr<Node>& node = nodes_[inode];
  if (node.use_count() > 1) node = std::make_shared<Node>(*node);
  return *node;
}

FileBytes& DiskImage::MutableFile(InodeNumber inode) {
  CHECK(File(inode) != nullptr);
  return MutableNode(inode).bytes;
}

InodeNumber DiskImage::SetEntry(InodeNumber directory, std::string_view name, InodeNumber inode) {
  CHECK(Directory(directory) != nullptr);
  Entries& entries = MutableNode(directory).entries;
  const auto at = entries.begin() + (Position(entries, name) - entries.cbegin());
  const bool exists = at != entries.end() && at->first == name;
  const InodeNumber before = exists ? at->second : 0;
  if (exists && inode != 0) {
    at->second = inode;
  } else if (exists) {
    entries.erase(at);
  } else if (inode != 0) {
    entries.emplace(at, name, inode);
  }
  return before;
}

void DiskImage::DropInode(InodeNumber inode) {
  CHECK(inode != kRootInode);
  if (inode < nodes_.size()) nodes_[inode].reset();
}

void DiskImage::Mark(InodeNumber inode, std::vector<bool>& reached) const {
  const Node* node = Find(inode);
  if (node == nullptr || reached[inode]) return;
  reached[inode] = true;
  for (const auto& [name, below] : node->entries) Mark(below, reached);
}

void DiskImage::DropUnreachable() {
  std::vector<bool> reached(nodes_.size());
  Mark(kRootInode, reached);
  for (size_t inode = 0; inode < nodes_.size(); ++inode) {
    if (!reached[inode]) nodes_[inode].reset();
  }
  while (nodes_.back() == nullptr) nodes_.pop_back();
}

// A sum, because the order of entries is no property of a directory.
uint64_t DiskImage::HashDirectory(const Node& directory) const {
  uint64_t sum = 0;
  for (const auto& [name, inode] : directory.entries) {
    const Node* node = Find(inode);
    CHECK(node != nullptr);
    const uint64_t of_node = node->is_directory ? HashDirectory(*node) : node->bytes.hash();
    sum += Mix(HashText(name), of_node);
  }
  return Mix(sum, directory.entries.size()) & ~uint64_t{1};  // files have odd ones
}

uint64_t DiskImage::hash() const { return HashDirectory(*nodes_[kRootInode]); }

void DiskImage::AddToPlain(const Node& directory, const std::string& path,
                           PlainImage& plain) const {
  for (const auto& [name, inode] : directory.entries) {
    const Node* node = Find(inode);
    CHECK(node != nullptr);
    std::string below = path;
    below.append("/").append(name);
    plain[below] = node->is_directory ? std::nullopt : std::optional(node->bytes.ToString());
    AddToPlain(*node, below, plain);
  }
}

PlainImage DiskImage::Plain() const {
  PlainImage plain;
  AddToPlain(*nodes_[kRootInode], "", plain);
  return plain;
}

DiskImage DiskImage::FromPlain(const PlainImage& plain) {
  DiskImage image;
  for (const auto& [path, content] : plain) {
    const size_t slash = path.rfind('/');
    const InodeNumber parent = image.Find(std::string_view(path).substr(0, slash));
    const InodeNumber inode = image.next_inode();
    if (content) {
      image.AddFile(inode);
      image.MutableFile(inode).Write(0, *content);
    } else {
      image.AddDirectory(inode);
    }
    image.SetEntry(parent, std::string_view(path).substr(slash + 1), inode);
  }
  return image;
}

}  // namespace lumen::faultfs
