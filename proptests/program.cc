#include "proptests/program.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/env/seeded_random.h"

namespace lumen {
namespace {

// ---- keys

// Unsorted.
std::string MakeKey(uint32_t key) {
  const std::string number = std::to_string(key);
  const size_t length = number.size();
  switch (key % 8) {
    case 0:  // one byte, or that byte and zeros
      return std::string(1, static_cast<char>(key / 2 % 256)) + std::string(key / 200, '\0');
    case 1:
      return "key" + std::string(8 - length, '0') + number;
    case 2:  // equal 8-byte heads
      return "samehead" + number;
    case 3:  // zeros inside, and keys that differ in their number only
      return "z" + std::string(key / 8, '\0');
    case 4:
      return "long" + std::string(296 - length, 'l') + number;
    case 5:  // long, told apart at its front
      return number + std::string(100 + key % 150, '\xff');
    case 6:
      return std::string(key / 8 + 1, '\xff');
    default:
      return "user/" + std::to_string(key % 5) + "/" + number;
  }
}

std::vector<std::string> SortedKeys() {
  std::vector<std::string> keys;
  for (uint32_t i = 0; i < kKeys; ++i) keys.push_back(MakeKey(i));
  std::sort(keys.begin(), keys.end());
  return keys;
}

// ---- drawing

class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}

  uint64_t Next() { return random_.Next64(); }
  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_.Below(limit)); }
  uint32_t Between(uint32_t least, uint32_t most) { return least + Below(most - least + 1); }
  bool Percent(uint32_t chance) { return Below(100) < chance; }
  template <typename T>
  T OneOf(std::initializer_list<T> choices) {
    return choices.begin()[Below(static_cast<uint32_t>(choices.size()))];
  }
  // Half of all keys come from a tenth of them.
  uint32_t Key() { return Percent(50) ? Below(kKeys / 10) * 10 : Below(kKeys); }
  uint32_t SnapshotOrNow() { return Percent(40) ? Below(kSlots) : kNow; }

  uint32_t ValueBytes();
  Target NewTarget() {
    return {Key(), OneOf({Target::Place::kAt, Target::Place::kBefore, Target::Place::kBehind})};
  }
  Limits NewLimits();
  WriteCommand NewWrite();
  MoveCommand NewMoves();
  CrashCommand NewCrash();
  Command NewCommand();
  void AddAscendingTables(std::vector<Command>& commands);

 private:
  SeededRandom random_;
};

