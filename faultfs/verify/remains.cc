#include "faultfs/verify/remains.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace lumen::faultfs::verify {
namespace {

using Kind = OperationKind;

void Require(bool fact, const char* what) {
  if (fact) return;
  std::fprintf(stderr, "faultfs/verify: a history that the page does not know: %s\n", what);
  std::abort();
}

struct Slot {
  InodeNumber directory = 0;
  std::string name;
  bool operator==(const Slot&) const = default;
};

std::vector<Slot> SlotsOf(const Operation& operation) {
  std::vector<Slot> slots = {{operation.directory, operation.name}};
  if (operation.kind == Kind::kRename) slots.push_back({operation.to_directory, operation.to_name});
  return slots;
}

bool HasSlotIn(const Operation& operation, InodeNumber directory) {
  const std::vector<Slot> slots = SlotsOf(operation);
  return std::any_of(slots.begin(), slots.end(),
                     [&](const Slot& slot) { return slot.directory == directory; });
}

bool ShareASlot(const Operation& a, const Operation& b) {
  for (const Slot& one : SlotsOf(a)) {
    for (const Slot& other : SlotsOf(b)) {
      if (one == other) return true;
    }
  }
  return false;
}

bool ShareADirectory(const Operation& a, const Operation& b) {
  const std::vector<Slot> slots = SlotsOf(a);
  return std::any_of(slots.begin(), slots.end(),
                     [&](const Slot& slot) { return HasSlotIn(b, slot.directory); });
}

bool GivesAName(const Operation& operation, InodeNumber inode) {
  return operation.inode == inode &&
         (operation.kind == Kind::kCreate || operation.kind == Kind::kLink ||
          operation.kind == Kind::kRename);
}

// Of a sector, as a reader sees it: bytes beyond the end are zero.
std::string SectorOf(const std::string& file, uint64_t sector) {
  const uint64_t start = sector * kSectorBytes;
  std::string bytes = start < file.size() ? file.substr(start, kSectorBytes) : "";
  bytes.resize(kSectorBytes);
  return bytes;
}

// What is beyond the end of the file is cut off.
void Overwrite(std::string& file, uint64_t offset, std::string_view bytes) {
  for (size_t i = 0; i < bytes.size() && offset + i < file.size(); ++i) file[offset + i] = bytes[i];
}

}  // namespace

std::string_view RuleName(Rule rule) {
  switch (rule) {
    case Rule::kNone:
      break;
    case Rule::kEntryOrder:
      return "which entry operations happened: closed under the order";
    case Rule::kAllocateOrder:
      return "sizes: at least that of each allocate in the journal prefix, none of one beyond";
    case Rule::kDataBeforeSize:
      return "data before size";
    case Rule::kRenameOver:
      return "rename over";
    case Rule::kGrowingAppends:
      return "growing appends happen as a prefix";
    case Rule::kWithinAppends:
      return "a growing append, or one that is killed, may stop at a sector end";
    case Rule::kWalGarbage:
      return "random bytes in unsynced sectors of a WAL";
    case Rule::kLostNames:
      return "what a failed sync of a directory lost never reaches the disk";
    case Rule::kComesBack:
      return "a lost entry operation comes back with what needs it";
    case Rule::kOwnBytes:
      return "what was marked clean never comes back in btrfs";
    case Rule::kNeverOlder:
      return "a zombie is never older than what landed";
    case Rule::kSyncCommits:
      return "what sync makes durable beside data";
    case Rule::kMarkedClean:
      return "what was marked clean never reaches the disk";
    case Rule::kGarbage:
      return "stale and random bytes";
    case Rule::kTornWords:
      return "torn words";
  }
  return "none";
}

bool HasJournal(std::string_view profile) {
  return profile == "ext4-ordered" || profile == "ext4-writeback" || profile == "xfs" ||
         profile == "torn-page";
}

bool OrdersData(std::string_view profile) {
  return profile == "ext4-ordered" || profile == "torn-page";
}

