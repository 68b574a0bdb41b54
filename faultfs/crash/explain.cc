#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "faultfs/crash/describe.h"
#include "faultfs/crash/layout.h"
#include "faultfs/crash/missing_sync.h"
#include "faultfs/crash_space.h"

namespace lumen::faultfs {
namespace {

using Bytes = Survivors::Bytes;

constexpr size_t kMostNamed = 12;   // operations in one list
constexpr size_t kMostMissing = 3;  // syncs that are not there

struct Fate {
  enum Kind { kPersisted, kLost, kPartly } kind = kPersisted;
  const PendingOperation* operation = nullptr;
  std::string how;  // kPartly: what became of it
};

std::string SectorRange(uint64_t first, uint64_t last) {
  return first == last ? absl::StrCat("sector ", first)
                       : absl::StrCat("sectors ", first, "-", last);
}

std::string Count(size_t count, const char* what) {
  return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
}

// Tells the fate of each pending operation. Those of files that the crash left without a name are
// passed over: that their names are gone says it all.
class Story {
 public:
  Story(const DiskState& state, const Survivors& survivors)
      : state_(state), survivors_(survivors), rules_(RulesOf(state.profile())) {
    Happened happened(state.entries().size(), false);
    for (const uint64_t index : survivors.entries) {
      const size_t at = EntryPosition(state, index);
      if (at < happened.size()) happened[at] = true;
    }
    image_ = ImageWithEntries(state, happened);
    for (const auto& pending : state.pending()) AddFate(*pending);
  }

  std::string Tell() const {
    std::vector<std::string> parts;
    if (fates_.empty()) {
      parts.push_back("nothing was pending");
    } else if (Number(Fate::kPersisted) == fates_.size()) {
      parts.push_back(
          absl::StrCat("all of ", Count(fates_.size(), "pending operation"), " persisted"));
    } else if (Number(Fate::kLost) == fates_.size()) {
      parts.push_back(absl::StrCat("none of ", Count(fates_.size(), "pending operation"),
                                   " persisted: ", List(Named(Fate::kLost, 0, fates_.size()))));
    } else {
      TellMixed(parts);
    }
    TellMissingSyncs(parts);
    TellLostNames(parts);
    TellZombies(parts);
    return absl::StrJoin(parts, "; ");
  }

  // Of a crash that only what is synced survives.
  std::string TellUnsynced() const {
    std::vector<std::string> parts = {"nothing that was not synced persisted"};
    TellMissingSyncs(parts);
    return absl::StrJoin(parts, "; ");
  }

 private:
  void AddFate(const PendingOperation& pending) {
    const Operation& operation = pending.operation;
    switch (operation.kind) {
      case OperationKind::kAppend:
        if (image_.File(operation.inode) != nullptr) fates_.push_back(FateOfAppend(pending));
        return;
      case OperationKind::kAllocate:
        if (image_.File(operation.inode) == nullptr) return;
        return fates_.push_back(Whole(pending, SizePersisted(pending) || EntryHappened(pending)));
      default:
        return fates_.push_back(Whole(pending, EntryHappened(pending)));
    }
  }

  static Fate Whole(const PendingOperation& pending, bool persisted) {
    return {.kind = persisted ? Fate::kPersisted : Fate::kLost, .operation = &pending, .how = {}};
  }

  bool EntryHappened(const PendingOperation& pending) const {
    const auto& entries = survivors_.entries;
    return std::find(entries.begin(), entries.end(), pending.index) != entries.end();
  }

  bool SizePersisted(const PendingOperation& pending) const {
    for (const Survivors::Size& size : survivors_.sizes) {
      if (size.inode == pending.operation.inode) return size.index >= pending.index;
    }
    return false;
  }

  // The byte at which the append stopped short; 0: it did not.
  uint64_t StoppedAt(const PendingOperation& append) const {
    for (const Survivors::Size& size : survivors_.sizes) {
      if (size.index == append.index) return size.stopped;
    }
    return 0;
  }

  bool Grew(const PendingOperation& pending) const {
    const PendingFile* file = state_.FindFile(pending.operation.inode);
    return file != nullptr && file->FindSize(pending.index) != nullptr;
  }

