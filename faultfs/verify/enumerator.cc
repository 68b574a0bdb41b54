#include "faultfs/verify/enumerator.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace lumen::faultfs::verify {
namespace {

using Kind = OperationKind;
using Chosen = std::set<uint64_t>;  // operations that happened, by their index in the history

struct TooMany {};

// What a sector or a file may hold after the crash, with what loses by it.
struct Outcome {
  std::string bytes;
  Losers losers;
  auto operator<=>(const Outcome&) const = default;
};
using Outcomes = std::set<Outcome>;

// One of the sizes that a file may have, and the operation that gave it; nothing: the base.
struct Size {
  uint64_t bytes = 0;
  std::optional<Pending> from;
};

// Of an append, by its index, the byte of the file at which it stopped; nothing: none did.
using Stop = std::optional<std::pair<uint64_t, uint64_t>>;

class Enumerator {
 public:
  explicit Enumerator(const Question& question)
      : question_(question),
        profile_(question.profile),
        remains_(question.profile, question.start, question.ignored) {
    for (const Operation& operation : question.history) remains_.Apply(operation);
  }

  Answer Run();

 private:
  struct Tree {
    std::map<std::string, InodeNumber> files;  // by path
    PlainImage image;                          // the directories
  };

  bool Ignored(Rule rule) const { return question_.ignored == rule; }
  bool InSubset(const Pending& pending) const;
  bool IsClosed(const Chosen& chosen) const;
  bool IsBroughtBack(const Pending& lost, const Chosen& chosen) const;
  void Crash(const Chosen& chosen);
  void Walk(const Disk& disk, InodeNumber directory, const std::string& path, Tree& tree) const;
  void Combine(const std::map<InodeNumber, Outcomes>& contents, const Tree& tree);

  Outcomes ContentsOf(InodeNumber inode, const Chosen& chosen);
  std::vector<Size> SizesOf(InodeNumber inode, const Chosen& chosen) const;
  std::vector<uint64_t> SectorEndsWithin(const Pending& growing) const;
  bool SizeAllowed(InodeNumber inode, const Size& size, const Chosen& chosen) const;
  Outcomes ContentsWithSize(InodeNumber inode, const Size& size, const Chosen& chosen);
  Outcomes SectorOutcomes(Sector sector, const Size& size, const Chosen& chosen) const;
  void AddZombies(Sector sector, const std::string& base, Outcomes& outcomes) const;
  std::set<std::string> Garbage(Sector sector, bool inside, const Size& size,
                                bool has_version) const;
  bool Allocated(Sector sector, const Size& size) const;
  uint64_t FirstVersionAllowed(Sector sector, bool inside, const Size& size,
                               const Chosen& chosen) const;

  Outcomes KilledContentsOf(InodeNumber inode) const;
  Outcomes BtrfsContentsOf(InodeNumber inode) const;
  std::optional<Outcome> BtrfsContent(InodeNumber inode, const Chosen& chosen,
                                      const Stop& stop) const;

  // Pending operations of the file that have a part left: size or data.
  std::vector<Pending> Of(InodeNumber inode) const;
  std::vector<Pending> RenamesOver(InodeNumber inode, const Chosen& chosen) const;
  void Count(uint64_t choices);

  const Question& question_;
  const std::string& profile_;
  Remains remains_;
  Answer answer_;
  uint64_t count_ = 0;
};

// Every subset of the numbers.
void ForEachSubset(const std::vector<uint64_t>& numbers,
                   const std::function<void(const Chosen&)>& visit) {
  for (uint64_t bits = 0; bits < uint64_t{1} << numbers.size(); ++bits) {
    Chosen chosen;
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (bits >> i & 1) chosen.insert(numbers[i]);
    }
    visit(chosen);
  }
}

bool GrowsByAppending(const Pending& pending) { return pending.Is(Kind::kAppend) && pending.size; }

std::string Padded(std::string bytes) {
  bytes.resize(kSectorBytes);
  return bytes;
}

std::string SectorIn(const std::string& file, uint64_t sector) {
  const uint64_t start = sector * kSectorBytes;
  return Padded(start < file.size() ? file.substr(start, kSectorBytes) : "");
}

