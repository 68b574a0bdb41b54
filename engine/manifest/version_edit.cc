#include "engine/manifest/version_edit.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/format/coding.h"

namespace lumen {
namespace {

// Fields come in ascending order of their tags; only the first two may repeat.
enum Tag : uint32_t {
  kRemovedTable = 1,
  kAddedTable = 2,
  kWalFloor = 3,
  kNextFileNumber = 4,
  kNextSequence = 5,
};
constexpr uint32_t kLastTag = kNextSequence;

void EncodeAdded(const TableRecord& table, std::string& to) {
  const TableSummary& summary = table.summary;
  AppendVarint(to, kAddedTable);
  AppendVarint(to, static_cast<uint64_t>(table.level));
  AppendVarint(to, table.number);
  AppendVarint(to, summary.file_bytes);
  AppendFixed<uint32_t>(to, summary.file_checksum);
  AppendLengthPrefixed(to, summary.smallest_key);
  AppendLengthPrefixed(to, summary.largest_key);
  AppendVarint(to, summary.smallest_sequence);
  AppendVarint(to, summary.largest_sequence);
  AppendVarint(to, summary.entries);
  AppendVarint(to, summary.tombstones);
  AppendVarint(to, summary.raw_bytes);
}

bool TakeLevel(std::string_view& from, int& level) {
  uint32_t value = 0;
  if (!TakeVarint(from, value) || value >= uint32_t{kTableLevels}) return false;
  level = static_cast<int>(value);
  return true;
}

bool TakeAdded(std::string_view& from, TableRecord& table) {
  TableSummary& summary = table.summary;
  std::string_view smallest;
  std::string_view largest;
  if (!TakeLevel(from, table.level) || !TakeVarint(from, table.number) ||
      !TakeVarint(from, summary.file_bytes) || !TakeFixed(from, summary.file_checksum) ||
      !TakeLengthPrefixed(from, smallest) || !TakeLengthPrefixed(from, largest) ||
      !TakeVarint(from, summary.smallest_sequence) || !TakeVarint(from, summary.largest_sequence) ||
      !TakeVarint(from, summary.entries) || !TakeVarint(from, summary.tombstones) ||
      !TakeVarint(from, summary.raw_bytes)) {
    return false;
  }
  summary.smallest_key = smallest;
  summary.largest_key = largest;
  return smallest <= largest && summary.smallest_sequence <= summary.largest_sequence &&
         summary.tombstones <= summary.entries;
}

bool TakeField(uint32_t tag, std::string_view& from, VersionEdit& edit) {
  switch (tag) {
    case kRemovedTable: {
      auto& [level, number] = edit.removed.emplace_back();
      return TakeLevel(from, level) && TakeVarint(from, number);
    }
    case kAddedTable:
      return TakeAdded(from, edit.added.emplace_back());
    case kWalFloor:
      return TakeVarint(from, edit.wal_floor.emplace()) &&
             TakeVarint(from, edit.wal_floor_first_sequence);
    case kNextFileNumber:
      return TakeVarint(from, edit.next_file_number.emplace());
    default:
      return TakeVarint(from, edit.next_sequence.emplace());
  }
}

absl::Status BadField(uint32_t tag, size_t at) {
  return absl::InvalidArgumentError("field " + std::to_string(tag) + " at byte " +
                                    std::to_string(at) + " of the edit is malformed");
}

absl::Status BadEdit(const std::string& what, uint64_t number) {
  return absl::InvalidArgumentError("the edit " + what + " " + std::to_string(number));
}

}  // namespace

std::string VersionEdit::Encode() const {
  std::string to;
  for (const auto& [level, number] : removed) {
    AppendVarint(to, kRemovedTable);
    AppendVarint(to, static_cast<uint64_t>(level));
    AppendVarint(to, number);
  }
  for (const TableRecord& table : added) EncodeAdded(table, to);
  if (wal_floor) {
    AppendVarint(to, kWalFloor);
    AppendVarint(to, *wal_floor);
    AppendVarint(to, wal_floor_first_sequence);
  }
  if (next_file_number) {
    AppendVarint(to, kNextFileNumber);
    AppendVarint(to, *next_file_number);
  }
  if (next_sequence) {
    AppendVarint(to, kNextSequence);
    AppendVarint(to, *next_sequence);
  }
  return to;
}

absl::StatusOr<VersionEdit> VersionEdit::Decode(std::string_view payload) {
  VersionEdit edit;
  std::string_view rest = payload;
  uint32_t last_tag = 0;
  while (!rest.empty()) {
    const size_t at = payload.size() - rest.size();
    uint32_t tag = 0;
    if (!TakeVarint(rest, tag)) return BadField(0, at);
    if (tag > kLastTag) {
      return absl::UnimplementedError("field " + std::to_string(tag) + " at byte " +
                                      std::to_string(at) +
                                      " of the edit belongs to a newer format");
    }
    const bool repeats = tag == last_tag && tag > kAddedTable;
    if (tag == 0 || tag < last_tag || repeats || !TakeField(tag, rest, edit)) {
      return BadField(tag, at);
    }
    last_tag = tag;
  }
  return edit;
}

absl::Status ManifestState::Apply(const VersionEdit& edit) {
  if (edit.wal_floor &&
      (*edit.wal_floor < wal_floor || edit.wal_floor_first_sequence < wal_floor_first_sequence)) {
    return BadEdit("moves the WAL floor back to", *edit.wal_floor);
  }
  std::vector<TableRecord> result = tables;
  for (const auto& removed : edit.removed) {
    const auto at = std::find_if(result.begin(), result.end(), [&](const TableRecord& table) {
      return std::pair(table.level, table.number) == removed;
    });
    if (at == result.end()) return BadEdit("removes what is not there: table", removed.second);
    result.erase(at);
  }
  std::set<uint64_t> numbers;
  for (const TableRecord& table : result) numbers.insert(table.number);
  for (const TableRecord& table : edit.added) {
    if (!numbers.insert(table.number).second) return BadEdit("adds twice: table", table.number);
    const auto behind_level =
        std::upper_bound(result.begin(), result.end(), table.level,
                         [](int level, const TableRecord& other) { return level < other.level; });
    result.insert(behind_level, table);
  }

  tables = std::move(result);
  if (edit.wal_floor) {
    wal_floor = *edit.wal_floor;
    wal_floor_first_sequence = edit.wal_floor_first_sequence;
  }
  if (edit.next_file_number) next_file_number = std::max(next_file_number, *edit.next_file_number);
  if (edit.next_sequence) next_sequence = std::max(next_sequence, *edit.next_sequence);
  return absl::OkStatus();
}

std::string ManifestState::OverlappingTables() const {
  std::vector<const TableRecord*> sorted;
  for (const TableRecord& table : tables) {
    if (table.level > 0) sorted.push_back(&table);
  }
  std::sort(sorted.begin(), sorted.end(), [](const TableRecord* a, const TableRecord* b) {
    return std::tie(a->level, a->summary.smallest_key, a->number) <
           std::tie(b->level, b->summary.smallest_key, b->number);
  });
  const auto at = std::adjacent_find(
      sorted.begin(), sorted.end(), [](const TableRecord* a, const TableRecord* b) {
        return a->level == b->level && b->summary.smallest_key <= a->summary.largest_key;
      });
  if (at == sorted.end()) return {};
  return TableFileName((*at)->number) + " and " + TableFileName((*(at + 1))->number) +
         " of level " + std::to_string((*at)->level) + " have keys in common";
}

VersionEdit ManifestState::Snapshot() const {
  VersionEdit edit;
  edit.added = tables;
  edit.wal_floor = wal_floor;
  edit.wal_floor_first_sequence = wal_floor_first_sequence;
  edit.next_file_number = next_file_number;
  edit.next_sequence = next_sequence;
  return edit;
}

}  // namespace lumen
