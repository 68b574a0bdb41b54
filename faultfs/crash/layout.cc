#include "faultfs/crash/layout.h"

#include <algorithm>
#include <tuple>

namespace lumen::faultfs {
namespace {

void CloseJournal(Closing closing, Happened& happened) {
  size_t end = happened.size();
  if (closing == Closing::kAdd) {
    while (end > 0 && !happened[end - 1]) --end;
  } else {
    end =
        static_cast<size_t>(std::find(happened.begin(), happened.end(), false) - happened.begin());
  }
  for (size_t i = 0; i < happened.size(); ++i) happened[i] = i < end;
}

}  // namespace

size_t EntryPosition(const DiskState& state, uint64_t index) {
  const auto& entries = state.entries();
  const auto at = std::lower_bound(
      entries.begin(), entries.end(), index,
      [](const DiskState::Entry& entry, uint64_t of) { return entry.pending->index < of; });
  const bool found = at != entries.end() && at->pending->index == index;
  return found ? static_cast<size_t>(at - entries.begin()) : entries.size();
}

void Close(const DiskState& state, Closing closing, Happened& happened) {
  if (RulesOf(state.profile()).journal) return CloseJournal(closing, happened);
  const auto& entries = state.entries();
  const size_t count = entries.size();
  // Predecessors come first, so one walk does: backwards to add them, forwards to find them gone.
  for (size_t step = 0; step < count; ++step) {
    const size_t i = closing == Closing::kAdd ? count - 1 - step : step;
    if (!happened[i]) continue;
    for (const uint64_t index : entries[i].after) {
      const size_t before = EntryPosition(state, index);
      if (before == count || happened[before]) continue;  // durable, or there
      happened[closing == Closing::kAdd ? before : i] = closing == Closing::kAdd;
    }
  }
}

DiskImage ImageWithEntries(const DiskState& state, const Happened& happened) {
  DiskImage image = state.base();
  if (state.entries().empty() && state.lost().empty()) return image;
  const auto has_happened = [&](uint64_t index) { return happened[EntryPosition(state, index)]; };
  auto lost = state.lost().begin();
  for (size_t i = 0; i < happened.size(); ++i) {
    const PendingOperation& entry = *state.entries()[i].pending;
    // Whatever brings it back comes after it.
    for (; lost != state.lost().end() && lost->operation->index < entry.index; ++lost) {
      if (lost->ComesBack(has_happened)) ApplyEntry(lost->operation->operation, image);
    }
    if (happened[i] && entry.operation.kind != OperationKind::kAllocate) {
      ApplyEntry(entry.operation, image);
    }
  }
  image.DropUnreachable();
  return image;
}

// After a kill the page cache is all there is.
CrashImage OnlyImage(const CrashSpace::Layout& layout) {
  const DiskState& state = layout.state;
  CrashImage only;
  const bool kill = state.profile() == Profile::kKill;
  only.image = ImageWithEntries(state, Happened(state.entries().size(), kill));
  if (!kill) return only;
  for (const DiskState::File& file : state.files()) {
    const bool differs = !file.pending->empty() || !file.pending->cache_is_newest();
    if (differs && only.image.File(file.inode) != nullptr) {
      only.image.MutableFile(file.inode) = file.pending->cache();
    }
  }
  return only;
}

void SortSurvivors(Survivors& survivors) {
  std::sort(survivors.sizes.begin(), survivors.sizes.end(),
            [](const auto& a, const auto& b) { return a.inode < b.inode; });
  std::sort(survivors.sectors.begin(), survivors.sectors.end(), [](const auto& a, const auto& b) {
    return std::tie(a.inode, a.sector) < std::tie(b.inode, b.sector);
  });
}

}  // namespace lumen::faultfs