// Mostly small; else around what the formats care for: a varint of one, two, three bytes, a sector,
// blocks, the WAL's segment (then the batch needs a segment of its own).
uint32_t Draw::ValueBytes() {
  const uint32_t kind = Below(1000);
  if (kind < 600) return Below(120);
  if (kind < 800) return Below(900);
  if (kind < 960) return OneOf({0u, 1u, 127u, 128u, 129u});
  const auto around = [this](uint32_t bytes) { return bytes - 80 + Below(100); };
  if (kind < 993) return around(OneOf({512u, 1024u, 2048u, 4096u, 16384u}));
  if (kind < 999) return around(OneOf({61440u, 65536u, 69632u}));
  return Between(100'000, 200 << 10);
}

Limits Draw::NewLimits() {
  Limits limits;
  limits.memtable_kib = OneOf({4u, 8u, 16u, 64u});
  limits.immutable_memtables = Between(1, 3);
  limits.segment_kib = OneOf({64u, 64u, 68u, 128u});
  limits.wal_lz4 = Percent(50);
  limits.block_bytes = OneOf({1024u, 1024u, 2048u, 4096u});
  limits.bloom_bits = OneOf({0u, 4u, 10u});
  limits.lz4 = Percent(50);
  limits.table_kib = OneOf({2u, 4u, 16u});
  limits.level0_runs = Between(1, 4);
  limits.base_level_kib = OneOf({2u, 4u, 16u});
  limits.level_fanout = Between(2, 4);
  limits.budget_kib = OneOf({16u, 256u, 1024u});
  return limits;
}

WriteCommand Draw::NewWrite() {
  WriteCommand write;
  uint32_t count = Percent(60) ? 1 : Between(2, 12);
  const bool deletes_only = Percent(10);
  for (; count > 0; --count) {
    const bool is_delete = deletes_only || Percent(30);
    write.operations.push_back({is_delete, Key(), is_delete ? 0 : ValueBytes()});
  }
  if (Percent(30)) {
    for (uint32_t i = Between(1, 3); i > 0; --i) {
      using Kind = Precondition::Kind;
      write.conditions.push_back(
          {OneOf({Kind::kAbsent, Kind::kPresent, Kind::kLastWrittenAt, Kind::kValueEquals}), Key(),
           Percent(80)});
    }
  }
  write.sync = Percent(40);
  write.asynchronous = Percent(40);
  write.report_existed = Percent(30);
  return write;
}

MoveCommand Draw::NewMoves() {
  MoveCommand command{.slot = Below(kSlots), .moves = {}};
  for (uint32_t i = Between(1, 6); i > 0; --i) {
    // Steps are what iterators mostly do.
    const auto kind = static_cast<Move::Kind>(Percent(60) ? 4 + Below(2) : Below(Move::kKinds));
    command.moves.push_back({kind, NewTarget(), Between(1, 5)});
  }
  return command;
}

CrashCommand Draw::NewCrash() {
  CrashCommand crash;
  crash.power_loss = Percent(60);
  crash.during = static_cast<CrashCommand::During>(Below(CrashCommand::kDurings));
  crash.at_operation = Between(1, Percent(50) ? 8 : 60);
  crash.power_loss_in_open = Percent(70);
  crash.open_at_operation = Percent(40) ? Between(1, 60) : 0;
  crash.limits = NewLimits();
  return crash;
}

Command Draw::NewCommand() {
  const uint32_t kind = Below(1000);
  if (kind < 480) return NewWrite();
  if (kind < 490) {
    return RefusedCommand{static_cast<RefusedCommand::Call>(Below(RefusedCommand::kCalls))};
  }
  if (kind < 580) return GetCommand{Key(), SnapshotOrNow()};
  if (kind < 610) return GetCachedCommand{Key()};
  if (kind < 640) {
    MultiGetCommand get{.keys = {}, .snapshot = SnapshotOrNow()};
    for (uint32_t i = Between(1, 8); i > 0; --i) get.keys.push_back(Key());
    return get;
  }
  if (kind < 655) return ScanCommand{SnapshotOrNow()};
  if (kind < 700) return SnapshotCommand{Below(kSlots)};
  if (kind < 740) {
    IteratorCommand iterator{Below(kSlots), SnapshotOrNow(), {}, {}};
    if (Percent(40)) iterator.lower = NewTarget();
    if (Percent(40)) iterator.upper = NewTarget();
    return iterator;
  }
  if (kind < 860) return NewMoves();
  if (kind < 870) return DropIteratorCommand{Below(kSlots)};
  if (kind < 890) return FlushCommand{};
  if (kind < 895) return CompactCommand{};
  if (kind < 900) return QuiesceCommand{};
  if (kind < 905) return CheckpointCommand{Percent(50)};
  if (kind < 980) return RunCommand{Between(1, Percent(70) ? 10 : 300)};
  if (kind < 985) return CloseCommand{NewLimits()};
  return NewCrash();
}

// Level-0 tables of narrow ranges, one beside the other, some of which meet in one key: what is
// moved instead of merged.
void Draw::AddAscendingTables(std::vector<Command>& commands) {
  if (Percent(50)) commands.push_back(CompactCommand{});
  uint32_t key = Below(kKeys);
  for (uint32_t tables = Between(2, 5); tables > 0; --tables) {
    WriteCommand write;
    for (uint32_t i = Between(1, 8); i > 0 && key < kKeys; --i, ++key) {
      const bool is_delete = Percent(20);
      write.operations.push_back({is_delete, key, is_delete ? 0 : ValueBytes()});
    }
    if (write.operations.empty()) return;
    if (Percent(50)) --key;
    commands.push_back(std::move(write));
    commands.push_back(FlushCommand{});
  }
}

// ---- shrinking

template <typename Item, typename Keep>
void DropEach(const std::vector<Item>& items, const Keep& keep) {
  for (size_t i = 0; i < items.size(); ++i) {
    std::vector<Item> fewer = items;
    fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(i));
    keep(std::move(fewer));
  }
}

// Simpler forms of one command, the boldest first.
class Simplifier {
 public:
  std::vector<Command> Of(const Command& command) && {
    std::visit(*this, command);
    return std::move(simpler_);
  }

  void operator()(const WriteCommand& write) {
    DropEach(write.operations, [&](const std::vector<Operation>& fewer) {
      if (!fewer.empty()) Try(write, [&](WriteCommand& c) { c.operations = fewer; });
    });
    DropEach(write.conditions, [&](const std::vector<Condition>& fewer) {
      Try(write, [&](WriteCommand& c) { c.conditions = fewer; });
    });
    if (write.asynchronous) Try(write, [](WriteCommand& c) { c.asynchronous = false; });
    if (write.report_existed) Try(write, [](WriteCommand& c) { c.report_existed = false; });
    for (size_t i = 0; i < write.operations.size(); ++i) {
      const uint32_t bytes = write.operations[i].value_bytes;
      for (const uint32_t fewer : {0u, bytes / 2, bytes - bytes / 16 - 1}) {
        if (fewer >= bytes) continue;
        Try(write, [&](WriteCommand& c) { c.operations[i].value_bytes = fewer; });
      }
    }
  }
  void operator()(const MultiGetCommand& get) {
    DropEach(get.keys, [&](const std::vector<uint32_t>& fewer) {
      Try(get, [&](MultiGetCommand& c) { c.keys = fewer; });
    });
  }
  void operator()(const IteratorCommand& iterator) {
    if (iterator.lower) Try(iterator, [](IteratorCommand& c) { c.lower.reset(); });
    if (iterator.upper) Try(iterator, [](IteratorCommand& c) { c.upper.reset(); });
  }
  void operator()(const MoveCommand& move) {
    DropEach(move.moves, [&](const std::vector<Move>& fewer) {
      Try(move, [&](MoveCommand& c) { c.moves = fewer; });
    });
    for (size_t i = 0; i < move.moves.size(); ++i) {
      if (move.moves[i].steps > 1) Try(move, [&](MoveCommand& c) { --c.moves[i].steps; });
    }
  }
  void operator()(const CheckpointCommand& checkpoint) {
    if (checkpoint.open_later) Try(checkpoint, [](CheckpointCommand& c) { c.open_later = false; });
  }
  void operator()(const RunCommand& run) {
    if (run.pieces > 1) Try(run, [](RunCommand& c) { c.pieces /= 2; });
    if (run.pieces > 2) Try(run, [](RunCommand& c) { --c.pieces; });
  }
  void operator()(const CrashCommand& crash) {
    if (crash.open_at_operation > 0) Try(crash, [](CrashCommand& c) { c.open_at_operation = 0; });
    if (crash.during != CrashCommand::During::kNothing) {
      Try(crash, [](CrashCommand& c) { c.during = CrashCommand::During::kNothing; });
    }
    if (crash.power_loss) Try(crash, [](CrashCommand& c) { c.power_loss = false; });
  }
  template <typename Other>
  void operator()(const Other&) {}

