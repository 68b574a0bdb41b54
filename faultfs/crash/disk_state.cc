#include "faultfs/disk_state.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "engine/base/check.h"
#include "faultfs/crash/rules.h"
#include "faultfs/file_role.h"

namespace lumen::faultfs {

struct DiskState::File::Strict {
  PendingFile pending;
  FileBytes base;
};

namespace {

bool IsDurable(SyncEffect effect) {
  return effect == SyncEffect::kDurable || effect == SyncEffect::kFailedDurable;
}

bool HasSlot(const Operation& operation, InodeNumber directory, std::string_view name) {
  return (operation.directory == directory && operation.name == name) ||
         (operation.kind == OperationKind::kRename && operation.to_directory == directory &&
          operation.to_name == name);
}

bool HasSlotIn(const Operation& operation, InodeNumber directory) {
  return operation.directory == directory ||
         (operation.kind == OperationKind::kRename && operation.to_directory == directory);
}

bool ShareASlot(const Operation& one, const Operation& other) {
  return HasSlot(one, other.directory, other.name) ||
         (other.kind == OperationKind::kRename && HasSlot(one, other.to_directory, other.to_name));
}

bool IsBetweenDirectories(const Operation& operation) {
  return operation.kind == OperationKind::kRename && operation.directory != operation.to_directory;
}

// The line of strict-posix in docs/fault_model.md, section 3.
bool NeedsInStrictPosix(const Operation& later, const Operation& earlier) {
  if (ShareASlot(later, earlier)) return true;
  if (later.kind == OperationKind::kRemoveDirectory) return HasSlotIn(earlier, later.inode);
  return IsBetweenDirectories(later) && earlier.kind == OperationKind::kMakeDirectory &&
         HasSlotIn(later, earlier.inode);
}

bool NamesFile(const Operation& operation, InodeNumber inode) {
  return operation.inode == inode &&
         (operation.kind == OperationKind::kCreate || operation.kind == OperationKind::kLink ||
          operation.kind == OperationKind::kRename);
}

// Copies it first where another DiskState has it too.
template <typename T>
T& Own(std::shared_ptr<T>& shared) {
  if (shared.use_count() > 1) shared = std::make_shared<T>(*shared);
  return *shared;
}

}  // namespace

void ApplyEntry(const Operation& operation, DiskImage& image) {
  switch (operation.kind) {
    case OperationKind::kCreate:
    case OperationKind::kMakeDirectory:
    case OperationKind::kLink:
      image.SetEntry(operation.directory, operation.name, operation.inode);
      return;
    case OperationKind::kUnlink:
    case OperationKind::kRemoveDirectory:
      image.SetEntry(operation.directory, operation.name, 0);
      return;
    case OperationKind::kRename:
      image.SetEntry(operation.directory, operation.name, 0);
      image.SetEntry(operation.to_directory, operation.to_name, operation.inode);
      return;
    default:
      CHECK(false);  // no entry operation
  }
}

DiskState::DiskState(Profile profile, DiskImage start, std::vector<Zombie> zombies)
    : profile_(profile), base_(std::move(start)), zombies_(std::move(zombies)) {
  std::stable_sort(zombies_.begin(), zombies_.end(), [](const Zombie& a, const Zombie& b) {
    return std::tie(a.inode, a.sector) < std::tie(b.inode, b.sector);
  });
}

void DiskState::Apply(const Operation& operation) {
  under_way_ = nullptr;
  const uint64_t index = applied_++;
  const auto pending = [&] {
    return std::make_shared<const Pending>(
        Pending{.index = index, .operation = operation, .data_lost = false});
  };
  switch (operation.kind) {
    case OperationKind::kCreate:
    case OperationKind::kMakeDirectory:
      AddInode(operation);
      return AddEntry(pending());
    case OperationKind::kUnlink:
      RememberUnlinked(operation.inode);
      return AddEntry(pending());
    case OperationKind::kRename:
      if (operation.replaced != 0) RememberUnlinked(operation.replaced);
      return AddEntry(pending());
    case OperationKind::kLink:
    case OperationKind::kRemoveDirectory:
      return AddEntry(pending());
    case OperationKind::kAllocate:
      return Allocate(pending());
    case OperationKind::kAppend:
      return Append(pending());
    case OperationKind::kSync:
      return SyncFile(operation);
    case OperationKind::kSyncDirectory:
      return SyncDirectory(operation);
    case OperationKind::kDamage:
      return Damage(operation);
  }
}

void DiskState::Begin(const Operation& operation) {
  under_way_ = nullptr;
  if (profile_ != Profile::kKill || operation.kind != OperationKind::kAppend) return;
  if (operation.data == nullptr || base_.File(operation.inode) == nullptr) return;
  const uint64_t end = operation.offset + operation.data->size();
  if (SectorEnds::Between(operation.offset, end).count == 0) return;
  under_way_ = std::make_shared<const Pending>(
      Pending{.index = applied_, .operation = operation, .data_lost = false});
}

void DiskState::AddInode(const Operation& operation) {
  if (operation.kind == OperationKind::kMakeDirectory) return base_.AddDirectory(operation.inode);
  base_.AddFile(operation.inode);
  MutableFile(operation.inode);
  if (profile_ != Profile::kStrictPosix || RoleOf(operation.name) != FileRole::kWal) return;
  MutableFile(operation.inode)->pending =
      std::make_shared<PendingFile>(FileBytes(), PendingFile::Traits{.tracks_touched = true});
}

const PendingFile* DiskState::FindFile(InodeNumber inode) const {
  const auto at =
      std::lower_bound(files_.begin(), files_.end(), inode,
                       [](const File& file, InodeNumber of) { return file.inode < of; });
  return at == files_.end() || at->inode != inode ? nullptr : at->pending.get();
}

DiskState::File* DiskState::MutableFile(InodeNumber inode) {
  const FileBytes* base = base_.File(inode);
  if (base == nullptr) return nullptr;
  auto at = std::lower_bound(files_.begin(), files_.end(), inode,
                             [](const File& file, InodeNumber of) { return file.inode < of; });
  if (at == files_.end() || at->inode != inode) {
    const PendingFile::Traits traits{.sets = RulesOf(profile_).sets,
                                     .owns_versions = profile_ == Profile::kZombie};
    at = files_.insert(at, {.inode = inode,
                            .pending = std::make_shared<PendingFile>(*base, traits),
                            .strict = nullptr});
  }
  return &*at;
}

template <typename Change>
void DiskState::ChangeFile(InodeNumber inode, Change change) {
  File* file = MutableFile(inode);
  if (file == nullptr) return;
  change(Own(file->pending), base_.MutableFile(inode));
  if (file->strict == nullptr) return;
  File::Strict& strict = Own(file->strict);
  change(strict.pending, strict.base);
  // They have met again, unless bytes were lost that only one of them had put down before.
  if (strict.pending.empty() && strict.pending.cache_is_newest() && file->pending->empty()) {
    file->strict = nullptr;
  }
}

void DiskState::KeepStrict(File& file) {
  if (file.strict != nullptr) return;
  file.strict = std::make_shared<File::Strict>(
      File::Strict{.pending = *file.pending, .base = *base_.File(file.inode)});
}

void DiskState::RememberUnlinked(InodeNumber inode) {
  if (const PendingFile* file = FindFile(inode)) {
    unlinked_ = std::make_shared<const FileBytes>(file->cache());
  } else if (auto file_of_base = base_.ShareFile(inode)) {
    unlinked_ = std::move(file_of_base);
  }
}

void DiskState::AddEntry(std::shared_ptr<const Pending> pending) {
  Entry entry{.pending = pending, .after = {}};
  Connect(entry);
  entries_.push_back(std::move(entry));
  pending_.push_back(std::move(pending));
}

void DiskState::Connect(Entry& entry) {
  const Rules rules = RulesOf(profile_);
  entry.after.clear();
  if (!rules.journal) ListPredecessors(*entry.pending, rules.sets, entry.after);
  std::vector<const Operation*> coming = {&entry.pending->operation};
  for (auto lost = lost_.rbegin(); lost != lost_.rend(); ++lost) {
    const Pending& earlier = *lost->operation;
    const auto needs_it = [&](const Operation* later) {
      return NeedsInStrictPosix(*later, earlier.operation);
    };
    if (earlier.index > entry.pending->index) continue;
    if (std::none_of(coming.begin(), coming.end(), needs_it)) continue;
    lost->brought_by.push_back(entry.pending->index);
    coming.push_back(&earlier.operation);
    if (!rules.journal) ListPredecessors(earlier, /*by_directory=*/false, entry.after);
  }
}

void DiskState::ListPredecessors(const Pending& pending, bool by_directory,
                                 std::vector<uint64_t>& after) const {
  const Operation& operation = pending.operation;
  const bool is_rename = operation.kind == OperationKind::kRename;
  const bool crosses = IsBetweenDirectories(operation);
  bool first = false;
  bool second = !is_rename || (by_directory && !crosses);
  for (size_t i = entries_.size(); i-- > 0;) {
    if (entries_[i].pending->index >= pending.index) continue;
    const Operation& earlier = entries_[i].pending->operation;
    const auto meets = [&](InodeNumber directory, const std::string& name) {
      return by_directory ? HasSlotIn(earlier, directory) : HasSlot(earlier, directory, name);
    };
    const bool meets_first = !first && meets(operation.directory, operation.name);
    const bool meets_second = !second && meets(operation.to_directory, operation.to_name);
    const bool makes_directory = (by_directory || crosses) &&
                                 earlier.kind == OperationKind::kMakeDirectory &&
                                 (earlier.inode == operation.directory ||
                                  (crosses && earlier.inode == operation.to_directory));
    const bool was_inside = !by_directory && operation.kind == OperationKind::kRemoveDirectory &&
                            HasSlotIn(earlier, operation.inode);
    first = first || meets_first;
    second = second || meets_second;
    if (meets_first || meets_second || makes_directory || was_inside) {
      after.push_back(entries_[i].pending->index);
    }
  }
}

void DiskState::Allocate(const std::shared_ptr<const Pending>& pending) {
  const Operation& operation = pending->operation;
  bool is_pending = false;
  bool first = true;
  ChangeFile(operation.inode, [&](PendingFile& file, FileBytes& base) {
    const bool added = file.Allocate(pending->index, operation, base);
    if (std::exchange(first, false)) is_pending = added;
  });
  if (!is_pending) return;
  pending_.push_back(pending);
  if (RulesOf(profile_).journal) entries_.push_back({.pending = pending, .after = {}});
}

void DiskState::Append(std::shared_ptr<const Pending> pending) {
  const Operation& operation = pending->operation;
  if (operation.data == nullptr || operation.data->empty()) return;
  if (MutableFile(operation.inode) == nullptr) return;
  if (!zombies_.empty()) {
    std::erase_if(zombies_, [&](const Zombie& zombie) {
      return zombie.inode == operation.inode && zombie.sector >= operation.offset / kSectorBytes &&
             zombie.sector * kSectorBytes < operation.offset + operation.data->size();
    });
  }
  ChangeFile(operation.inode,
             [&](PendingFile& file, FileBytes& base) { file.AddAppend(pending, base); });
  pending_.push_back(std::move(pending));
}

void DiskState::SyncFile(const Operation& operation) {
  if (operation.effect == SyncEffect::kLied) return;
  SyncData(operation);
  if (IsDurable(operation.effect) || operation.effect == SyncEffect::kFailedPartly) {
    SyncNames(operation);
  }
  Tidy();
}

void DiskState::SyncData(const Operation& operation) {
  if (operation.effect == SyncEffect::kReverted) {
    File* file = MutableFile(operation.inode);
    if (file == nullptr) return;
    const FileBytes content =
        file->strict == nullptr ? *base_.File(operation.inode) : file->strict->base;
    ChangeFile(operation.inode, [&](PendingFile& pending, FileBytes&) { pending.Revert(content); });
    return DropUndoneAllocates(operation.inode);
  }
  ChangeFile(operation.inode, [&](PendingFile& pending, FileBytes& base) {
    switch (operation.effect) {
      case SyncEffect::kMarkedClean:
        return pending.LoseData();
      case SyncEffect::kFailedPartly:
        return pending.MakePartlyDurable(operation.seed, base);
      default:
        return pending.MakeDurable(base);
    }
  });
}

void DiskState::SyncNames(const Operation& operation) {
  const Rules rules = RulesOf(profile_);
  if (rules.journal) return CommitJournal();
  if (!rules.sets) return;
  std::vector<bool> wanted(entries_.size());
  bool is_new = false;
  size_t newest = entries_.size();
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Operation& entry = entries_[i].pending->operation;
    if (!NamesFile(entry, operation.inode)) continue;
    newest = i;
    is_new = is_new || entry.kind == OperationKind::kCreate;
  }
  if (!is_new) return;
  wanted[newest] = true;
  MakeEntriesDurable(std::move(wanted));
}