// Each 8-byte word from any of the sectors.
std::set<std::string> MixWords(const std::set<std::string>& sectors, uint64_t limit) {
  constexpr uint64_t kWordBytes = 8;
  std::set<std::string> mixed = {""};
  for (uint64_t start = 0; start < kSectorBytes; start += kWordBytes) {
    std::set<std::string> longer;
    for (const std::string& head : mixed) {
      for (const std::string& sector : sectors)
        longer.insert(head + sector.substr(start, kWordBytes));
    }
    mixed = std::move(longer);
    if (mixed.size() > limit) throw TooMany();
  }
  return mixed;
}

Answer Enumerator::Run() {
  std::vector<uint64_t> choices;
  for (const Pending& pending : remains_.pending()) {
    if (InSubset(pending)) choices.push_back(pending.index);
  }
  // Three profiles have no choice, or hardly: all operations, or none that is pending.
  if (profile_ == "kill") {
    Crash(Chosen(choices.begin(), choices.end()));
  } else if (profile_ == "drop-unsynced") {
    Crash({});
  } else {
    if (choices.size() > 16) throw TooMany();
    ForEachSubset(choices, [this](const Chosen& chosen) {
      if (IsClosed(chosen) || Ignored(Rule::kEntryOrder)) Crash(chosen);
    });
  }
  return std::move(answer_);
}

// Entry operations, and what is in the journal with them.
bool Enumerator::InSubset(const Pending& pending) const {
  return pending.entry || (HasJournal(profile_) && pending.Is(Kind::kAllocate));
}

// Lost ones happen with what needs them, and not alone.
bool Enumerator::IsClosed(const Chosen& chosen) const {
  for (const Pending& lost : remains_.pending()) {
    if (lost.lost && chosen.contains(lost.index) && !IsBroughtBack(lost, chosen)) return false;
  }
  for (const Pending& later : remains_.pending()) {
    if (!chosen.contains(later.index)) continue;
    for (const Pending& earlier : remains_.pending()) {
      if (remains_.Needs(later, earlier) && !chosen.contains(earlier.index)) return false;
    }
  }
  return true;
}

bool Enumerator::IsBroughtBack(const Pending& lost, const Chosen& chosen) const {
  return std::any_of(remains_.pending().begin(), remains_.pending().end(),
                     [&](const Pending& later) {
                       return chosen.contains(later.index) && remains_.Needs(later, lost);
                     });
}

// The images in which exactly these entry operations and allocates of the journal happened.
void Enumerator::Crash(const Chosen& chosen) {
  Disk disk = remains_.base();
  for (const Pending& pending : remains_.pending()) {
    if (pending.entry && chosen.contains(pending.index)) ApplyEntry(pending.operation, disk);
  }
  Tree tree;
  Walk(disk, kRootInode, "", tree);
  std::map<InodeNumber, Outcomes> contents;
  for (const auto& [path, inode] : tree.files) {
    if (!contents.contains(inode)) contents[inode] = ContentsOf(inode, chosen);
  }
  Combine(contents, tree);
}

void Enumerator::Walk(const Disk& disk, InodeNumber directory, const std::string& path,
                      Tree& tree) const {
  for (const auto& [name, inode] : disk.directories.at(directory)) {
    const std::string child = path + "/" + name;
    if (disk.files.contains(inode)) {
      tree.files[child] = inode;
    } else {
      tree.image[child] = std::nullopt;
      Walk(disk, inode, child, tree);
    }
  }
}

// Files are independent of one another. A file with two names is one file.
void Enumerator::Combine(const std::map<InodeNumber, Outcomes>& contents, const Tree& tree) {
  std::vector<std::map<InodeNumber, const Outcome*>> combinations = {{}};
  for (const auto& [inode, outcomes] : contents) {
    std::vector<std::map<InodeNumber, const Outcome*>> longer;
    Count(combinations.size() * outcomes.size());
    for (const auto& combination : combinations) {
      for (const Outcome& outcome : outcomes) {
        longer.push_back(combination);
        longer.back()[inode] = &outcome;
      }
    }
    combinations = std::move(longer);
  }
  for (const auto& combination : combinations) {
    PlainImage image = tree.image;
    Losers losers;
    for (const auto& [path, inode] : tree.files) image[path] = combination.at(inode)->bytes;
    for (const auto& [inode, outcome] : combination) {
      losers.insert(outcome->losers.begin(), outcome->losers.end());
    }
    answer_[image].insert(losers);
  }
}

