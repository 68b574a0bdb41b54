#include "engine/core/version.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/iterator/concatenating_iterator.h"

namespace lumen {

Table::Table(TableRecord record, std::unique_ptr<TableReader> reader, OnObsolete on_obsolete)
    : record_(std::move(record)),
      reader_(std::move(reader)),
      on_obsolete_(std::move(on_obsolete)) {}

Table::~Table() {
  reader_.reset();  // the file is closed before anyone removes it
  if (obsolete_.load(std::memory_order_acquire)) on_obsolete_(record_.number);
}

Version::Version(std::vector<Level> levels) : levels_(std::move(levels)) {
  CHECK(levels_.size() == kLevels);
  for (const Level& tables : levels_) {
    uint64_t bytes = 0;
    for (const TablePtr& table : tables) bytes += table->summary().file_bytes;
    level_bytes_.push_back(bytes);
  }
}

int Version::LevelOf(uint64_t number) const {
  for (int found = 0; found < kLevels; ++found) {
    for (const TablePtr& table : level(found)) {
      if (table->number() == number) return found;
    }
  }
  CHECK(false);
  return 0;
}

size_t Version::FindTable(int number, std::string_view key) const {
  const Level& tables = level(number);
  const auto found = std::lower_bound(
      tables.begin(), tables.end(), key,
      [](const TablePtr& table, std::string_view k) { return table->summary().largest_key < k; });
  return static_cast<size_t>(found - tables.begin());
}

absl::StatusOr<std::optional<TableHit>> Version::Get(std::string_view key, SequenceNumber at,
                                                     bool cached_only) const {
  // Candidates from newest to oldest. All of them are touched before the first is probed, so that
  // their cache misses overlap.
  constexpr size_t kInline = 32;
  const Table* candidates[kInline];
  size_t count = 0;
  std::vector<const Table*> overflow;  // only with a great many level-0 tables
  const auto add = [&](const Table* table) {
    table->reader().Prefetch(key);
    if (count < kInline) {
      candidates[count++] = table;
    } else {
      overflow.push_back(table);
    }
  };
  for (const TablePtr& table : levels_[0]) {
    if (table->Covers(key)) add(table.get());
  }
  for (int number = 1; number < kLevels; ++number) {
    const Level& tables = level(number);
    if (tables.empty()) continue;
    const size_t i = FindTable(number, key);
    if (i < tables.size() && tables[i]->Covers(key)) add(tables[i].get());
  }
  const auto probe = [&](const Table* table) -> absl::StatusOr<std::optional<TableHit>> {
    if (!table->reader().MayContain(key)) return std::optional<TableHit>();
    return table->reader().Get(key, at, cached_only);
  };
  for (size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(std::optional<TableHit> hit, probe(candidates[i]));
    if (hit.has_value()) return hit;
  }
  for (const Table* table : overflow) {
    ASSIGN_OR_RETURN(std::optional<TableHit> hit, probe(table));
    if (hit.has_value()) return hit;
  }
  return std::optional<TableHit>();
}

std::unique_ptr<InternalIterator> NewLevelIterator(const Level& tables, bool fill_cache) {
  std::vector<std::string_view> smallest;
  std::vector<std::string_view> largest;
  for (const TablePtr& table : tables) {
    smallest.push_back(table->summary().smallest_key);
    largest.push_back(table->summary().largest_key);
  }
  return std::make_unique<ConcatenatingIterator>(
      std::move(smallest), std::move(largest),
      [&tables, fill_cache](size_t i) -> absl::StatusOr<std::unique_ptr<InternalIterator>> {
        return tables[i]->reader().NewIterator(fill_cache);
      });
}

void Version::AddIterators(std::vector<std::unique_ptr<InternalIterator>>& to,
                           bool fill_cache) const {
  for (const TablePtr& table : levels_[0]) to.push_back(table->reader().NewIterator(fill_cache));
  for (int number = 1; number < kLevels; ++number) {
    if (!level(number).empty()) to.push_back(NewLevelIterator(level(number), fill_cache));
  }
}

Level Version::Overlapping(int number, std::string_view smallest, std::string_view largest) const {
  Level found;
  for (const TablePtr& table : level(number)) {
    if (table->summary().smallest_key <= largest && smallest <= table->summary().largest_key) {
      found.push_back(table);
    }
  }
  return found;
}

VersionPtr ApplyEdit(const Version& base, const VersionEdit& edit,
                     const std::vector<TablePtr>& opened) {
  std::vector<Level> levels = base.levels();
  const auto find = [&](uint64_t number) -> TablePtr {
    for (const TablePtr& table : opened) {
      if (table->number() == number) return table;
    }
    for (const Level& tables : base.levels()) {
      for (const TablePtr& table : tables) {
        if (table->number() == number) return table;
      }
    }
    return nullptr;
  };
  for (const auto& [level, number] : edit.removed) {
    Level& tables = levels[static_cast<size_t>(level)];
    std::erase_if(tables, [n = number](const TablePtr& table) { return table->number() == n; });
  }
  for (const TableRecord& record : edit.added) {
    TablePtr table = find(record.number);
    CHECK(table != nullptr);
    levels[static_cast<size_t>(record.level)].push_back(std::move(table));
  }
  std::stable_sort(levels[0].begin(), levels[0].end(), [](const TablePtr& a, const TablePtr& b) {
    return a->summary().largest_sequence > b->summary().largest_sequence;
  });
  for (size_t level = 1; level < levels.size(); ++level) {
    std::sort(levels[level].begin(), levels[level].end(), [](const TablePtr& a, const TablePtr& b) {
      return a->summary().smallest_key < b->summary().smallest_key;
    });
  }
  return std::make_shared<const Version>(std::move(levels));
}

}  // namespace lumen
