#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/format/internal_iterator.h"
#include "engine/manifest/version_edit.h"
#include "engine/table/table.h"

namespace lumen {

// A table that some version names. The last version to let go of an obsolete one hands its number
// to the collector of obsolete files. Immutable but for that mark; thread-safe.
class Table {
 public:
  using OnObsolete = std::function<void(uint64_t number)>;
  Table(TableRecord record, std::unique_ptr<TableReader> reader, OnObsolete on_obsolete);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  uint64_t number() const { return record_.number; }
  const TableRecord& record() const { return record_; }  // as it was added: tables move
  const TableSummary& summary() const { return record_.summary; }
  const TableReader& reader() const { return *reader_; }
  bool Covers(std::string_view key) const {
    return summary().smallest_key <= key && key <= summary().largest_key;
  }
  // Called once the edit that removed the table is durable: only then may its file go.
  void MarkObsolete() const { obsolete_.store(true, std::memory_order_release); }

 private:
  const TableRecord record_;
  std::unique_ptr<TableReader> reader_;
  const OnObsolete on_obsolete_;
  mutable std::atomic<bool> obsolete_{false};
};

using TablePtr = std::shared_ptr<const Table>;
using Level = std::vector<TablePtr>;

// One state of the set of tables. Level 0: newest first, ranges may overlap. Other levels: by key,
// no two tables share a user key. Immutable, shared.
class Version {
 public:
  static constexpr int kLevels = kTableLevels;

  explicit Version(std::vector<Level> levels);

  const std::vector<Level>& levels() const { return levels_; }
  const Level& level(int number) const { return levels_[static_cast<size_t>(number)]; }
  uint64_t LevelBytes(int number) const { return level_bytes_[static_cast<size_t>(number)]; }
  // The level of a table that this version holds (CHECKed).
  int LevelOf(uint64_t table) const;

  // The newest version of `key` with a sequence <= `at`. `cached_only`: UNAVAILABLE where the disk
  // would be read.
  absl::StatusOr<std::optional<TableHit>> Get(std::string_view key, SequenceNumber at,
                                              bool cached_only = false) const;
  // Adds one iterator per level-0 table, newest first, then one per deeper level. They pin nothing:
  // keep the version.
  void AddIterators(std::vector<std::unique_ptr<InternalIterator>>& to, bool fill_cache) const;

  // The tables of a level whose ranges meet [smallest, largest]; for level 0 just those, not their
  // overlaps in turn.
  Level Overlapping(int level, std::string_view smallest, std::string_view largest) const;
  // Index of the first table of a level below 0 whose largest key is >= key.
  size_t FindTable(int level, std::string_view key) const;

 private:
  std::vector<Level> levels_;
  std::vector<uint64_t> level_bytes_;
};

using VersionPtr = std::shared_ptr<const Version>;

// Walks `tables`, sorted and disjoint; they must outlive the iterator.
std::unique_ptr<InternalIterator> NewLevelIterator(const Level& tables, bool fill_cache);

// `base` with the edit applied; `opened` holds the added tables that are not in `base` (a moved
// table is).
VersionPtr ApplyEdit(const Version& base, const VersionEdit& edit,
                     const std::vector<TablePtr>& opened);

}  // namespace lumen