Outcomes Enumerator::ContentsOf(InodeNumber inode, const Chosen& chosen) {
  if (profile_ == "kill") return KilledContentsOf(inode);
  if (profile_ == "drop-unsynced") return {{remains_.base().files.at(inode), {}}};
  if (profile_ == "btrfs") return BtrfsContentsOf(inode);
  Outcomes all;
  for (const Size& size : SizesOf(inode, chosen)) {
    all.merge(ContentsWithSize(inode, size, chosen));
  }
  return all;
}

std::vector<Pending> Enumerator::Of(InodeNumber inode) const {
  std::vector<Pending> found;
  for (const Pending& pending : remains_.pending()) {
    if (!pending.entry && pending.operation.inode == inode) found.push_back(pending);
  }
  return found;
}

// Those that happened, are not durable, and replaced something with this file.
std::vector<Pending> Enumerator::RenamesOver(InodeNumber inode, const Chosen& chosen) const {
  std::vector<Pending> found;
  if (!OrdersData(profile_) || Ignored(Rule::kRenameOver)) return found;
  for (const Pending& pending : remains_.pending()) {
    if (pending.Is(Kind::kRename) && pending.operation.inode == inode && !pending.lost &&
        pending.operation.replaced != 0 && chosen.contains(pending.index)) {
      found.push_back(pending);
    }
  }
  return found;
}

std::vector<Size> Enumerator::SizesOf(InodeNumber inode, const Chosen& chosen) const {
  const uint64_t base = remains_.base().files.at(inode).size();
  std::vector<Size> sizes = {{base, std::nullopt}};
  for (const Pending& pending : Of(inode)) {
    if (!pending.size) continue;
    std::vector<uint64_t> ends;
    if (GrowsByAppending(pending)) ends = SectorEndsWithin(pending);
    ends.push_back(pending.operation.size);
    for (const uint64_t end : ends) {
      if (end > base) sizes.push_back({end, pending});
    }
  }
  std::erase_if(sizes, [&](const Size& size) { return !SizeAllowed(inode, size, chosen); });
  return sizes;
}

// Byte by byte, those that are sector ends.
std::vector<uint64_t> Enumerator::SectorEndsWithin(const Pending& growing) const {
  std::vector<uint64_t> ends;
  if (Ignored(Rule::kWithinAppends)) return ends;
  const uint64_t own_end = growing.operation.offset + growing.operation.data->size();
  for (uint64_t byte = growing.size_before + 1; byte < own_end; ++byte) {
    if (byte % kSectorBytes == 0) ends.push_back(byte);
  }
  return ends;
}

// The page cache, and what it would be after each part of the append that the process died in.
Outcomes Enumerator::KilledContentsOf(InodeNumber inode) const {
  const std::string& before = remains_.page_cache().at(inode);
  Outcomes outcomes = {{before, {}}};
  const std::optional<Operation>& next = question_.next;
  if (!next || next->kind != Kind::kAppend || next->inode != inode) return outcomes;
  std::string file = before;
  for (uint64_t i = 0; i < next->data->size(); ++i) {
    const uint64_t byte = next->offset + i;
    if (i > 0 && byte % kSectorBytes == 0 && !Ignored(Rule::kWithinAppends)) {
      outcomes.insert({file, {}});
    }
    if (file.size() <= byte) file.resize(byte + 1);
    file[byte] = (*next->data)[i];
  }
  return outcomes;
}

bool Enumerator::SizeAllowed(InodeNumber inode, const Size& size, const Chosen& chosen) const {
  const bool journal = HasJournal(profile_) && !Ignored(Rule::kAllocateOrder);
  if (journal && size.from && size.from->Is(Kind::kAllocate) &&
      !chosen.contains(size.from->index)) {
    return false;
  }
  for (const Pending& pending : Of(inode)) {
    if (!pending.size || pending.operation.size <= size.bytes) continue;
    if (journal && pending.Is(Kind::kAllocate) && chosen.contains(pending.index)) return false;
    for (const Pending& rename : RenamesOver(inode, chosen)) {
      if (pending.index < rename.index) return false;
    }
  }
  return true;
}

