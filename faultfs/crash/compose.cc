#include "faultfs/crash/compose.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "faultfs/crash/file_choices.h"
#include "faultfs/crash/random.h"

namespace lumen::faultfs {
namespace {

using Bytes = Survivors::Bytes;
using SectorSpan = std::span<const Survivors::Sector>;
using SectorBuffer = std::array<char, kSectorBytes>;

void FillRandom(uint64_t seed, InodeNumber inode, uint64_t sector, SectorBuffer& out) {
  const uint64_t first = SectorRandom(seed, inode, sector);
  for (size_t at = 0; at < kSectorBytes; at += sizeof(uint64_t)) {
    const uint64_t word = SplitMix(first + at / sizeof(uint64_t) * 0x9E3779B97F4A7C15);
    for (size_t i = 0; i < sizeof(word); ++i) out[at + i] = static_cast<char>(word >> (8 * i));
  }
}

const PendingFile::Version& FindVersion(const PendingFile::Sector& sector, uint64_t index) {
  for (const PendingFile::Version& version : sector.versions) {
    if (version.index == index) return version;
  }
  CHECK(false);  // the choice was legal
  return sector.versions.front();
}

// Makes one file of an image. Borrows everything.
class FileComposer {
 public:
  FileComposer(const CrashSpace::Layout& layout, const Survivors& survivors, InodeNumber inode,
               FileBytes& out)
      : layout_(layout),
        survivors_(survivors),
        inode_(inode),
        base_(*layout.state.base().File(inode)),
        file_(layout.state.FindFile(inode)),
        out_(out) {}

  std::string_view Content(const Survivors::Sector& chosen, const PendingFile::Sector* sector) {
    const uint64_t start = chosen.sector * kSectorBytes;
    switch (chosen.bytes) {
      case Bytes::kVersion:
        if (sector == nullptr) sector = file_->FindSector(chosen.sector);
        return {FindVersion(*sector, chosen.index).bytes, kSectorBytes};
      case Bytes::kZombie:
        return *layout_.state.zombies()[chosen.index].bytes;
      case Bytes::kWords:
        MixChosenWords(chosen);
        break;
      case Bytes::kRandom:
        FillRandom(layout_.seed, inode_, chosen.sector, buffer_);
        break;
      case Bytes::kStale:
        Fill(*layout_.unlinked, start);
        break;
      case Bytes::kZeros:
        buffer_.fill('\0');
        break;
      case Bytes::kBase:
        Fill(base_, start);
        break;
    }
    return {buffer_.data(), buffer_.size()};
  }

  // Most sectors newest: the page cache with the others put back costs less, and shares the hashes
  // that it knows.
  void Compose(uint64_t size, SectorSpan sectors) {
    const bool start_with_cache = file_ != nullptr && file_->cache_is_newest() &&
                                  CountNewest(sectors) * 2 > sectors.size() &&
                                  CountNewest(sectors) * 2 > file_->sectors().size();
    if (start_with_cache) {
      out_ = file_->cache();
      out_.Resize(size);
      PutOthersBack(sectors);
    } else {
      if (size > out_.size()) out_.Resize(size);
      for (const Survivors::Sector& sector : sectors) Put(sector);
    }
  }

 private:
  bool IsNewest(const Survivors::Sector& chosen, const PendingFile::Sector& sector) const {
    return chosen.bytes == Bytes::kVersion && chosen.index == sector.versions.back().index;
  }

  size_t CountNewest(SectorSpan sectors) const {
    size_t count = 0;
    size_t next = 0;
    for (const PendingFile::Sector& sector : file_->sectors()) {
      while (next < sectors.size() && sectors[next].sector < sector.number) ++next;
      if (next == sectors.size()) break;
      if (sectors[next].sector == sector.number && IsNewest(sectors[next], sector)) ++count;
    }
    return count;
  }

  void PutOthersBack(SectorSpan sectors) {
    size_t next = 0;
    for (const PendingFile::Sector& sector : file_->sectors()) {
      while (next < sectors.size() && sectors[next].sector < sector.number) Put(sectors[next++]);
      if (next == sectors.size() || sectors[next].sector != sector.number) {
        Put({.inode = inode_, .sector = sector.number});
      } else if (!IsNewest(sectors[next], sector)) {
        Put(sectors[next++], &sector);
      } else {
        ++next;
      }
    }
    while (next < sectors.size()) Put(sectors[next++]);
  }

  void Put(const Survivors::Sector& chosen, const PendingFile::Sector* sector = nullptr) {
    const uint64_t start = chosen.sector * kSectorBytes;
    if (start >= out_.size()) return;
    std::string_view bytes = Content(chosen, sector);
    if (bytes.size() > out_.size() - start) bytes = bytes.substr(0, out_.size() - start);
    out_.Write(start, bytes);
  }

  void Fill(const FileBytes& from, uint64_t start) {
    const size_t read = from.Read(start, buffer_.data(), kSectorBytes);
    std::memset(buffer_.data() + read, 0, kSectorBytes - read);
  }

  // What a rename over demands restricts the words, and the entries decide that. Rare, so that
  // finding them out again is no loss.
  void MixChosenWords(const Survivors::Sector& chosen) {
    Happened happened(layout_.state.entries().size(), false);
    for (const uint64_t index : survivors_.entries) {
      happened[EntryPosition(layout_.state, index)] = true;
    }
    const SectorChoices choices =
        FileChoices(layout_, inode_, happened).Of(chosen.sector, FileChoices::kBaseSize);
    MixWords(layout_, choices, chosen.index, buffer_.data());
  }