void DiskState::SyncDirectory(const Operation& operation) {
  std::vector<bool> in_it = EntriesIn(operation.inode);
  switch (operation.effect) {
    case SyncEffect::kLied:
      return;
    case SyncEffect::kDurable:
    case SyncEffect::kFailedDurable:
      if (RulesOf(profile_).journal) {
        CommitJournal();
      } else {
        MakeEntriesDurable(std::move(in_it));
      }
      break;
    case SyncEffect::kFailedPartly:
      for (size_t i = 0; i < entries_.size(); ++i) {
        in_it[i] = in_it[i] && (operation.seed >> (entries_[i].pending->index % 64) & 1) != 0;
      }
      MakeEntriesDurable(std::move(in_it));
      LoseEntries(EntriesIn(operation.inode));
      break;
    case SyncEffect::kMarkedClean:
    case SyncEffect::kReverted:
      LoseEntries(in_it);
      break;
  }
  Tidy();
}

std::vector<bool> DiskState::EntriesIn(InodeNumber directory) const {
  std::vector<bool> in_it(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    in_it[i] = HasSlotIn(entries_[i].pending->operation, directory);
  }
  return in_it;
}

size_t DiskState::EntryPosition(uint64_t index) const {
  const auto at =
      std::lower_bound(entries_.begin(), entries_.end(), index,
                       [](const Entry& entry, uint64_t of) { return entry.pending->index < of; });
  const bool found = at != entries_.end() && at->pending->index == index;
  return found ? static_cast<size_t>(at - entries_.begin()) : entries_.size();
}

