#include <cstdint>

#include "faultfs/crash/choose.h"
#include "faultfs/crash/random.h"
#include "faultfs/crash/under_way.h"
#include "faultfs/crash_space.h"

namespace lumen::faultfs {
namespace {

// Decides by a hash of seed and operation, so that the answer about an operation does not depend on
// when it is asked for.
class RandomPicker {
 public:
  RandomPicker(const DiskState& state, uint64_t seed) : seed_(SplitMix(seed)), random_(seed_) {
    ChooseOdds(state);
    closing_ = random_.Below(2) == 0 ? Closing::kAdd : Closing::kTakeAway;
    data_ = static_cast<Data>(random_.Below(3));
    garbage_odds_ = random_.Below(3) == 0 ? kAlways >> (1 + 2 * random_.Below(2)) : 0;
    words_odds_ = random_.Below(2) == 0 ? kAlways / 2 : 0;
    stop_odds_ = random_.Below(4) == 0 ? kAlways / 2 : 0;
  }

  Closing closing() const { return closing_; }

  bool Keeps(uint64_t index) const { return Draw(index, 0) < Odds(index); }

  uint64_t Stops(uint64_t index, const SectorEnds& within) const {
    if (Draw(index, kStopDraw) >= stop_odds_) return 0;
    return within[(Draw(index, kStopDraw + 1) * within.count) >> 32];
  }

  bool KeepsSector(uint64_t index, const SectorChoices& sector) const {
    switch (data_) {
      case Data::kWithSize:
        return Keeps(index);
      case Data::kWhole:
        return Draw(index, 1) < Odds(index);
      case Data::kTorn:
        break;
    }
    return Draw(index, sector.number + 2) < Odds(index);
  }

  bool Replaces(const SectorChoices& sector, Survivors::Sector& chosen) {
    const size_t garbage = size_t{sector.stale} + size_t{sector.random};
    if (garbage != 0 && Roll(garbage_odds_)) {
      chosen = sector.At(sector.count() - sector.zombies - 1 - random_.Below(garbage));
      return true;
    }
    if (sector.zombies != 0 && Roll(odds_before_)) {
      chosen = sector.At(sector.count() - 1 - random_.Below(sector.zombies));
      return true;
    }
    if (!sector.mixed_words || !Roll(words_odds_)) return false;
    chosen.bytes = Survivors::Bytes::kWords;
    chosen.index = random_.Next();
    return true;
  }

 private:
  // Whether the data of an append survives: when its size would, all alike, or each sector for
  // itself.
  enum class Data : uint8_t { kWithSize, kWhole, kTorn };
  static constexpr uint64_t kAlways = uint64_t{1} << 32;
  static constexpr uint64_t kStopDraw = uint64_t{1} << 63;  // no sector

  uint64_t Odds(uint64_t index) const { return index < cut_ ? odds_before_ : odds_after_; }
  uint64_t Draw(uint64_t index, uint64_t sector) const {
    return SplitMix(seed_ ^ (index << 32) ^ sector) >> 32;
  }
  bool Roll(uint64_t odds) { return odds != 0 && (random_.Next() >> 32) < odds; }

  // Everything before a moment and nothing after it, more or less; or all operations alike.
  void ChooseOdds(const DiskState& state) {
    const auto& pending = state.pending();
    const uint64_t n = pending.size() + 1;
    const uint64_t few = kAlways / n;
    const uint64_t odds[] = {0,
                             few,
                             few,
                             kAlways / 8,
                             kAlways / 2,
                             kAlways / 2,
                             kAlways / 2,
                             kAlways * 7 / 8,
                             kAlways - few,
                             kAlways - few,
                             kAlways};
    if (random_.Below(2) == 0 || pending.empty()) {
      odds_before_ = odds_after_ = odds[random_.Below(std::size(odds))];
      return;
    }
    cut_ = pending[random_.Below(pending.size())]->index + random_.Below(2);
    const uint64_t blur = random_.Below(2) == 0 ? 0 : kAlways / 8;
    odds_before_ = kAlways - blur;
    odds_after_ = blur;
  }

  uint64_t seed_;
  Random random_;
  uint64_t cut_ = 0;
  uint64_t odds_before_ = 0;
  uint64_t odds_after_ = 0;
  Closing closing_ = Closing::kAdd;
  Data data_ = Data::kWithSize;
  uint64_t garbage_odds_ = 0;
  uint64_t words_odds_ = 0;
  uint64_t stop_odds_ = 0;
};

}  // namespace

CrashImage CrashSpace::Sample(uint64_t seed) const {
  if (!layout_->rules.choice) return SampleWithoutChoice(*layout_, seed);
  RandomPicker picker(layout_->state, seed);
  return Chooser(*layout_, picker).Choose();
}

}  // namespace lumen::faultfs
