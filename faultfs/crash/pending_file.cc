#include "faultfs/crash/pending_file.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/base/check.h"

namespace lumen::faultfs {
namespace {

// From this many sectors on it is cheaper to share the page cache's chunks than to copy sectors,
// though the next append to a shared chunk copies it.
constexpr size_t kManySectors = 9;

void GrowTo(FileBytes& bytes, uint64_t size) {
  if (size > bytes.size()) bytes.Resize(size);
}

// As much of it as the file has.
void WriteSector(FileBytes& bytes, uint64_t sector, const char* data) {
  const uint64_t start = sector * kSectorBytes;
  if (start >= bytes.size()) return;
  const uint64_t length = std::min(kSectorBytes, bytes.size() - start);
  bytes.Write(start, std::string_view(data, static_cast<size_t>(length)));
}

}  // namespace

const PendingFile::Sector* PendingFile::FindSector(uint64_t number) const {
  const auto at =
      std::lower_bound(sectors_.begin(), sectors_.end(), number,
                       [](const Sector& sector, uint64_t of) { return sector.number < of; });
  return at == sectors_.end() || at->number != number ? nullptr : &*at;
}

const PendingFile::SizeChange* PendingFile::FindSize(uint64_t index) const {
  for (const SizeChange& change : sizes_) {
    if (change.index == index) return &change;
  }
  return nullptr;
}

const PendingFile::Append* PendingFile::FindAppend(uint64_t index) const {
  const auto at = std::lower_bound(
      appends_.begin(), appends_.end(), index,
      [](const Append& append, uint64_t of) { return append.operation->index < of; });
  return at == appends_.end() || at->operation->index != index ? nullptr : &*at;
}

bool PendingFile::MayBeRandom(uint64_t sector) const {
  return traits_.tracks_touched && !(sector < touched_.size() && touched_[sector]);
}

bool PendingFile::Allocate(uint64_t index, const Operation& operation, const FileBytes& base) {
  const uint64_t from = cache_.size();
  if (operation.size <= from) return false;
  cache_.Resize(operation.size);
  if (operation.size <= base.size()) return false;
  sizes_.push_back({.index = index, .size = operation.size, .by_append = false, .from = from});
  return true;
}

void PendingFile::AddAppend(std::shared_ptr<const PendingOperation> append, const FileBytes& base) {
  const Operation& operation = append->operation;
  const uint64_t end = operation.offset + operation.data->size();
  const uint64_t from = cache_.size();
  const bool growing = end > from;
  cache_.Write(operation.offset, *operation.data);
  if (growing && end > base.size()) {
    sizes_.push_back({.index = append->index, .size = end, .by_append = true, .from = from});
  }
  if (!traits_.sets) AddVersions(append);
  appends_.push_back({.operation = std::move(append),
                      .growing = growing,
                      .within = growing ? SectorEnds::Between(from, end) : SectorEnds()});
}

void PendingFile::AddVersions(const std::shared_ptr<const PendingOperation>& append) {
  const Operation& operation = append->operation;
  const uint64_t begin = operation.offset;
  const uint64_t end = begin + operation.data->size();
  for (uint64_t number = begin / kSectorBytes; number * kSectorBytes < end; ++number) {
    const uint64_t start = number * kSectorBytes;
    Version version{.index = append->index, .bytes = nullptr, .owner = nullptr};
    if (start >= begin && start + kSectorBytes <= end && !traits_.owns_versions) {
      version.bytes = operation.data->data() + (start - begin);
    } else {
      auto bytes = std::make_shared<std::string>(kSectorBytes, '\0');
      cache_.Read(start, bytes->data(), kSectorBytes);
      version.bytes = bytes->data();
      version.owner = std::move(bytes);
    }
    MutableSector(number).versions.push_back(std::move(version));
  }
}

PendingFile::Sector& PendingFile::MutableSector(uint64_t number) {
  // Almost always at the end, or the last one.
  size_t at = sectors_.size();
  while (at > 0 && sectors_[at - 1].number > number) --at;
  if (at > 0 && sectors_[at - 1].number == number) return sectors_[at - 1];
  return *sectors_.insert(sectors_.begin() + static_cast<std::ptrdiff_t>(at),
                          Sector{.number = number, .versions = {}});
}

void PendingFile::PutVersion(const Sector& sector, size_t version, FileBytes& base) {
  WriteSector(base, sector.number, sector.versions[version].bytes);
  if (!traits_.tracks_touched) return;
  if (sector.number >= touched_.size()) touched_.resize(sector.number + 1);
  touched_[sector.number] = true;
}

void PendingFile::PutAppends(uint64_t bits, FileBytes& base) const {
  for (const Append& append : appends_) {
    if (append.operation->data_lost) continue;
    const Operation& operation = append.operation->operation;
    const std::string_view data = *operation.data;
    for (size_t done = 0; done < data.size();) {
      const uint64_t at = operation.offset + done;
      const uint64_t piece =
          std::min<uint64_t>(kSectorBytes - at % kSectorBytes, data.size() - done);
      if ((bits >> (at / kSectorBytes % 64) & 1) != 0 && at < base.size()) {
        base.Write(at, data.substr(done, static_cast<size_t>(std::min(piece, base.size() - at))));
      }
      done += static_cast<size_t>(piece);
    }
  }
}

void PendingFile::MakeDurable(FileBytes& base) {
  if (empty()) return;
  if (!sizes_.empty()) GrowTo(base, sizes_.back().size);
  const bool share = cache_is_newest_ && (traits_.sets || sectors_.size() >= kManySectors) &&
                     !traits_.tracks_touched && cache_.size() == base.size();
  if (share) {
    base = cache_;
  } else if (traits_.sets) {
    PutAppends(~uint64_t{0}, base);
  } else {
    for (const Sector& sector : sectors_) PutVersion(sector, sector.versions.size() - 1, base);
  }
  sectors_.clear();
  sizes_.clear();
  appends_.clear();
}

void PendingFile::MakeDurableBefore(uint64_t end, FileBytes& base) {
  CHECK(!traits_.sets);
  for (const SizeChange& change : sizes_) {
    if (change.index < end) GrowTo(base, change.size);
  }
  for (Sector& sector : sectors_) {
    size_t before = 0;
    while (before < sector.versions.size() && sector.versions[before].index < end) ++before;
    if (before == 0) continue;
    PutVersion(sector, before - 1, base);
    sector.versions.erase(sector.versions.begin(),
                          sector.versions.begin() + static_cast<std::ptrdiff_t>(before));
  }
  std::erase_if(sectors_, [](const Sector& sector) { return sector.versions.empty(); });
  std::erase_if(appends_, [&](const Append& append) { return append.operation->index < end; });
  DropSizesUpTo(base.size());
}

void PendingFile::MakePartlyDurable(uint64_t bits, FileBytes& base) {
  if (empty()) return;
  if (!sizes_.empty()) GrowTo(base, sizes_.back().size);
  if (traits_.sets) PutAppends(bits, base);
  for (const Sector& sector : sectors_) {
    if ((bits >> (sector.number % 64) & 1) != 0) {
      PutVersion(sector, sector.versions.size() - 1, base);
    }
  }
  cache_is_newest_ = false;
  sectors_.clear();
  sizes_.clear();
  appends_.clear();
}

void PendingFile::LoseData() {
  if (appends_.empty()) return;
  cache_is_newest_ = false;
  sectors_.clear();
  for (Append& append : appends_) {
    auto lost = std::make_shared<PendingOperation>(*append.operation);
    lost->data_lost = true;
    append.operation = std::move(lost);
  }
  DropAppendsWithoutEffect();
}

void PendingFile::DropAppendsWithoutEffect() {
  std::erase_if(appends_, [&](const Append& append) {
    return append.operation->data_lost && FindSize(append.operation->index) == nullptr;
  });
}

void PendingFile::Revert(const FileBytes& content) {
  cache_ = content;
  // The base may be another one than that of strict-posix, which `content` is from.
  cache_is_newest_ = false;
  sectors_.clear();
  sizes_.clear();
  appends_.clear();
}

void PendingFile::DropSizesUpTo(uint64_t base_size) {
  const size_t dropped =
      std::erase_if(sizes_, [&](const SizeChange& change) { return change.size <= base_size; });
  if (dropped != 0) DropAppendsWithoutEffect();
}

void PendingFile::Damage(const Operation& operation) {
  cache_is_newest_ = false;
  cache_.Resize(std::min(cache_.size(), operation.size));
  if (operation.data != nullptr) cache_.Write(operation.offset, *operation.data);
}

}  // namespace lumen::faultfs