void DiskState::AddPredecessors(std::vector<bool>& wanted) const {
  const bool journal = RulesOf(profile_).journal;
  for (size_t i = entries_.size(); i-- > 0;) {
    if (!wanted[i]) continue;
    if (journal && i > 0) wanted[i - 1] = true;
    for (const uint64_t index : entries_[i].after) {
      const size_t at = EntryPosition(index);
      if (at < entries_.size()) wanted[at] = true;
    }
  }
}

void DiskState::MakeEntriesDurable(std::vector<bool> wanted) {
  AddPredecessors(wanted);
  const auto is_wanted = [&](uint64_t index) { return wanted[EntryPosition(index)]; };
  std::vector<Lost> lost;
  size_t next = 0;
  const auto bring_back_before = [&](uint64_t index) {
    for (; next < lost_.size() && lost_[next].operation->index < index; ++next) {
      if (lost_[next].ComesBack(is_wanted)) {
        ApplyToBase(*lost_[next].operation);
      } else {
        lost.push_back(std::move(lost_[next]));
      }
    }
  };
  for (size_t i = 0; i < entries_.size(); ++i) {
    bring_back_before(entries_[i].pending->index);
    if (!wanted[i]) continue;
    ApplyToBase(*entries_[i].pending);
    FlushRenamedOver(*entries_[i].pending);
  }
  bring_back_before(~uint64_t{0});
  std::vector<Entry> others;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!wanted[i]) others.push_back(std::move(entries_[i]));
  }
  entries_ = std::move(others);
  lost_ = std::move(lost);
}