  Fate FateOfAppend(const PendingOperation& pending) const {
    if (rules_.sets) return FateInSet(pending);
    const uint64_t stopped = StoppedAt(pending);
    if (pending.data_lost) return FateOfLost(pending, SizePersisted(pending), stopped);
    const Operation& operation = pending.operation;
    const uint64_t first = operation.offset / kSectorBytes;
    const uint64_t last = (operation.offset + operation.data->size() - 1) / kSectorBytes;
    std::vector<std::string> runs;
    bool all_kept = true;
    bool all_lost = true;
    for (uint64_t begin = first; begin <= last;) {
      const std::string became = WhatBecameOf(pending, begin);
      uint64_t end = begin;
      while (end < last && WhatBecameOf(pending, end + 1) == became) ++end;
      all_kept = all_kept && became == kPersistedText;
      all_lost = all_lost && became == kLostText;
      runs.push_back(absl::StrCat(SectorRange(begin, end), " ", became));
      begin = end + 1;
    }
    const bool size_kept = Grew(pending) && SizePersisted(pending);
    if (all_kept || (all_lost && !size_kept)) return Whole(pending, all_kept);
    std::string how = all_lost
                          ? absl::StrCat("its size persisted", UpTo(stopped), ", its bytes did not")
                          : absl::StrJoin(runs, ", ");
    if (stopped != 0 && !all_lost) absl::StrAppend(&how, ", the file ended at byte ", stopped);
    return {.kind = Fate::kPartly, .operation = &pending, .how = how};
  }

  static std::string UpTo(uint64_t stopped) {
    return stopped == 0 ? "" : absl::StrCat(" up to byte ", stopped);
  }

  Fate FateInSet(const PendingOperation& pending) const {
    const auto& appends = survivors_.appends;
    const bool there = std::find(appends.begin(), appends.end(), pending.index) != appends.end();
    const uint64_t stopped = StoppedAt(pending);
    if (pending.data_lost) return FateOfLost(pending, there, stopped);
    if (stopped == 0) return Whole(pending, there);
    return {.kind = Fate::kPartly,
            .operation = &pending,
            .how = absl::StrCat("what is before byte ", stopped, " of the file persisted")};
  }

  static Fate FateOfLost(const PendingOperation& pending, bool size_kept, uint64_t stopped) {
    return {.kind = Fate::kPartly,
            .operation = &pending,
            .how = absl::StrCat("a failed sync had lost its bytes, and its size ",
                                size_kept ? "persisted" : "did not persist", UpTo(stopped))};
  }

  std::string WhatBecameOf(const PendingOperation& append, uint64_t sector) const {
    for (const Survivors::Sector& chosen : survivors_.sectors) {
      if (chosen.inode != append.operation.inode || chosen.sector != sector) continue;
      switch (chosen.bytes) {
        case Bytes::kVersion:
          return chosen.index >= append.index ? kPersistedText : kLostText;
        case Bytes::kStale:
          return "got stale bytes";
        case Bytes::kRandom:
          return "got random bytes";
        case Bytes::kWords:
          return "tore between its words";
        default:
          return kLostText;
      }
    }
    return kLostText;
  }

  size_t Number(Fate::Kind kind) const {
    return static_cast<size_t>(std::count_if(fates_.begin(), fates_.end(),
                                             [&](const Fate& fate) { return fate.kind == kind; }));
  }

  // What all persisted before the first loss, and what was all lost after the last that persisted,
  // is as one expects: it is counted, and the edge is named.
  void TellMixed(std::vector<std::string>& parts) const {
    const auto is = [](Fate::Kind kind) {
      return [kind](const Fate& f) { return f.kind == kind; };
    };
    const auto first = static_cast<size_t>(
        std::find_if_not(fates_.begin(), fates_.end(), is(Fate::kPersisted)) - fates_.begin());
    const auto end =
        fates_.size() -
        static_cast<size_t>(std::find_if_not(fates_.rbegin(), fates_.rend(), is(Fate::kLost)) -
                            fates_.rbegin());
    if (first == end) return TellPrefix(first, parts);
    TellUnordered(first, end, parts);
    if (first != 0)
      parts.push_back(absl::StrCat("before that, ", Count(first, "operation"), " persisted"));
    if (end != fates_.size()) {
      parts.push_back(
          absl::StrCat("after that, ", Count(fates_.size() - end, "operation"), " did not"));
    }
  }

  void TellPrefix(size_t end, std::vector<std::string>& parts) const {
    parts.push_back(absl::StrCat("the first ", end, " of ", fates_.size(),
                                 " pending operations persisted, up to ", Name(fates_[end - 1])));
    parts.push_back(absl::StrCat(Name(fates_[end]),
                                 end + 1 == fates_.size() ? "" : " and all after it", " did not"));
  }