Outcomes Enumerator::ContentsWithSize(InodeNumber inode, const Size& size, const Chosen& chosen) {
  Outcomes heads = {{"", {}}};
  for (uint64_t sector = 0; sector * kSectorBytes < size.bytes; ++sector) {
    const uint64_t length = std::min(kSectorBytes, size.bytes - sector * kSectorBytes);
    const Outcomes tails = SectorOutcomes({inode, sector}, size, chosen);
    Count(heads.size() * tails.size());
    Outcomes longer;
    for (const Outcome& head : heads) {
      for (const Outcome& tail : tails) {
        Outcome both = {head.bytes + tail.bytes.substr(0, length), head.losers};
        for (Loser loser : tail.losers) {
          loser.bytes.resize(length);
          if (loser.bytes != tail.bytes.substr(0, length)) both.losers.insert(loser);
        }
        longer.insert(both);
      }
    }
    heads = std::move(longer);
  }
  return heads;
}

Outcomes Enumerator::SectorOutcomes(Sector sector, const Size& size, const Chosen& chosen) const {
  const std::string& base_file = remains_.base().files.at(sector.first);
  const bool inside = sector.second * kSectorBytes < base_file.size();
  const std::string base = SectorIn(base_file, sector.second);  // zeros where it is beyond

  std::map<uint64_t, std::string> versions;
  for (const Pending& pending : Of(sector.first)) {
    const auto version = pending.versions.find(sector.second);
    if (version != pending.versions.end()) versions[pending.index] = version->second;
  }
  const uint64_t first = FirstVersionAllowed(sector, inside, size, chosen);

  std::set<std::string> contents;
  if (first == 0) contents.insert(base);
  for (const auto& [index, version] : versions) {
    if (index >= first) contents.insert(version);
  }
  if (profile_ == "torn-page" && inside && !Ignored(Rule::kTornWords)) {
    contents = MixWords(contents, question_.limit);
  }
  contents.merge(Garbage(sector, inside, size, !versions.empty()));

  Outcomes outcomes;
  if (profile_ != "zombie") {
    for (const std::string& bytes : contents) outcomes.insert({bytes, {}});
    return outcomes;
  }
  // Losers: the versions newer than the one that landed.
  Losers losers;
  if (Ignored(Rule::kNeverOlder)) {
    for (const auto& [index, version] : versions) {
      losers.insert({sector.first, sector.second, version});
    }
  }
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    outcomes.insert({version->second, losers});
    losers.insert({sector.first, sector.second, version->second});
  }
  outcomes.insert({base, losers});
  AddZombies(sector, base, outcomes);
  return outcomes;
}

void Enumerator::AddZombies(Sector sector, const std::string& base, Outcomes& outcomes) const {
  if (remains_.touched().contains(sector)) return;
  for (const Loser& zombie : question_.zombies) {
    if (Sector(zombie.inode, zombie.sector) != sector) continue;
    std::string landed = base;
    landed.replace(0, zombie.bytes.size(), zombie.bytes);
    outcomes.insert({landed, {}});
  }
}

// 1 + the index of the last version that the page wants at least; 0: the base will do.
uint64_t Enumerator::FirstVersionAllowed(Sector sector, bool inside, const Size& size,
                                         const Chosen& chosen) const {
  uint64_t first = 0;
  for (const Pending& pending : Of(sector.first)) {
    if (!pending.versions.contains(sector.second)) continue;
    const bool before_size = OrdersData(profile_) && !Ignored(Rule::kDataBeforeSize) && !inside &&
                             size.from && size.from->Is(Kind::kAppend) &&
                             pending.index <= size.from->index;
    if (before_size) first = pending.index;
    for (const Pending& rename : RenamesOver(sector.first, chosen)) {
      if (pending.index < rename.index) first = pending.index;
    }
  }
  return first;
}