void DiskState::LoseEntries(const std::vector<bool>& lost) {
  // The page cache, with all names, is all there is after a kill.
  if (profile_ == Profile::kKill) return;
  std::vector<Entry> others;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (lost[i]) {
      lost_.push_back({.operation = entries_[i].pending, .brought_by = {}});
    } else {
      others.push_back(std::move(entries_[i]));
    }
  }
  entries_ = std::move(others);
  std::sort(lost_.begin(), lost_.end(),
            [](const Lost& a, const Lost& b) { return a.operation->index < b.operation->index; });
  // What needed a lost one is now something that brings it back.
  for (Lost& each : lost_) each.brought_by.clear();
  for (Entry& entry : entries_) Connect(entry);
}

void DiskState::ApplyToBase(const Pending& pending) {
  const Operation& operation = pending.operation;
  if (operation.kind == OperationKind::kAllocate) {
    return RaiseSize(operation.inode, operation.size);
  }
  ApplyEntry(operation, base_);
  base_has_litter_ = base_has_litter_ || operation.kind == OperationKind::kUnlink ||
                     operation.kind == OperationKind::kRemoveDirectory || operation.replaced != 0;
}

void DiskState::FlushRenamedOver(const Pending& pending) {
  const Operation& operation = pending.operation;
  if (operation.replaced == 0 || !RulesOf(profile_).ordered) return;
  File* file = MutableFile(operation.inode);
  if (file == nullptr || file->pending->empty()) return;
  KeepStrict(*file);
  Own(file->pending).MakeDurableBefore(pending.index, base_.MutableFile(operation.inode));
}

