#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "engine/options.h"
#include "rapidcheck.h"

// Random programs for an engine: data that generates, shrinks and prints itself. A command names
// keys, slots and sizes, never states, so that every part of a program is a program.
namespace lumen {

// The key space: small, so that overwrites and deletes are frequent. 1 to 300 bytes, shared
// prefixes, embedded zeros, prefixes of one another. Numbered in their order.
inline constexpr uint32_t kKeys = 400;
std::string KeyOf(uint32_t key);

// A place in the key order: a key, right before it, or right behind it.
struct Target {
  enum class Place : uint8_t { kAt, kBefore, kBehind };
  uint32_t key = 0;
  Place place = Place::kAt;

  std::string Bytes() const;
};

// The options that vary, all tiny.
struct Limits {
  uint32_t memtable_kib = 16;
  uint32_t immutable_memtables = 1;
  uint32_t segment_kib = 64;
  bool wal_lz4 = false;
  uint32_t block_bytes = 1024;
  uint32_t bloom_bits = 10;
  bool lz4 = false;
  uint32_t table_kib = 4;
  uint32_t level0_runs = 2;
  uint32_t base_level_kib = 8;
  uint32_t level_fanout = 2;
  uint32_t budget_kib = 256;

  Options ToOptions() const;
};

struct Operation {
  bool is_delete = false;
  uint32_t key = 0;
  uint32_t value_bytes = 0;
};

// `met`: made to hold, or not to hold, as far as is known when the write is issued.
struct Condition {
  Precondition::Kind kind = Precondition::Kind::kAbsent;
  uint32_t key = 0;
  bool met = true;
};

// Slots of snapshots and iterators; a read at an empty slot, or at slot kNow, reads what is newest.
inline constexpr uint32_t kSlots = 3;
inline constexpr uint32_t kNow = kSlots;

struct WriteCommand {
  std::vector<Operation> operations;
  std::vector<Condition> conditions;
  bool sync = true;
  bool asynchronous = false;  // WriteAsync
  bool report_existed = false;
};
struct RefusedCommand {  // calls that the engine has to refuse
  enum class Call : uint8_t {
    kEmptyKey,
    kEmptyBatch,
    kLongKey,
    kLongValue,
    kLongBatch,
    kSecondOpen
  };
  static constexpr uint32_t kCalls = 6;
  Call call = Call::kEmptyKey;
};
struct GetCommand {
  uint32_t key = 0;
  uint32_t snapshot = kNow;
};
struct GetCachedCommand {
  uint32_t key = 0;
};
struct MultiGetCommand {
  std::vector<uint32_t> keys;
  uint32_t snapshot = kNow;
};
struct ScanCommand {  // everything, both ways
  uint32_t snapshot = kNow;
};
struct SnapshotCommand {  // takes one, or releases the one in the slot
  uint32_t slot = 0;
};
struct IteratorCommand {  // opens one, in the place of the one in the slot
  uint32_t slot = 0;
  uint32_t snapshot = kNow;
  std::optional<Target> lower;
  std::optional<Target> upper;
};
struct Move {
  enum class Kind : uint8_t { kFirst, kLast, kSeek, kSeekForPrev, kNext, kPrev };
  static constexpr uint32_t kKinds = 6;
  Kind kind = Kind::kFirst;
  Target target;       // of seeks
  uint32_t steps = 1;  // of kNext and kPrev
};
struct MoveCommand {
  uint32_t slot = 0;
  std::vector<Move> moves;
};
struct DropIteratorCommand {
  uint32_t slot = 0;
};
struct FlushCommand {};
struct CompactCommand {};
struct QuiesceCommand {};
struct CheckpointCommand {
  bool open_later = false;  // only after the next restart
};
struct RunCommand {  // lets background work go on for so many pieces
  uint32_t pieces = 0;
};
struct CloseCommand {  // cleanly, and opens again
  Limits limits;
};
// The process or the machine dies, and the engine opens again.
struct CrashCommand {
  enum class During : uint8_t { kNothing, kWrites, kFlush, kCompact, kCheckpoint };
  static constexpr uint32_t kDurings = 5;
  bool power_loss = false;
  // In the middle of this call, before its so many-th file operation or, if it has less, after it.
  During during = During::kNothing;
  uint32_t at_operation = 1;
  // And once more while it opens, before the so many-th file operation; 0: not.
  bool power_loss_in_open = false;
  uint32_t open_at_operation = 0;
  Limits limits;
};

using Command =
    std::variant<WriteCommand, RefusedCommand, GetCommand, GetCachedCommand, MultiGetCommand,
                 ScanCommand, SnapshotCommand, IteratorCommand, MoveCommand, DropIteratorCommand,
                 FlushCommand, CompactCommand, QuiesceCommand, CheckpointCommand, RunCommand,
                 CloseCommand, CrashCommand>;
inline constexpr size_t kCommandKinds = std::variant_size_v<Command>;
std::string CommandKindName(size_t index);

struct Program {
  uint64_t seed = 1;  // of the simulation
  Limits limits;
  std::vector<Command> commands;
};

std::ostream& operator<<(std::ostream& out, const Command& command);
std::ostream& operator<<(std::ostream& out, const Program& program);

// Programs of `least` to `most` commands. Shrinks by dropping halves, quarters, ... of the
// commands, then by simplifying single ones. (rc::state's own shrinking tries all subranges:
// quadratic in the length, which at hundreds of commands is hours.)
rc::Gen<Program> Programs(uint32_t least, uint32_t most);

}  // namespace lumen