bool MayHaveGarbage(std::string_view profile) {
  return profile == "ext4-writeback" || profile == "strict-posix";
}

void ApplyEntry(const Operation& operation, Disk& disk) {
  auto& entries = disk.directories[operation.directory];
  switch (operation.kind) {
    case Kind::kCreate:
    case Kind::kMakeDirectory:
    case Kind::kLink:
      entries[operation.name] = operation.inode;
      return;
    case Kind::kUnlink:
    case Kind::kRemoveDirectory:
      entries.erase(operation.name);
      return;
    case Kind::kRename:
      entries.erase(operation.name);
      disk.directories[operation.to_directory][operation.to_name] = operation.inode;
      return;
    default:
      Require(false, "not an entry operation");
  }
}

Remains::Remains(std::string profile, Disk start, Rule ignored)
    : profile_(std::move(profile)),
      ignored_(ignored),
      base_(std::move(start)),
      page_cache_(base_.files) {
  if (profile_ != "strict-posix") {
    posix_ = std::make_unique<Remains>("strict-posix", base_, ignored);
  }
}

std::string Remains::CreatedAs(InodeNumber inode) const {
  const auto found = created_as_.find(inode);
  return found == created_as_.end() ? "" : found->second;
}

void Remains::Apply(const Operation& operation) {
  if (posix_ != nullptr) posix_->Apply(operation);
  switch (operation.kind) {
    case Kind::kCreate:
      base_.files[operation.inode];
      page_cache_[operation.inode];
      created_as_[operation.inode] = operation.name;
      break;
    case Kind::kMakeDirectory:
      base_.directories[operation.inode];
      break;
    case Kind::kAllocate:
      Allocate(operation);
      break;
    case Kind::kAppend:
      Append(operation);
      break;
    case Kind::kDamage:
      Damage(operation);
      break;
    case Kind::kUnlink:
      unlinked_ = page_cache_.at(operation.inode);
      break;
    case Kind::kRename:
      if (page_cache_.contains(operation.replaced)) unlinked_ = page_cache_.at(operation.replaced);
      break;
    case Kind::kSync:
      Sync(operation);
      break;
    case Kind::kSyncDirectory:
      SyncDirectory(operation);
      break;
    default:
      break;
  }
  const bool entry = operation.kind <= Kind::kRename;
  if (entry) pending_.push_back({.index = applied_, .operation = operation, .entry = true});
  ForgetDone();
  ++applied_;
}

void Remains::Allocate(const Operation& operation) {
  std::string& file = page_cache_.at(operation.inode);
  if (operation.size <= file.size()) return;
  file.resize(operation.size);
  pending_.push_back({.index = applied_, .operation = operation, .size = true});
}

// What is pending stays as it is.
void Remains::Damage(const Operation& operation) {
  const std::string data = operation.data == nullptr ? "" : *operation.data;
  for (std::string* file : {&base_.files.at(operation.inode), &page_cache_.at(operation.inode)}) {
    file->resize(operation.size);
    Overwrite(*file, operation.offset, data);
  }
  touched_.insert({operation.inode, operation.offset / kSectorBytes});
  for (size_t i = 0; i < data.size(); ++i) {
    touched_.insert({operation.inode, (operation.offset + i) / kSectorBytes});
  }
}

void Remains::Append(const Operation& operation) {
  std::string& file = page_cache_.at(operation.inode);
  const uint64_t end = operation.offset + operation.data->size();
  const uint64_t size_before = file.size();
  const bool grows = end > size_before;
  if (grows) file.resize(end);
  Require(operation.size == file.size(), "an append with another size than it makes");
  Overwrite(file, operation.offset, *operation.data);
  Pending pending = {
      .index = applied_, .operation = operation, .size = grows, .size_before = size_before};
  for (uint64_t sector = operation.offset / kSectorBytes; sector * kSectorBytes < end; ++sector) {
    pending.versions[sector] = SectorOf(file, sector);
    touched_.insert({operation.inode, sector});
  }
  pending_.push_back(pending);
}