void DiskState::CommitJournal() { MakeEntriesDurable(std::vector<bool>(entries_.size(), true)); }

void DiskState::RaiseSize(InodeNumber inode, uint64_t size) {
  File* file = MutableFile(inode);
  if (file == nullptr || size <= base_.File(inode)->size()) return;
  KeepStrict(*file);
  base_.MutableFile(inode).Resize(size);
  Own(file->pending).DropSizesUpTo(size);
}

void DiskState::DropUndoneAllocates(InodeNumber inode) {
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.pending->operation.kind == OperationKind::kAllocate &&
           entry.pending->operation.inode == inode;
  });
}

void DiskState::Damage(const Operation& operation) {
  if (base_.File(operation.inode) == nullptr) return;
  ChangeFile(operation.inode, [&](PendingFile& pending, FileBytes& base) {
    pending.Damage(operation);
    base.Resize(operation.size);
    if (operation.data != nullptr) base.Write(operation.offset, *operation.data);
  });
  const uint64_t end = operation.offset + (operation.data == nullptr ? 0 : operation.data->size());
  std::erase_if(zombies_, [&](const Zombie& zombie) {
    const uint64_t start = zombie.sector * kSectorBytes;
    const bool hit = start + kSectorBytes > operation.offset && start < end;
    return zombie.inode == operation.inode && (hit || start >= operation.size);
  });
}

// Forgets what nothing can bring back, and the pending operations that are not pending any more.
void DiskState::Tidy() {
  if (entries_.empty() && lost_.empty() && base_has_litter_) {
    base_.DropUnreachable();
    base_has_litter_ = false;
    std::erase_if(files_, [&](const File& file) { return base_.File(file.inode) == nullptr; });
  }
  std::erase_if(pending_, [&](std::shared_ptr<const Pending>& pending) {
    const PendingFile* file = nullptr;
    switch (pending->operation.kind) {
      case OperationKind::kAllocate:
        file = FindFile(pending->operation.inode);
        return file == nullptr || file->FindSize(pending->index) == nullptr;
      case OperationKind::kAppend: {
        file = FindFile(pending->operation.inode);
        const auto* append = file == nullptr ? nullptr : file->FindAppend(pending->index);
        if (append != nullptr) pending = append->operation;
        return append == nullptr;
      }
      default:
        return EntryPosition(pending->index) == entries_.size();
    }
  });
}

}  // namespace lumen::faultfs
