#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "faultfs/crash/compose.h"
#include "faultfs/crash/file_choices.h"
#include "faultfs/crash/under_way.h"
#include "faultfs/crash_space.h"

namespace lumen::faultfs {
namespace {

// Walks all legal choices, depth first: entries, then file by file its size and each of its
// sectors. Every function here returns false to end the walk.
class Enumerator {
 public:
  Enumerator(const CrashSpace::Layout& layout, uint64_t limit,
             const std::function<bool(const CrashImage&)>& take)
      : layout_(layout), state_(layout.state), limit_(limit), take_(take) {}

  // False: there are more than the limit.
  bool Run() {
    happened_.assign(state_.entries().size(), false);
    Entries(0);
    return !too_many_;
  }

 private:
  struct Alternatives {
    SectorChoices choices;
    std::vector<Survivors::Sector> different = {};  // not for words: those of different bytes
  };

  bool Entries(size_t at) {
    if (at == happened_.size()) return Files();
    happened_[at] = false;
    // In a journal nothing happens after what did not.
    const bool rest = layout_.rules.journal ? Files() : Entries(at + 1);
    if (!rest) return false;
    if (!MayHappen(at)) return true;
    happened_[at] = true;
    const bool go_on = Entries(at + 1);
    happened_[at] = false;
    return go_on;
  }

  bool MayHappen(size_t at) const {
    for (const uint64_t index : state_.entries()[at].after) {
      const size_t before = EntryPosition(state_, index);
      if (before < happened_.size() && !happened_[before]) return false;
    }
    return true;
  }

  bool Files() {
    survivors_ = {};
    for (size_t i = 0; i < happened_.size(); ++i) {
      if (happened_[i]) survivors_.entries.push_back(state_.entries()[i].pending->index);
    }
    with_entries_ = ImageWithEntries(state_, happened_);
    ListFiles();
    return File(0);
  }

  void ListFiles() {
    files_.clear();
    for (const DiskState::File& file : state_.files()) {
      if (!file.pending->empty()) files_.push_back(file.inode);
    }
    for (const DiskState::Zombie& zombie : state_.zombies()) files_.push_back(zombie.inode);
    std::sort(files_.begin(), files_.end());
    files_.erase(std::unique(files_.begin(), files_.end()), files_.end());
    std::erase_if(files_, [&](InodeNumber inode) { return with_entries_.File(inode) == nullptr; });
  }

  bool File(size_t at) {
    if (at == files_.size()) return Give();
    if (layout_.rules.sets) return Growing(at, 0);
    const FileChoices choices(layout_, files_[at], happened_);
    for (int place = choices.least_size(); place <= choices.last_size(); ++place) {
      if (choices.SizeAllowed(place) && !Sizes(at, choices, place)) return false;
    }
    return true;
  }

  bool Sizes(size_t at, const FileChoices& choices, int place) {
    const SectorEnds within = choices.SizesWithin(place);
    for (uint64_t i = 0; i < within.count; ++i) {
      if (!Size(at, choices, place, within[i])) return false;
    }
    return Size(at, choices, place, 0);
  }

  bool Size(size_t at, const FileChoices& choices, int place, uint64_t stopped) {
    const bool changed = place != FileChoices::kBaseSize;
    if (changed) {
      survivors_.sizes.push_back(
          {.inode = files_[at], .index = choices.SizeIndex(place), .stopped = stopped});
    }
    std::vector<Alternatives> sectors;
    ListSectors(choices, place, stopped != 0 ? stopped : choices.SizeAt(place), sectors);
    const bool go_on = Sector(at, sectors, 0);
    if (changed) survivors_.sizes.pop_back();
    return go_on;
  }

  // A header block is mostly zeros, and so is what was there before: of choices that make the same
  // bytes the first is enough, or one such block alone would take 3^8 walks for 2,000 images.
  void ListSectors(const FileChoices& choices, int place, uint64_t size,
                   std::vector<Alternatives>& sectors) const {
    std::vector<SectorChoices> all;
    choices.List(place, size, all);
    for (const SectorChoices& sector : all) {
      Alternatives& alternatives = sectors.emplace_back(Alternatives{.choices = sector});
      if (sector.mixed_words) continue;
      std::vector<std::string> contents;
      for (size_t choice = 0; choice < sector.count(); ++choice) {
        std::string content = SectorBytes(layout_, sector.At(choice));
        if (std::find(contents.begin(), contents.end(), content) != contents.end()) continue;
        contents.push_back(std::move(content));
        alternatives.different.push_back(sector.At(choice));
      }
    }
  }

