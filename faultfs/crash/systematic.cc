#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "faultfs/crash/choose.h"
#include "faultfs/crash/under_way.h"
#include "faultfs/crash_space.h"

namespace lumen::faultfs {
namespace {

// Keeps a set of operations, but for one sector of one append, or all sectors from one on, with or
// without the size that they gave the file.
class SetPicker {
 public:
  SetPicker(const DiskState& state, bool keep) : kept_(state.applied(), keep) {}

  void Set(uint64_t index, bool keep) { kept_[index] = keep; }
  void set_closing(Closing closing) { closing_ = closing; }
  void Tear(uint64_t append, uint64_t first, uint64_t end) {
    torn_append_ = append;
    torn_first_ = first;
    torn_end_ = end;
  }
  void Stop(uint64_t append, uint64_t byte) {
    stopped_append_ = append;
    stopped_ = byte;
  }
  void set_zombies(bool keep) { zombies_ = keep; }

  Closing closing() const { return closing_; }
  bool Keeps(uint64_t index) const { return kept_[index]; }
  uint64_t Stops(uint64_t index, const SectorEnds& within) const {
    return index == stopped_append_ && within.Contains(stopped_) ? stopped_ : 0;
  }
  bool KeepsSector(uint64_t index, const SectorChoices& sector) const {
    const bool torn =
        index == torn_append_ && sector.number >= torn_first_ && sector.number < torn_end_;
    return kept_[index] && !torn;
  }
  bool Replaces(const SectorChoices& sector, Survivors::Sector& chosen) const {
    if (!zombies_ || sector.zombies == 0) return false;
    chosen = sector.At(sector.count() - 1);
    return true;
  }

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};

  std::vector<bool> kept_;  // by history index
  Closing closing_ = Closing::kAdd;
  uint64_t torn_append_ = kNone;
  uint64_t torn_first_ = 0;
  uint64_t torn_end_ = 0;
  uint64_t stopped_append_ = kNone;
  uint64_t stopped_ = 0;
  bool zombies_ = false;
};

// Goes through the families, and hands on each image once.
class Families {
 public:
  Families(const CrashSpace::Layout& layout, const std::function<bool(const CrashImage&)>& take)
      : layout_(layout), state_(layout.state), take_(take) {}

  void Run() {
    Give(SetPicker(state_, false)) && Give(SetPicker(state_, true)) && Zombies() && Prefixes() &&
        Singles() && Tears() && Pairs();
  }

 private:
  // False: enough.
  bool Give(SetPicker picker) {
    const CrashImage image = Chooser(layout_, picker).Choose();
    if (!seen_.insert(image.image.hash()).second) return true;
    return take_(image);
  }

  bool Give(SetPicker picker, Closing closing) {
    picker.set_closing(closing);
    return Give(std::move(picker));
  }

  bool Zombies() {
    if (state_.zombies().empty()) return true;
    for (const bool keep : {false, true}) {
      SetPicker picker(state_, keep);
      picker.set_zombies(true);
      if (!Give(std::move(picker))) return false;
    }
    return true;
  }

  bool Prefixes() {
    SetPicker picker(state_, false);
    for (const auto& pending : state_.pending()) {
      picker.Set(pending->index, true);
      if (!Give(picker)) return false;
    }
    return true;
  }

  // What demands the lost ones is lost with them; what the kept ones demand is kept with them.
  bool Only(uint64_t a, uint64_t b, bool keep) {
    SetPicker picker(state_, !keep);
    picker.Set(a, keep);
    picker.Set(b, keep);
    return Give(std::move(picker), keep ? Closing::kAdd : Closing::kTakeAway);
  }

  bool Singles() {
    for (const auto& pending : state_.pending()) {
      if (!Only(pending->index, pending->index, false)) return false;
      if (!Only(pending->index, pending->index, true)) return false;
    }
    return true;
  }

  // The last thing that happened is an append, cut after each of its sectors; and everything
  // happened but one sector.
  bool Tears() {
    SetPicker before(state_, false);
    for (const auto& pending : state_.pending()) {
      before.Set(pending->index, true);
      if (pending->operation.kind != OperationKind::kAppend) continue;
      if (!TearOne(before, *pending)) return false;
    }
    return true;
  }

  bool TearOne(const SetPicker& before, const PendingOperation& append) {
    const uint64_t first = append.operation.offset / kSectorBytes;
    const uint64_t bytes_end = append.operation.offset + append.operation.data->size();
    const uint64_t end = (bytes_end + kSectorBytes - 1) / kSectorBytes;
    const SetPicker all(state_, true);
    for (uint64_t sector = first; sector < end; ++sector) {
      SetPicker cut = before;
      cut.Tear(append.index, sector, end);
      SetPicker hole = all;
      hole.Tear(append.index, sector, sector + 1);
      SetPicker shorter = before;
      shorter.Stop(append.index, sector * kSectorBytes);
      const bool go_on = Give(std::move(cut)) && Give(std::move(hole)) && Give(std::move(shorter));
      if (!go_on) return false;
    }
    return true;
  }

  bool Pairs() {
    const auto& pending = state_.pending();
    for (size_t i = 0; i < pending.size(); ++i) {
      for (size_t j = i + 1; j < pending.size(); ++j) {
        if (!Only(pending[i]->index, pending[j]->index, false)) return false;
        if (!Only(pending[i]->index, pending[j]->index, true)) return false;
      }
    }
    return true;
  }

  const CrashSpace::Layout& layout_;
  const DiskState& state_;
  const std::function<bool(const CrashImage&)>& take_;
  absl::flat_hash_set<uint64_t> seen_;
};

}  // namespace

void CrashSpace::Systematic(const std::function<bool(const CrashImage&)>& take) const {
  if (!layout_->rules.choice) {
    EachWithoutChoice(*layout_, ~uint64_t{0}, take);
    return;
  }
  Families(*layout_, take).Run();
}

}  // namespace lumen::faultfs