 private:
  template <typename Form, typename Change>
  void Try(Form command, const Change& change) {
    change(command);
    simpler_.emplace_back(std::move(command));
  }

  std::vector<Command> simpler_;
};

// Puts `replacement`, or nothing, where commands [begin, end) were.
struct Edit {
  size_t begin = 0;
  size_t end = 0;
  std::optional<Command> replacement;
};

std::vector<Edit> EditsThatSimplify(const Program& program) {
  std::vector<Edit> edits;
  const size_t count = program.commands.size();
  for (size_t length = count; length > 0; length /= 2) {
    for (size_t begin = 0; begin < count; begin += length) {
      edits.push_back({begin, std::min(begin + length, count), std::nullopt});
    }
  }
  for (size_t i = 0; i < count; ++i) {
    for (Command& simpler : Simplifier().Of(program.commands[i])) {
      edits.push_back({i, i + 1, std::move(simpler)});
    }
  }
  return edits;
}

Program Edited(const Program& program, const Edit& edit) {
  const auto at = [&](size_t i) { return program.commands.begin() + static_cast<ptrdiff_t>(i); };
  Program edited{program.seed, program.limits, {}};
  edited.commands.assign(at(0), at(edit.begin));
  if (edit.replacement) edited.commands.push_back(*edit.replacement);
  edited.commands.insert(edited.commands.end(), at(edit.end), program.commands.end());
  return edited;
}

rc::Seq<Program> Simpler(const Program& program) {
  const auto shared = std::make_shared<const Program>(program);
  return rc::seq::map(rc::seq::fromContainer(EditsThatSimplify(program)),
                      [shared](const Edit& edit) { return Edited(*shared, edit); });
}

}  // namespace

std::string KeyOf(uint32_t key) {
  static const std::vector<std::string>& keys = *new std::vector<std::string>(SortedKeys());
  return keys[key];
}

std::string Target::Bytes() const {
  std::string bytes = KeyOf(key);
  if (place == Place::kBehind) bytes.push_back('\0');
  if (place == Place::kBefore) {
    if (bytes.back() == '\0') {
      bytes.pop_back();
    } else {
      bytes.back() = static_cast<char>(static_cast<unsigned char>(bytes.back()) - 1);
      bytes += "\xff\xff\xff";
    }
  }
  return bytes;
}

Options Limits::ToOptions() const {
  Options options;
  options.memory_budget_bytes = budget_kib << 10;
  options.memtable_bytes = memtable_kib << 10;
  options.immutable_memtables = static_cast<int>(immutable_memtables);
  options.wal_segment_bytes = segment_kib << 10;
  options.wal_lz4 = wal_lz4;
  options.block_bytes = block_bytes;
  options.bloom_bits_per_key = bloom_bits;
  options.lz4_from_level = lz4 ? 0 : Options::kNoCompression;
  options.table_bytes = table_kib << 10;
  options.level0_runs = static_cast<int>(level0_runs);
  options.level0_bytes = 64 << 10;
  options.base_level_bytes = base_level_kib << 10;
  options.level_fanout = static_cast<int>(level_fanout);
  options.stall_debt_bytes = 16 << 20;
  options.max_key_bytes = 300;
  options.max_value_bytes = 200 << 10;
  options.max_batch_bytes = 1 << 20;
  return options;
}

rc::Gen<Program> Programs(uint32_t least, uint32_t most) {
  return [=](const rc::Random& random, int) {
    Draw draw(rc::Random(random).next());
    Program program{.seed = draw.Next(), .limits = draw.NewLimits(), .commands = {}};
    const uint32_t count = draw.Between(least, most);
    while (program.commands.size() < count) {
      if (draw.Percent(1)) {
        draw.AddAscendingTables(program.commands);
      } else {
        program.commands.push_back(draw.NewCommand());
      }
    }
    return rc::shrinkable::shrinkRecur(std::move(program), &Simpler);
  };
}

}  // namespace lumen