void Remains::Sync(const Operation& operation) {
  switch (operation.effect) {
    case SyncEffect::kLied:
      return;
    case SyncEffect::kMarkedClean:
      return MarkClean(operation.inode);
    case SyncEffect::kReverted:
      return Revert(operation.inode);
    case SyncEffect::kDurable:
    case SyncEffect::kFailedDurable:
    case SyncEffect::kFailedPartly:
      DataBecomesDurable(operation);
      WhatSyncMakesDurableBesides(operation.inode);
  }
}

void Remains::MarkClean(InodeNumber inode) {
  if (ignored_ == Rule::kMarkedClean) return;
  for (Pending& pending : pending_) {
    if (pending.Is(Kind::kAppend) && pending.operation.inode == inode) pending.versions.clear();
  }
}

void Remains::Revert(InodeNumber inode) {
  for (Pending& pending : pending_) {
    if (pending.entry || pending.operation.inode != inode) continue;
    pending.size = false;
    pending.versions.clear();
  }
  page_cache_[inode] = (posix_ == nullptr ? base_ : posix_->base_).files.at(inode);
}

void Remains::DataBecomesDurable(const Operation& sync) {
  const Operation* partly = sync.effect == SyncEffect::kFailedPartly ? &sync : nullptr;
  for (Pending& pending : pending_) {
    if (pending.entry || pending.operation.inode != sync.inode) continue;
    FilePartBecomesDurable(pending, partly);
    pending.size = false;
    pending.versions.clear();
  }
}

void Remains::FilePartBecomesDurable(const Pending& pending, const Operation* partly) {
  std::string& file = base_.files.at(pending.operation.inode);
  if (pending.size) file.resize(std::max<uint64_t>(file.size(), pending.operation.size));
  for (const auto& [sector, version] : pending.versions) {
    if (partly != nullptr && (partly->seed >> (sector % 64) & 1) == 0) continue;
    BytesBecomeDurable(pending, sector, version);
  }
}

void Remains::BytesBecomeDurable(const Pending& pending, uint64_t sector,
                                 const std::string& version) {
  const Operation& append = pending.operation;
  const uint64_t start = sector * kSectorBytes;
  uint64_t from = start;
  uint64_t to = start + kSectorBytes;
  if (profile_ == "btrfs" && ignored_ != Rule::kOwnBytes) {  // only the append's own bytes
    from = std::max(from, append.offset);
    to = std::min(to, append.offset + append.data->size());
  }
  Overwrite(base_.files.at(append.inode), from, version.substr(from - start, to - from));
  appended_.insert({append.inode, sector});
}

void Remains::WhatSyncMakesDurableBesides(InodeNumber inode) {
  if (ignored_ == Rule::kSyncCommits) return;
  if (HasJournal(profile_)) JournalCommits();
  if (profile_ == "btrfs") NameBecomesDurable(inode);
}

void Remains::NameBecomesDurable(InodeNumber inode) {
  bool creation_is_pending = false;
  std::optional<uint64_t> newest;
  for (const Pending& pending : pending_) {
    if (!pending.entry || pending.lost || !GivesAName(pending.operation, inode)) continue;
    creation_is_pending |= pending.Is(Kind::kCreate);
    newest = pending.index;
  }
  if (creation_is_pending) EntriesBecomeDurable({*newest});
}

void Remains::SyncDirectory(const Operation& operation) {
  std::set<uint64_t> indexes = PendingIn(operation.inode);
  switch (operation.effect) {
    case SyncEffect::kLied:
      return;
    case SyncEffect::kMarkedClean:
    case SyncEffect::kReverted:
      return LoseEntriesOf(operation.inode);
    case SyncEffect::kFailedPartly:
      std::erase_if(indexes,
                    [&](uint64_t index) { return (operation.seed >> (index % 64) & 1) == 0; });
      EntriesBecomeDurable(indexes);
      return LoseEntriesOf(operation.inode);
    case SyncEffect::kDurable:
    case SyncEffect::kFailedDurable:
      if (HasJournal(profile_)) return JournalCommits();
      EntriesBecomeDurable(indexes);
  }
}

