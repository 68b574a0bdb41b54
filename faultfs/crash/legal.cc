#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "faultfs/crash/absl_text.h"
#include "faultfs/crash/compose.h"
#include "faultfs/crash/describe.h"
#include "faultfs/crash/file_choices.h"
#include "faultfs/crash/under_way.h"
#include "faultfs/crash_space.h"

namespace lumen::faultfs {
namespace {

using Bytes = Survivors::Bytes;

template <typename... Args>
absl::Status Illegal(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(AbslText(args)...));
}

// Judges a choice by docs/fault_model.md, section 3.
class Judge {
 public:
  Judge(const CrashSpace::Layout& layout, const Survivors& survivors)
      : layout_(layout), state_(layout.state), survivors_(survivors) {}

  absl::Status Check() {
    RETURN_IF_ERROR(CheckOnce());
    RETURN_IF_ERROR(CheckEntries());
    RETURN_IF_ERROR(CheckOrder());
    image_ = ImageWithEntries(state_, happened_);
    if (layout_.rules.sets) return CheckSets();
    if (!survivors_.appends.empty()) return Illegal("appends are chosen one by one in btrfs only");
    RETURN_IF_ERROR(CheckSizes());
    for (const Survivors::Sector& sector : survivors_.sectors) RETURN_IF_ERROR(CheckSector(sector));
    return CheckLeftOut();
  }

  // With the entry operations that happened.
  DiskImage TakeImage() { return std::move(image_); }

 private:
  static absl::Status Twice(std::vector<uint64_t> indices, std::string_view what) {
    std::sort(indices.begin(), indices.end());
    const auto twice = std::adjacent_find(indices.begin(), indices.end());
    if (twice == indices.end()) return absl::OkStatus();
    return Illegal(what, " ", *twice, " is listed twice");
  }

