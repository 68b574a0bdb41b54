#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "faultfs/disk_image.h"
#include "faultfs/operation.h"

namespace lumen::faultfs {

// The sector ends that lie between two bytes of a file, both of them excluded.
struct SectorEnds {
  uint64_t first = 0;
  uint64_t count = 0;

  static SectorEnds Between(uint64_t begin, uint64_t end) {
    const uint64_t first = (begin / kSectorBytes + 1) * kSectorBytes;
    return {.first = first, .count = first < end ? (end - 1 - first) / kSectorBytes + 1 : 0};
  }
  uint64_t operator[](uint64_t i) const { return first + i * kSectorBytes; }
  bool Contains(uint64_t byte) const {
    return byte % kSectorBytes == 0 && byte >= first && (byte - first) / kSectorBytes < count;
  }
};

struct PendingOperation {
  uint64_t index = 0;  // into the history, from 0
  Operation operation;
  // Its data never reaches the disk; its size may.
  bool data_lost = false;
};

// What may have reached the disk of one file since it was synced: docs/fault_model.md, sections 1
// and 2. The file's base is somewhere else and passed in. A value.
class PendingFile {
 public:
  // A sector as a reader sees it after an append: kSectorBytes bytes, zeros after the end of the
  // file. They lie in the append's data where that covers the sector, else in `owner`.
  struct Version {
    uint64_t index = 0;  // of the append
    const char* bytes = nullptr;
    std::shared_ptr<const std::string> owner;
  };
  struct Sector {
    uint64_t number = 0;
    absl::InlinedVector<Version, 1> versions;  // oldest first, never none
  };
  struct SizeChange {
    uint64_t index = 0;
    uint64_t size = 0;
    bool by_append = false;
    uint64_t from = 0;  // the size that the file had

    // The sizes within the append, those of them that make the file longer than its base.
    SectorEnds Within(uint64_t base_size) const {
      return by_append ? SectorEnds::Between(std::max(from, base_size), size) : SectorEnds();
    }
  };
  struct Append {
    std::shared_ptr<const PendingOperation> operation;
    bool growing = false;  // it ended beyond the size that the file had
    SectorEnds within;     // a growing one may have stopped there
  };
  struct Traits {
    bool sets = false;           // btrfs: appends become durable by their bytes, not by sectors
    bool owns_versions = false;  // every version has an owner
    bool tracks_touched = false;
  };

  PendingFile(FileBytes content, Traits traits) : cache_(std::move(content)), traits_(traits) {}

  // Ascending by number; of a btrfs file: none.
  const std::vector<Sector>& sectors() const { return sectors_; }
  const Sector* FindSector(uint64_t number) const;
  const std::vector<SizeChange>& sizes() const { return sizes_; }
  const SizeChange* FindSize(uint64_t index) const;
  const std::vector<Append>& appends() const { return appends_; }
  const Append* FindAppend(uint64_t index) const;
  bool empty() const { return sizes_.empty() && appends_.empty(); }

  // What a reader sees.
  const FileBytes& cache() const { return cache_; }
  // The cache is the base with the newest version of every sector, and as long as its last size.
  bool cache_is_newest() const { return cache_is_newest_; }
  // A WAL of strict-posix: whether the base has bytes of an append in the sector.
  bool MayBeRandom(uint64_t sector) const;

  // False: it changed nothing that a crash could undo.
  bool Allocate(uint64_t index, const Operation& operation, const FileBytes& base);
  void AddAppend(std::shared_ptr<const PendingOperation> append, const FileBytes& base);

  void MakeDurable(FileBytes& base);
  // Data and sizes of operations before history index `end`.
  void MakeDurableBefore(uint64_t end, FileBytes& base);
  // All sizes, and the data of sectors whose bit (modulo 64) is set; the rest is lost.
  void MakePartlyDurable(uint64_t bits, FileBytes& base);
  void LoseData();
  // Nothing is pending any more; a reader sees `content`.
  void Revert(const FileBytes& content);
  // The base became as long as this by something else.
  void DropSizesUpTo(uint64_t base_size);
  void Damage(const Operation& operation);

 private:
  void AddVersions(const std::shared_ptr<const PendingOperation>& append);
  Sector& MutableSector(uint64_t number);
  void PutVersion(const Sector& sector, size_t version, FileBytes& base);
  void PutAppends(uint64_t bits, FileBytes& base) const;
  void DropAppendsWithoutEffect();

  FileBytes cache_;
  Traits traits_;
  bool cache_is_newest_ = true;
  std::vector<Sector> sectors_;
  std::vector<SizeChange> sizes_;
  std::vector<Append> appends_;
  std::vector<bool> touched_;  // by sector; only with Traits::tracks_touched
};

}  // namespace lumen::faultfs