std::set<uint64_t> Remains::PendingIn(InodeNumber directory) const {
  std::set<uint64_t> indexes;
  for (const Pending& pending : pending_) {
    const bool in_it = pending.entry && !pending.lost && HasSlotIn(pending.operation, directory);
    if (in_it) indexes.insert(pending.index);
  }
  return indexes;
}

void Remains::LoseEntriesOf(InodeNumber directory) {
  if (profile_ == "kill" || ignored_ == Rule::kLostNames) return;
  const std::set<uint64_t> indexes = PendingIn(directory);
  for (Pending& pending : pending_) {
    if (indexes.contains(pending.index)) pending.lost = true;
  }
}

bool Remains::InJournal(const Pending& pending) const {
  return (pending.entry && !pending.lost) || pending.Is(Kind::kAllocate);
}

void Remains::JournalCommits() {
  std::set<uint64_t> all;
  for (const Pending& pending : pending_) {
    if (InJournal(pending)) all.insert(pending.index);
  }
  EntriesBecomeDurable(all);
}

void Remains::FlushRenamedOver(const Pending& rename) {
  if (ignored_ == Rule::kRenameOver) return;
  for (Pending& pending : pending_) {
    if (pending.index > rename.index) break;
    if (pending.entry || pending.operation.inode != rename.operation.inode) continue;
    FilePartBecomesDurable(pending, nullptr);
    pending.size = false;
    pending.versions.clear();
  }
}

void Remains::EntriesBecomeDurable(std::set<uint64_t> indexes) {
  for (size_t before = 0; before != indexes.size();) {
    before = indexes.size();
    for (const Pending& later : pending_) {
      if (!indexes.contains(later.index)) continue;
      for (const Pending& earlier : pending_) {
        if (Needs(later, earlier)) indexes.insert(earlier.index);
      }
    }
  }
  for (Pending& pending : pending_) {
    if (!indexes.contains(pending.index)) continue;
    if (pending.Is(Kind::kAllocate)) {
      FilePartBecomesDurable(pending, nullptr);
      pending.size = false;
      continue;
    }
    const bool flushes = OrdersData(profile_) && pending.operation.replaced != 0 && !pending.lost;
    if (flushes) FlushRenamedOver(pending);
    ApplyEntry(pending.operation, base_);
    pending.entry = false;
  }
}

bool Remains::Needs(const Pending& later, const Pending& earlier) const {
  if (earlier.index >= later.index) return false;
  if (later.lost || earlier.lost) {
    if (ignored_ == Rule::kComesBack) return false;
    return NeedsInStrictPosix(later, earlier);
  }
  if (HasJournal(profile_)) return InJournal(earlier) && InJournal(later);
  if (profile_ != "btrfs") return NeedsInStrictPosix(later, earlier);
  if (!earlier.entry || !later.entry) return false;
  const bool makes_its_directory =
      earlier.Is(Kind::kMakeDirectory) && HasSlotIn(later.operation, earlier.operation.inode);
  return makes_its_directory || ShareADirectory(later.operation, earlier.operation);
}

bool Remains::NeedsInStrictPosix(const Pending& later, const Pending& earlier) const {
  if (!earlier.entry || !later.entry) return false;
  const Operation& operation = later.operation;
  const bool makes_its_directory =
      earlier.Is(Kind::kMakeDirectory) && HasSlotIn(operation, earlier.operation.inode);
  const bool between_two = later.Is(Kind::kRename) && operation.directory != operation.to_directory;
  return (makes_its_directory && between_two) || ShareASlot(operation, earlier.operation) ||
         (later.Is(Kind::kRemoveDirectory) && HasSlotIn(earlier.operation, operation.inode));
}

void Remains::ForgetDone() {
  std::erase_if(pending_, [this](const Pending& pending) {
    const bool longer =
        pending.size && pending.operation.size > base_.files.at(pending.operation.inode).size();
    return !pending.entry && !longer && pending.versions.empty();
  });
}

}  // namespace lumen::faultfs::verify