  bool Sector(size_t file, const std::vector<Alternatives>& sectors, size_t at) {
    if (at == sectors.size()) return File(file + 1);
    const Alternatives& alternatives = sectors[at];
    if (alternatives.choices.mixed_words) return Words(file, sectors, at);
    for (const Survivors::Sector& chosen : alternatives.different) {
      if (!With(chosen, file, sectors, at)) return false;
    }
    return true;
  }

  // Whole versions are among the mixtures.
  bool Words(size_t file, const std::vector<Alternatives>& sectors, size_t at) {
    const SectorChoices& choices = sectors[at].choices;
    const uint64_t combinations = WordCombinations(layout_, choices);
    for (uint64_t seed = 0; combinations == 0 || seed < combinations; ++seed) {
      const Survivors::Sector words{.inode = choices.inode,
                                    .sector = choices.number,
                                    .bytes = Survivors::Bytes::kWords,
                                    .index = seed};
      if (!With(words, file, sectors, at)) return false;
    }
    return true;
  }

  bool With(const Survivors::Sector& chosen, size_t file, const std::vector<Alternatives>& sectors,
            size_t at) {
    const bool changed = chosen.bytes != Survivors::Bytes::kBase;
    if (changed) survivors_.sectors.push_back(chosen);
    const bool go_on = Sector(file, sectors, at + 1);
    if (changed) survivors_.sectors.pop_back();
    return go_on;
  }

  // btrfs: a prefix of the growing appends, the last of which may have stopped short, any of the
  // others, and a size from allocates.
  bool Growing(size_t file, size_t at) {
    const auto& appends = state_.FindFile(files_[file])->appends();
    while (at < appends.size() && !appends[at].growing) ++at;
    if (!Others(file, 0)) return false;
    if (at == appends.size()) return true;
    survivors_.appends.push_back(appends[at].operation->index);
    const bool go_on = Stopped(file, appends[at]) && Growing(file, at + 1);
    survivors_.appends.pop_back();
    return go_on;
  }

  bool Stopped(size_t file, const PendingFile::Append& last) {
    for (uint64_t i = 0; i < last.within.count; ++i) {
      survivors_.sizes.push_back(
          {.inode = files_[file], .index = last.operation->index, .stopped = last.within[i]});
      const bool go_on = Others(file, 0);
      survivors_.sizes.pop_back();
      if (!go_on) return false;
    }
    return true;
  }

  bool Others(size_t file, size_t at) {
    const auto& appends = state_.FindFile(files_[file])->appends();
    while (at < appends.size() && (appends[at].growing || appends[at].operation->data_lost)) ++at;
    if (at == appends.size()) return Allocates(file);
    if (!Others(file, at + 1)) return false;
    survivors_.appends.push_back(appends[at].operation->index);
    const bool go_on = Others(file, at + 1);
    survivors_.appends.pop_back();
    return go_on;
  }

  // Of several that happened, only the largest is seen.
  bool Allocates(size_t file) {
    if (!File(file + 1)) return false;
    for (const PendingFile::SizeChange& change : state_.FindFile(files_[file])->sizes()) {
      if (change.by_append) continue;
      survivors_.entries.push_back(change.index);
      const bool go_on = File(file + 1);
      survivors_.entries.pop_back();
      if (!go_on) return false;
    }
    return true;
  }

  bool Give() {
    CrashImage result{.image = with_entries_, .survivors = survivors_, .zombies = {}};
    std::sort(result.survivors.entries.begin(), result.survivors.entries.end());
    std::sort(result.survivors.appends.begin(), result.survivors.appends.end());
    ComposeFiles(layout_, result.survivors, result.image);
    if (!seen_.insert(result.image.hash()).second) return true;
    if (seen_.size() > limit_) {
      too_many_ = true;
      return false;
    }
    if (state_.profile() == Profile::kZombie) {
      result.zombies = Losers(layout_, result.survivors, result.image);
    }
    return take_(result);
  }

  const CrashSpace::Layout& layout_;
  const DiskState& state_;
  uint64_t limit_;
  const std::function<bool(const CrashImage&)>& take_;
  Happened happened_;
  DiskImage with_entries_;
  std::vector<InodeNumber> files_;
  Survivors survivors_;
  absl::flat_hash_set<uint64_t> seen_;
  bool too_many_ = false;
};

}  // namespace

bool CrashSpace::Enumerate(uint64_t limit,
                           const std::function<bool(const CrashImage&)>& take) const {
  if (layout_->rules.choice) return Enumerator(*layout_, limit, take).Run();
  return EachWithoutChoice(*layout_, limit, take);
}

}  // namespace lumen::faultfs
