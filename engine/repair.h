#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/batch.h"
#include "engine/environment.h"
#include "engine/options.h"

// Makes a damaged database open again, and says beforehand what that costs. What it does, in which
// order, and what a crash at each point leaves: docs/repair.md.
namespace lumen {

struct RepairPlan {
  // A table that the repaired database does not have.
  struct DroppedTable {
    std::string name;
    std::string reason;
    int level = -1;      // -1: no manifest says
    bool known = false;  // what follows is, from the manifest or from the table's own properties
    uint64_t entries = 0;
    uint64_t tombstones = 0;
    std::string smallest_key = {};
    std::string largest_key = {};
    uint64_t smallest_sequence = 0;
    uint64_t largest_sequence = 0;
  };
  // The front of a WAL segment, which the repaired database has.
  struct ReplayedSegment {
    std::string name;
    uint64_t number = 0;
    uint64_t end = 0;  // up to this offset
    uint64_t frames = 0;
    uint64_t operations = 0;
  };
  struct LostOperation {
    uint64_t sequence = 0;
    EntryKind kind = EntryKind::kPut;
    std::string key;
  };
  // The rest of one, which it does not have, or one that is missing.
  struct DroppedSegment {
    std::string name;
    std::string reason;
    uint64_t from = 0;                           // from this offset
    uint64_t bytes = 0;                          // to the end of the file
    uint64_t frames = 0;                         // of operations, whose header verifies
    std::vector<LostOperation> operations = {};  // of those that can be read
    uint64_t unreadable_operations = 0;          // counted by frames whose payload is damaged
    // Not 0: the segment may have held more than the file shows (it is missing, short, or has lost
    // its header), writes from this sequence on.
    uint64_t unknown_from = 0;
  };
  struct SequenceRange {
    uint64_t first = 0;
    uint64_t last = 0;
  };

  // False: the database is whole. There is nothing to do, nothing below is filled in but
  // torn_tail.
  bool needed = false;
  // What an open would drop of a whole database: never promised to anyone. One line, or empty.
  std::string torn_tail;
  // What is wrong, one line each.
  std::vector<std::string> findings;

  // The manifest that the tables to keep are taken from; empty: none can be, and what is kept is
  // every table in the directory that is whole.
  std::string manifest;
  uint64_t kept_tables = 0;
  uint64_t kept_entries = 0;
  std::vector<DroppedTable> dropped_tables;
  std::vector<ReplayedSegment> replayed;
  std::vector<DroppedSegment> dropped_segments;
  // Operations that were logged, or may have been, and that no file shows.
  std::vector<SequenceRange> unreadable;
  // Segments that hold nothing but what tables hold already.
  std::vector<std::string> superseded;
  // What may be wrong with the content afterwards, beside that the dropped is missing.
  std::vector<std::string> risks;
  // Where the files that are not wholly taken over will be found, relative to the directory.
  std::string lost_directory;
  std::vector<std::string> lost_files;

  bool loses_nothing() const {
    return dropped_tables.empty() && dropped_segments.empty() && unreadable.empty();
  }
};

// For people: the whole account, one line an element. `max_operations`: of the lost ones, how many
// are listed; the others are counted.
std::vector<std::string> DescribeRepair(const RepairPlan& plan, uint64_t max_operations);

// A key as DescribeRepair shows it: quoted, what is not printable ASCII as \xNN.
std::string QuotedKey(std::string_view key);

// One repair of one directory, whose lock it holds from Prepare to its destruction: what Apply
// does is what the plan says. Where the directory may not be written to there is no lock, and Apply
// returns the PERMISSION_DENIED of the attempt. Not thread-safe.
class Repair {
 public:
  // Reads everything; changes nothing (but creates LOCK where it is missing). The plan depends on
  // nothing but the bytes in the directory.
  // FAILED_PRECONDITION: an engine has the directory open. NOT_FOUND: there is no database, nor
  // anything of one. UNIMPLEMENTED: some file is of a newer format. INTERNAL: a file cannot be
  // read; a copy on a healthy disk can be repaired.
  static absl::StatusOr<std::unique_ptr<Repair>> Prepare(
      const Options& options, const std::string& directory, const Environment& environment,
      const std::function<void(uint64_t done_bytes, uint64_t total_bytes)>& progress = {});

  virtual ~Repair() = default;
  virtual const RepairPlan& plan() const = 0;

  // Does it, once. OK: Engine::Open opens what the plan keeps, and that survives power loss.
  // Error, or a crash at any moment: the directory is either as damaged as before or repaired, and
  // nothing that was in it is gone; prepare a new Repair.
  virtual absl::Status Apply() = 0;
};

}  // namespace lumen