  const CrashSpace::Layout& layout_;
  const Survivors& survivors_;
  InodeNumber inode_;
  const FileBytes& base_;
  const PendingFile* file_;
  FileBytes& out_;
  SectorBuffer buffer_;
};

uint64_t SizeAfter(const CrashSpace::Layout& layout, const Survivors::Size& size) {
  if (size.stopped != 0) return size.stopped;
  const PendingFile* file = layout.state.FindFile(size.inode);
  return std::max(layout.state.base().File(size.inode)->size(), file->FindSize(size.index)->size);
}

// Its bytes before `end`.
void PutAppend(const PendingOperation& append, uint64_t end, FileBytes& out) {
  const Operation& operation = append.operation;
  if (append.data_lost || operation.offset >= end) return;
  const std::string_view data = *operation.data;
  out.Write(operation.offset, data.substr(0, end - operation.offset));
}

void ComposeSet(const CrashSpace::Layout& layout, const Survivors& survivors,
                const DiskState::File& file, DiskImage& image) {
  uint64_t size = layout.state.base().File(file.inode)->size();
  bool changed = false;
  const auto stopped = std::find_if(survivors.sizes.begin(), survivors.sizes.end(),
                                    [&](const auto& of) { return of.inode == file.inode; });
  const auto stops = [&](uint64_t index) {
    return stopped != survivors.sizes.end() && stopped->index == index;
  };
  const auto grow = [&](uint64_t index) {
    const auto* change = file.pending->FindSize(index);
    if (change == nullptr) return;
    size = std::max(size, stops(index) ? stopped->stopped : change->size);
    changed = true;
  };
  for (const uint64_t index : survivors.entries) grow(index);
  for (const uint64_t index : survivors.appends) {
    changed = changed || file.pending->FindAppend(index) != nullptr;
    grow(index);
  }
  if (!changed) return;
  FileBytes& out = image.MutableFile(file.inode);
  out.Resize(size);
  for (const uint64_t index : survivors.appends) {
    if (const auto* append = file.pending->FindAppend(index)) {
      const uint64_t end = stops(index) ? std::min(size, stopped->stopped) : size;
      PutAppend(*append->operation, end, out);
    }
  }
}

// A file's versions that are newer than what landed.
void AddLosers(const DiskState::File& file, SectorSpan landed, uint64_t size,
               std::vector<DiskState::Zombie>& losers) {
  size_t next = 0;
  for (const PendingFile::Sector& sector : file.pending->sectors()) {
    if (sector.number * kSectorBytes >= size) return;
    while (next < landed.size() && landed[next].sector < sector.number) ++next;
    const bool found = next < landed.size() && landed[next].sector == sector.number &&
                       landed[next].bytes == Bytes::kVersion;
    for (const PendingFile::Version& version : sector.versions) {
      if (found && version.index <= landed[next].index) continue;
      losers.push_back({.inode = file.inode, .sector = sector.number, .bytes = version.owner});
    }
  }
}

SectorSpan SectorsOf(const Survivors& survivors, InodeNumber inode) {
  const auto range = std::equal_range(
      survivors.sectors.begin(), survivors.sectors.end(), Survivors::Sector{.inode = inode},
      [](const auto& a, const auto& b) { return a.inode < b.inode; });
  return {range.first, range.second};
}

}  // namespace

void ComposeFiles(const CrashSpace::Layout& layout, const Survivors& survivors, DiskImage& image) {
  if (layout.rules.sets) {
    for (const DiskState::File& file : layout.state.files()) {
      if (!file.pending->empty() && image.File(file.inode) != nullptr) {
        ComposeSet(layout, survivors, file, image);
      }
    }
    return;
  }
  const auto& sizes = survivors.sizes;
  const auto& sectors = survivors.sectors;
  for (size_t size_at = 0, at = 0; size_at < sizes.size() || at < sectors.size();) {
    const InodeNumber inode = at == sectors.size() ? sizes[size_at].inode
                              : size_at == sizes.size()
                                  ? sectors[at].inode
                                  : std::min(sizes[size_at].inode, sectors[at].inode);
    const size_t first = at;
    while (at < sectors.size() && sectors[at].inode == inode) ++at;
    const bool resized = size_at < sizes.size() && sizes[size_at].inode == inode;
    if (image.File(inode) != nullptr) {
      const uint64_t size =
          resized ? SizeAfter(layout, sizes[size_at]) : layout.state.base().File(inode)->size();
      FileComposer(layout, survivors, inode, image.MutableFile(inode))
          .Compose(size, SectorSpan(sectors).subspan(first, at - first));
    }
    if (resized) ++size_at;
  }
}

std::string SectorBytes(const CrashSpace::Layout& layout, const Survivors::Sector& chosen) {
  const Survivors alone{.entries = {}, .sizes = {}, .sectors = {chosen}, .appends = {}};
  FileBytes unused;
  return std::string(
      FileComposer(layout, alone, chosen.inode, unused).Content(chosen, /*sector=*/nullptr));
}

std::vector<DiskState::Zombie> Losers(const CrashSpace::Layout& layout, const Survivors& survivors,
                                      const DiskImage& image) {
  std::vector<DiskState::Zombie> losers;
  for (const DiskState::File& file : layout.state.files()) {
    const FileBytes* bytes = image.File(file.inode);
    if (bytes == nullptr || file.pending->sectors().empty()) continue;
    AddLosers(file, SectorsOf(survivors, file.inode), bytes->size(), losers);
  }
  return losers;
}

}  // namespace lumen::faultfs