std::set<std::string> Enumerator::Garbage(Sector sector, bool inside, const Size& size,
                                          bool has_version) const {
  std::set<std::string> garbage;
  if (!MayHaveGarbage(profile_) || Ignored(Rule::kGarbage)) return garbage;
  const bool beyond = !inside && !Allocated(sector, size);
  const std::string name = remains_.CreatedAs(sector.first);
  const bool unsynced_wal_sector = profile_ == "strict-posix" && !Ignored(Rule::kWalGarbage) &&
                                   name.ends_with(".wal") && has_version &&
                                   !remains_.appended().contains(sector);
  if (beyond || unsynced_wal_sector) {
    garbage.insert(RandomSector(question_.seed, sector.first, sector.second));
  }
  const std::optional<std::string>& unlinked = remains_.unlinked();
  if (beyond && unlinked && sector.second * kSectorBytes < unlinked->size()) {
    garbage.insert(SectorIn(*unlinked, sector.second));
  }
  return garbage;
}

// By a pending allocate, not later than the operation that gave the file its chosen size.
bool Enumerator::Allocated(Sector sector, const Size& size) const {
  for (const Pending& pending : Of(sector.first)) {
    if (pending.Is(Kind::kAllocate) && size.from && pending.index <= size.from->index &&
        sector.second * kSectorBytes < pending.operation.size) {
      return true;
    }
  }
  return false;
}

Outcomes Enumerator::BtrfsContentsOf(InodeNumber inode) const {
  std::vector<uint64_t> choices;
  for (const Pending& pending : Of(inode)) choices.push_back(pending.index);
  Outcomes outcomes;
  ForEachSubset(choices, [&](const Chosen& chosen) {
    std::vector<Stop> stops = {std::nullopt};
    std::optional<Pending> last_growing;
    for (const Pending& pending : Of(inode)) {
      if (chosen.contains(pending.index) && GrowsByAppending(pending)) last_growing = pending;
    }
    if (last_growing) {
      for (const uint64_t byte : SectorEndsWithin(*last_growing)) {
        stops.push_back({{last_growing->index, byte}});
      }
    }
    for (const Stop& stop : stops) {
      if (const auto outcome = BtrfsContent(inode, chosen, stop)) outcomes.insert(*outcome);
    }
  });
  return outcomes;
}

std::optional<Outcome> Enumerator::BtrfsContent(InodeNumber inode, const Chosen& chosen,
                                                const Stop& stop) const {
  const auto end_of = [&](const Pending& pending, uint64_t end) {
    return stop && stop->first == pending.index ? std::min(end, stop->second) : end;
  };
  std::string file = remains_.base().files.at(inode);
  bool a_growing_one_is_missing = false;
  for (const Pending& pending : Of(inode)) {
    if (!chosen.contains(pending.index)) {
      a_growing_one_is_missing |= GrowsByAppending(pending);
      continue;
    }
    const bool out_of_order = GrowsByAppending(pending) && a_growing_one_is_missing;
    if (out_of_order && !Ignored(Rule::kGrowingAppends)) return std::nullopt;
    const uint64_t size = end_of(pending, pending.operation.size);
    if (pending.size) file.resize(std::max<uint64_t>(file.size(), size));
  }
  for (const Pending& pending : Of(inode)) {
    if (!chosen.contains(pending.index) || pending.versions.empty()) continue;
    const std::string& data = *pending.operation.data;
    const uint64_t end = end_of(pending, file.size());
    for (size_t i = 0; i < data.size() && pending.operation.offset + i < end; ++i) {
      file[pending.operation.offset + i] = data[i];
    }
  }
  return Outcome{file, {}};
}

void Enumerator::Count(uint64_t choices) {
  count_ += choices;
  if (count_ > question_.limit) throw TooMany();
}

}  // namespace

std::string RandomSector(uint64_t seed, InodeNumber inode, uint64_t sector) {
  const auto mix = [](uint64_t x) {
    uint64_t z = x + 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  };
  const uint64_t r = mix(seed ^ mix((uint64_t{inode} << 32) + sector));
  std::string bytes;
  for (uint64_t w = 0; w < kSectorBytes / 8; ++w) {
    const uint64_t word = mix(r + w * 0x9E3779B97F4A7C15);
    for (int byte = 0; byte < 8; ++byte) bytes += static_cast<char>(word >> (8 * byte));
  }
  return bytes;
}

std::optional<Answer> LegalImages(const Question& question) {
  try {
    return Enumerator(question).Run();
  } catch (const TooMany&) {
    return std::nullopt;
  }
}

}  // namespace lumen::faultfs::verify