  // Sizes and sectors are in order.
  absl::Status CheckOnce() const {
    RETURN_IF_ERROR(Twice(survivors_.entries, "entry operation"));
    RETURN_IF_ERROR(Twice(survivors_.appends, "append"));
    const auto& sizes = survivors_.sizes;
    for (size_t i = 1; i < sizes.size(); ++i) {
      if (sizes[i].inode == sizes[i - 1].inode) {
        return Illegal("file ", sizes[i].inode, " is given two sizes");
      }
    }
    const auto& sectors = survivors_.sectors;
    for (size_t i = 1; i < sectors.size(); ++i) {
      if (sectors[i].inode == sectors[i - 1].inode && sectors[i].sector == sectors[i - 1].sector) {
        return Illegal("sector ", sectors[i].sector, " of file ", sectors[i].inode,
                       " is given two contents");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckEntries() {
    happened_.assign(state_.entries().size(), false);
    for (const uint64_t index : survivors_.entries) {
      const size_t at = EntryPosition(state_, index);
      if (at < happened_.size()) {
        happened_[at] = true;
      } else if (!layout_.rules.sets || !IsPendingAllocate(index)) {
        return Illegal("operation ", index, " is no pending entry operation");
      }
    }
    return absl::OkStatus();
  }

  bool IsPendingAllocate(uint64_t index) const {
    for (const DiskState::File& file : state_.files()) {
      const auto* change = file.pending->FindSize(index);
      if (change != nullptr) return !change->by_append;
    }
    return false;
  }

  absl::Status CheckOrder() const {
    const auto& entries = state_.entries();
    for (size_t i = 0; i < happened_.size(); ++i) {
      if (!happened_[i]) continue;
      if (layout_.rules.journal && i > 0 && !happened_[i - 1]) return Needs(i, i - 1);
      for (const uint64_t index : entries[i].after) {
        const size_t before = EntryPosition(state_, index);
        if (before < happened_.size() && !happened_[before]) return Needs(i, before);
      }
    }
    return absl::OkStatus();
  }

  absl::Status Needs(size_t entry, size_t before) const {
    const auto name = [&](size_t at) {
      const PendingOperation& pending = *state_.entries()[at].pending;
      return absl::StrCat(Describe(state_, pending), " (operation ", pending.index, ")");
    };
    return Illegal(name(entry), " cannot have happened without ", name(before));
  }

  absl::Status CheckSets() const {
    const auto is_size = [](const Survivors::Size& size) { return size.stopped == 0; };
    const auto& sizes = survivors_.sizes;
    if (std::any_of(sizes.begin(), sizes.end(), is_size) || !survivors_.sectors.empty()) {
      return Illegal("in btrfs appends are chosen, not sizes and sectors");
    }
    for (const uint64_t index : survivors_.appends) {
      const auto holds = [&](const DiskState::File& file) {
        return file.pending->FindAppend(index) != nullptr;
      };
      if (std::none_of(state_.files().begin(), state_.files().end(), holds)) {
        return Illegal("operation ", index, " is no pending append");
      }
    }
    for (const DiskState::File& file : state_.files()) RETURN_IF_ERROR(CheckGrowing(*file.pending));
    for (const Survivors::Size& size : sizes) RETURN_IF_ERROR(CheckStopInSet(size));
    return absl::OkStatus();
  }

  bool Appended(uint64_t index) const {
    const auto& chosen = survivors_.appends;
    return std::find(chosen.begin(), chosen.end(), index) != chosen.end();
  }

  absl::Status CheckGrowing(const PendingFile& file) const {
    const PendingOperation* missing = nullptr;
    for (const PendingFile::Append& append : file.appends()) {
      if (!append.growing) continue;
      const bool happens = Appended(append.operation->index);
      if (happens && missing != nullptr) {
        return Illegal(Describe(state_, *append.operation), " grew the file after ",
                       Describe(state_, *missing), " and cannot have happened without it");
      }
      if (!happens && missing == nullptr) missing = append.operation.get();
    }
    return absl::OkStatus();
  }

  absl::Status CheckStopInSet(const Survivors::Size& size) const {
    const PendingFile* file = state_.FindFile(size.inode);
    const PendingFile::Append* append = file == nullptr ? nullptr : file->FindAppend(size.index);
    if (append == nullptr || !Appended(size.index)) {
      return Illegal("operation ", size.index, " is no append of file ", size.inode,
                     " that happened, and so did not stop short");
    }
    if (!append->within.Contains(size.stopped)) return CannotStop(size);
    for (const PendingFile::Append& later : file->appends()) {
      const uint64_t index = later.operation->index;
      if (index > size.index && later.growing && Appended(index)) {
        return Illegal(Describe(state_, *later.operation), " grew the file after ",
                       Describe(state_, *append->operation), ", which cannot have stopped short");
      }
    }
    return absl::OkStatus();
  }

  static absl::Status CannotStop(const Survivors::Size& size) {
    return Illegal("operation ", size.index, " cannot stop at byte ", size.stopped, " of file ",
                   size.inode, ", which is no sector end between the size it found and its own");
  }

  int PlaceOf(InodeNumber inode, uint64_t index) const {
    const PendingFile* file = state_.FindFile(inode);
    if (file == nullptr) return FileChoices::kBaseSize;
    for (size_t i = 0; i < file->sizes().size(); ++i) {
      if (file->sizes()[i].index == index) return static_cast<int>(i);
    }
    return FileChoices::kBaseSize;
  }

  // Its operation is 0 where the file is to have the base's size.
  Survivors::Size ChosenSize(InodeNumber inode) const {
    for (const Survivors::Size& size : survivors_.sizes) {
      if (size.inode == inode) return size;
    }
    return {.inode = inode};
  }

  int ChosenPlace(InodeNumber inode) const { return PlaceOf(inode, ChosenSize(inode).index); }

  uint64_t ChosenBytes(InodeNumber inode, const FileChoices& choices) const {
    const Survivors::Size size = ChosenSize(inode);
    return size.stopped != 0 ? size.stopped : choices.SizeAt(ChosenPlace(inode));
  }

  absl::Status CheckSizes() const {
    for (const Survivors::Size& size : survivors_.sizes) {
      if (PlaceOf(size.inode, size.index) == FileChoices::kBaseSize) {
        return Illegal("operation ", size.index, " is no pending size operation of file ",
                       size.inode);
      }
    }
    for (const DiskState::File& file : state_.files()) {
      if (image_.File(file.inode) == nullptr) continue;
      const FileChoices choices(layout_, file.inode, happened_);
      const Survivors::Size size = ChosenSize(file.inode);
      const int place = ChosenPlace(file.inode);
      const bool whole = size.stopped == 0 || choices.SizesWithin(place).Contains(size.stopped);
      if (choices.SizeAllowed(place) && whole) continue;
      if (choices.SizeAllowed(place) && place > choices.least_size()) return CannotStop(size);
      if (place <= choices.least_size()) {
        return Illegal("file ", file.inode, " (", FileName(state_, file.inode),
                       ") cannot be shorter than ", choices.SizeAt(choices.least_size()),
                       " bytes after the entry operations that happened");
      }
      return Illegal("the allocate that gives file ", file.inode, " its size, operation ",
                     choices.SizeIndex(place), ", is not in the journal's prefix");
    }
    return absl::OkStatus();
  }

  absl::Status CheckSector(const Survivors::Sector& sector) const {
    const auto illegal = [&](const auto&... why) {
      return Illegal("sector ", sector.sector, " of file ", sector.inode, " (",
                     FileName(state_, sector.inode), ") ", why...);
    };
    if (state_.base().File(sector.inode) == nullptr) {
      return Illegal("there is no file ", sector.inode);
    }
    const int place = ChosenPlace(sector.inode);
    const FileChoices choices(layout_, sector.inode, happened_);
    const uint64_t size = ChosenBytes(sector.inode, choices);
    if (sector.sector * kSectorBytes >= size) {
      return illegal("is beyond the file's size of ", size, " bytes");
    }
    const SectorChoices allowed = choices.Of(sector.sector, place);
    if (sector.bytes == Bytes::kWords) {
      return allowed.mixed_words ? absl::OkStatus() : illegal("cannot have words of its versions");
    }
    if (sector.bytes == Bytes::kZeros) {
      const bool inside = sector.sector * kSectorBytes < state_.base().File(sector.inode)->size();
      if (inside) return illegal("is inside the durable size: its zeros would be the base's");
      return allowed.base ? absl::OkStatus() : illegal("cannot be zeros: newer bytes came first");
    }
    for (size_t choice = 0; choice < allowed.count(); ++choice) {
      const Survivors::Sector one = allowed.At(choice);
      const bool counts = one.bytes == Bytes::kVersion || one.bytes == Bytes::kZombie;
      if (one.bytes == sector.bytes && (!counts || one.index == sector.index)) {
        return absl::OkStatus();
      }
    }
    return illegal("cannot have ", WhatItHas(sector));
  }

  static std::string WhatItHas(const Survivors::Sector& sector) {
    switch (sector.bytes) {
      case Bytes::kVersion:
        return absl::StrCat("the version of operation ", sector.index);
      case Bytes::kZombie:
        return absl::StrCat("zombie ", sector.index);
      case Bytes::kStale:
        return "stale bytes";
      case Bytes::kRandom:
        return "random bytes";
      default:
        return "the bytes that were durable: newer ones came first";
    }
  }

  // Sectors that are not listed have the base's content; of some a version is demanded.
  absl::Status CheckLeftOut() const {
    if (!layout_.rules.ordered) return absl::OkStatus();
    std::vector<SectorChoices> sectors;
    for (const DiskState::File& file : state_.files()) {
      if (image_.File(file.inode) == nullptr) continue;
      const FileChoices choices(layout_, file.inode, happened_);
      choices.List(ChosenPlace(file.inode), ChosenBytes(file.inode, choices), sectors);
      for (const SectorChoices& sector : sectors) {
        if (!sector.base && !Listed(sector)) {
          return CheckSector({.inode = sector.inode, .sector = sector.number});
        }
      }
    }
    return absl::OkStatus();
  }

  bool Listed(const SectorChoices& sector) const {
    const auto is_it = [&](const Survivors::Sector& listed) {
      return listed.inode == sector.inode && listed.sector == sector.number;
    };
    return std::any_of(survivors_.sectors.begin(), survivors_.sectors.end(), is_it);
  }

  const CrashSpace::Layout& layout_;
  const DiskState& state_;
  const Survivors& survivors_;
  Happened happened_;
  DiskImage image_;
};

}  // namespace

absl::StatusOr<CrashImage> CrashSpace::Make(const Survivors& survivors) const {
  if (!layout_->rules.choice) return MakeWithoutChoice(*layout_, survivors);
  CrashImage result{.image = {}, .survivors = survivors, .zombies = {}};
  SortSurvivors(result.survivors);
  Judge judge(*layout_, result.survivors);
  RETURN_IF_ERROR(judge.Check());
  result.image = judge.TakeImage();
  ComposeFiles(*layout_, result.survivors, result.image);
  if (layout_->state.profile() == Profile::kZombie) {
    result.zombies = Losers(*layout_, result.survivors, result.image);
  }
  return result;
}

}  // namespace lumen::faultfs
