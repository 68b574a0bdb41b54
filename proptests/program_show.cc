#include <ostream>

#include "proptests/program.h"

namespace lumen {
namespace {

template <typename... Names>
const char* Name(uint32_t index, Names... names) {
  const char* const all[] = {names...};
  return all[index];
}
template <typename Enum, typename... Names>
const char* Name(Enum value, Names... names) requires std::is_enum_v<Enum> {
  return Name(static_cast<uint32_t>(value), names...);
}

std::ostream& operator<<(std::ostream& out, const Limits& limits) {
  return out << "memtable=" << limits.memtable_kib << "K*" << limits.immutable_memtables
             << " segment=" << limits.segment_kib << "K wal_lz4=" << limits.wal_lz4
             << " block=" << limits.block_bytes << " bloom=" << limits.bloom_bits
             << " lz4=" << limits.lz4 << " table=" << limits.table_kib
             << "K runs=" << limits.level0_runs << " base=" << limits.base_level_kib
             << "K fanout=" << limits.level_fanout << " budget=" << limits.budget_kib << "K";
}

std::ostream& operator<<(std::ostream& out, const Target& target) {
  return out << Name(target.place, "", "before ", "behind ") << target.key;
}

struct Printer {
  std::ostream& out;

  void At(uint32_t snapshot) {
    if (snapshot != kNow) out << " at snapshot " << snapshot;
  }

  void operator()(const WriteCommand& write) {
    out << (write.asynchronous ? "write async" : "write") << (write.sync ? " sync" : "")
        << (write.report_existed ? " existed?" : "");
    for (const Condition& condition : write.conditions) {
      out << (condition.met ? " if " : " if not ") << condition.key
          << Name(condition.kind, " absent", " present", " unchanged", " equal");
    }
    for (const Operation& operation : write.operations) {
      if (operation.is_delete) {
        out << " del " << operation.key;
      } else {
        out << " put " << operation.key << "=" << operation.value_bytes << "B";
      }
    }
  }
  void operator()(const RefusedCommand& refused) {
    out << "refused: "
        << Name(refused.call, "empty key", "empty batch", "long key", "long value", "long batch",
                "second open");
  }
  void operator()(const GetCommand& get) {
    out << "get " << get.key;
    At(get.snapshot);
  }
  void operator()(const GetCachedCommand& get) { out << "get cached " << get.key; }
  void operator()(const MultiGetCommand& get) {
    out << "multiget";
    for (const uint32_t key : get.keys) out << " " << key;
    At(get.snapshot);
  }
  void operator()(const ScanCommand& scan) {
    out << "scan";
    At(scan.snapshot);
  }
  void operator()(const SnapshotCommand& snapshot) {
    out << "take or release snapshot " << snapshot.slot;
  }
  void operator()(const IteratorCommand& iterator) {
    out << "open iterator " << iterator.slot;
    if (iterator.lower) out << " from " << *iterator.lower;
    if (iterator.upper) out << " to " << *iterator.upper;
    At(iterator.snapshot);
  }
  void operator()(const MoveCommand& move) {
    out << "move iterator " << move.slot << ":";
    for (const Move& step : move.moves) {
      out << Name(step.kind, " first", " last", " seek ", " seekforprev ", " next*", " prev*");
      if (step.kind == Move::Kind::kSeek || step.kind == Move::Kind::kSeekForPrev) {
        out << step.target;
      } else if (step.kind == Move::Kind::kNext || step.kind == Move::Kind::kPrev) {
        out << step.steps;
      }
    }
  }
  void operator()(const DropIteratorCommand& drop) { out << "drop iterator " << drop.slot; }
  void operator()(const FlushCommand&) { out << "flush"; }
  void operator()(const CompactCommand&) { out << "compact"; }
  void operator()(const QuiesceCommand&) { out << "quiesce"; }
  void operator()(const CheckpointCommand& checkpoint) {
    out << "checkpoint" << (checkpoint.open_later ? ", opened after the next restart" : "");
  }
  void operator()(const RunCommand& run) { out << "run " << run.pieces; }
  void operator()(const CloseCommand& close) { out << "close, open " << close.limits; }
  void operator()(const CrashCommand& crash) {
    out << (crash.power_loss ? "power loss" : "kill");
    if (crash.during != CrashCommand::During::kNothing) {
      out << " in " << Name(crash.during, "", "writes", "flush", "compact", "checkpoint") << " @"
          << crash.at_operation;
    }
    if (crash.open_at_operation > 0) {
      out << (crash.power_loss_in_open ? ", power loss" : ", kill") << " in open @"
          << crash.open_at_operation;
    }
    out << ", open " << crash.limits;
  }
};

}  // namespace

std::string CommandKindName(size_t index) {
  return Name(static_cast<uint32_t>(index), "writes", "refused calls", "gets", "cached gets",
              "multigets", "scans", "snapshot changes", "iterators", "iterator moves",
              "iterator drops", "flushes asked", "compactions asked", "quiesces", "checkpoints",
              "runs", "closes", "crashes");
}

std::ostream& operator<<(std::ostream& out, const Command& command) {
  std::visit(Printer{out}, command);
  return out;
}

std::ostream& operator<<(std::ostream& out, const Program& program) {
  out << "seed=" << program.seed << ", " << program.limits << "\n";
  for (size_t i = 0; i < program.commands.size(); ++i) {
    out << "  " << i << ": " << program.commands[i] << "\n";
  }
  return out;
}

}  // namespace lumen