  void TellUnordered(size_t first, size_t end, std::vector<std::string>& parts) const {
    const auto kept = Named(Fate::kPersisted, first, end);
    const auto lost = Named(Fate::kLost, first, end);
    if (!kept.empty() && !lost.empty()) {
      parts.push_back(absl::StrCat(List(kept), " persisted but ", List(lost), " did not"));
    } else if (!kept.empty()) {
      parts.push_back(absl::StrCat(List(kept), " persisted"));
    } else if (!lost.empty()) {
      parts.push_back(absl::StrCat(List(lost), " did not persist"));
    }
    for (size_t i = first; i < end; ++i) {
      if (fates_[i].kind != Fate::kPartly) continue;
      parts.push_back(absl::StrCat("of ", Name(fates_[i]), ", ", fates_[i].how));
    }
  }

  // For the first loss of each file and directory, what would have prevented it, or would have kept
  // back the first operation after it that persisted. What a failed sync has lost is told with it.
  void TellMissingSyncs(std::vector<std::string>& parts) const {
    std::vector<SyncTarget> told;
    for (size_t i = 0; i < fates_.size(); ++i) {
      const PendingOperation& lost = *fates_[i].operation;
      const SyncTarget target = SyncTarget::Of(lost.operation);
      if (fates_[i].kind == Fate::kPersisted || lost.data_lost) continue;
      if (std::find(told.begin(), told.end(), target) != told.end()) continue;
      told.push_back(target);
      if (told.size() <= kMostMissing) parts.push_back(MissingSync(state_, lost, KeptAfter(i)));
    }
    if (told.size() > kMostMissing) {
      parts.push_back(absl::StrCat("and none of ", told.size() - kMostMissing, " more"));
    }
  }

  // Null: nothing.
  const PendingOperation* KeptAfter(size_t lost) const {
    for (size_t i = lost + 1; i < fates_.size(); ++i) {
      if (fates_[i].kind == Fate::kPersisted) return fates_[i].operation;
    }
    return nullptr;
  }

  void TellLostNames(std::vector<std::string>& parts) const {
    const auto happened = [&](uint64_t index) {
      return std::binary_search(survivors_.entries.begin(), survivors_.entries.end(), index);
    };
    std::vector<std::string> names;
    for (const DiskState::Lost& lost : state_.lost()) {
      if (lost.ComesBack(happened)) continue;
      names.push_back(absl::StrCat("`", Describe(state_, *lost.operation), "`"));
    }
    if (names.empty()) return;
    parts.push_back(
        absl::StrCat("a failed sync of their directory had lost ", List(std::move(names))));
  }

  void TellZombies(std::vector<std::string>& parts) const {
    for (const Survivors::Sector& sector : survivors_.sectors) {
      if (sector.bytes != Bytes::kZombie) continue;
      parts.push_back(absl::StrCat("a write from before the previous crash landed in sector ",
                                   sector.sector, " of ", FileName(state_, sector.inode)));
    }
  }

  std::string Name(const Fate& fate) const {
    return absl::StrCat("`", Describe(state_, *fate.operation), "`");
  }

  std::vector<std::string> Named(Fate::Kind kind, size_t first, size_t end) const {
    std::vector<std::string> names;
    for (size_t i = first; i < end; ++i) {
      if (fates_[i].kind == kind) names.push_back(Name(fates_[i]));
    }
    return names;
  }

  static std::string List(std::vector<std::string> names) {
    if (names.size() <= kMostNamed) return absl::StrJoin(names, ", ");
    const size_t more = names.size() - kMostNamed;
    names.resize(kMostNamed);
    return absl::StrCat(absl::StrJoin(names, ", "), " and ", more, " more");
  }

  static constexpr char kPersistedText[] = "persisted";
  static constexpr char kLostText[] = "did not";

  const DiskState& state_;
  const Survivors& survivors_;
  Rules rules_;
  DiskImage image_;
  std::vector<Fate> fates_;
};

std::string ExplainKill(const DiskState& state, const Survivors& survivors) {
  std::string text = "the page cache survived: nothing was lost";
  if (state.under_way() == nullptr || survivors.sizes.empty()) return text;
  absl::StrAppend(&text, "; of `", Describe(state, *state.under_way()),
                  "`, which was under way, what is before byte ", survivors.sizes[0].stopped,
                  " of the file was there");
  return text;
}

}  // namespace

std::string ExplainSurvivors(const DiskState& state, const Survivors& survivors) {
  if (state.profile() == Profile::kKill) return ExplainKill(state, survivors);
  if (state.profile() == Profile::kDropUnsynced) return Story(state, survivors).TellUnsynced();
  return Story(state, survivors).Tell();
}

}  // namespace lumen::faultfs
