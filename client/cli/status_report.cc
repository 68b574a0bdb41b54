#include "client/cli/status_report.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/bytes_text.h"
#include "client/cli/text_table.h"

namespace lumen::cli {
namespace {

constexpr char kRed[] = "\033[31m";
constexpr char kGreen[] = "\033[32m";
constexpr char kPlain[] = "\033[0m";

std::string Coloured(const std::string& text, const char* colour, bool colours) {
  return colours ? colour + text + kPlain : text;
}

std::string Share(uint64_t part, uint64_t rest) {
  if (part + rest == 0) return "-";
  return absl::StrFormat("%.1f %%",
                         100.0 * static_cast<double>(part) / static_cast<double>(part + rest));
}

// What a user's byte costs in bytes written by flushes and compactions.
std::string Amplification(const v1::StatusResponse& status) {
  const uint64_t user = status.writes().user_bytes();
  if (user == 0 || status.compaction().flush_bytes() == 0) return "-";
  return absl::StrFormat("%.2f", static_cast<double>(status.compaction().flush_bytes() +
                                                     status.compaction().bytes_written()) /
                                     static_cast<double>(user));
}

std::string Writes(const v1::StatusResponse& status, bool colours) {
  if (!status.read_only_reason().empty()) {
    return Coloured("refused until the next start: " + ToText(status.read_only_reason()), kRed,
                    colours);
  }
  // What background work makes room for ends some time: first for puts, then for deletes.
  if (!status.background_error().empty()) {
    return Coloured("accepted as long as there is room, see background", kRed, colours);
  }
  return Coloured("accepted", kGreen, colours);
}

std::string Background(const v1::StatusResponse& status, bool colours) {
  if (!status.background_error().empty()) {
    return Coloured("waits: " + ToText(status.background_error()), kRed, colours);
  }
  return Coloured("well", kGreen, colours);
}

std::string Recovery(const v1::RecoveryStatus& recovery) {
  std::string text =
      absl::StrCat(WithCommas(recovery.operations()), " operations, ",
                   RoundedBytes(recovery.bytes()), " of ", recovery.segments(), " WAL segments");
  if (recovery.torn_tail()) {
    absl::StrAppend(&text, "; after a torn tail, ", recovery.torn_frames_discarded(),
                    " frames discarded");
  }
  return text;
}

std::string Levels(const v1::StatusResponse& status) {
  TextTable table({true, true, true, true});
  table.Add({"level", "files", "size", "entries"});
  v1::LevelStatus sum;
  int used = 0;
  for (int i = 0; i < status.levels_size(); ++i) {
    if (status.levels(i).files() > 0) used = i + 1;
  }
  for (int i = 0; i < used; ++i) {
    const v1::LevelStatus& level = status.levels(i);
    table.Add({std::to_string(i), WithCommas(level.files()), RoundedBytes(level.bytes()),
               WithCommas(level.entries())});
    sum.set_files(sum.files() + level.files());
    sum.set_bytes(sum.bytes() + level.bytes());
    sum.set_entries(sum.entries() + level.entries());
  }
  table.Add({"all", WithCommas(sum.files()), RoundedBytes(sum.bytes()), WithCommas(sum.entries())});
  return table.Render();
}

}  // namespace

std::string StatusReport(const v1::StatusResponse& status, const std::string& server,
                         bool colours) {
  const v1::MemoryStatus& memory = status.memory();
  const v1::WriteStatus& writes = status.writes();
  const v1::CompactionStatus& compaction = status.compaction();
  TextTable table({false, false});
  table.Add({"server", absl::StrCat("lumen-server ", status.version(), " at ", server, ", up ",
                                    RoundedSeconds(status.uptime_seconds()))});
  table.Add({"data", absl::StrCat(ToText(status.data_directory()), ", ",
                                  RoundedBytes(status.disk_free_bytes()), " of disk free")});
  if (!status.log_level().empty()) table.Add({"log level", status.log_level()});
  table.Add({"writes", Writes(status, colours)});
  table.Add({"background", Background(status, colours)});
  table.Add({"sequence", absl::StrCat(WithCommas(status.visible_sequence()), " visible, ",
                                      WithCommas(status.durable_sequence()), " durable")});
  table.Add({"under way",
             absl::StrCat(WithCommas(status.calls()), " calls (", RoundedBytes(status.call_bytes()),
                          "), ", WithCommas(status.open_scans()), " scans")});
  table.Add({"memory", absl::StrCat(RoundedBytes(memory.memtable_bytes()), " in memtables, ",
                                    memory.immutable_memtables(), " to flush; cache ",
                                    RoundedBytes(memory.cache_bytes()), " of ",
                                    RoundedBytes(memory.cache_capacity_bytes()), ", hits ",
                                    Share(memory.cache_hits(), memory.cache_misses()))});
  table.Add({"written", absl::StrCat(WithCommas(writes.operations()), " operations, ",
                                     RoundedBytes(writes.user_bytes()), " in ",
                                     WithCommas(writes.commit_groups()), " groups; WAL ",
                                     RoundedBytes(writes.wal_bytes()), ", ",
                                     WithCommas(writes.wal_syncs()), " syncs")});
  table.Add({"stalls", absl::StrFormat("%s, %.1f s in all", WithCommas(writes.stalls()),
                                       static_cast<double>(writes.stall_microseconds()) / 1e6)});
  table.Add({"flushes", absl::StrCat(WithCommas(compaction.flushes()), ", ",
                                     RoundedBytes(compaction.flush_bytes()))});
  table.Add({"compactions", absl::StrCat(WithCommas(compaction.compactions()), ", ",
                                         RoundedBytes(compaction.bytes_read()), " read, ",
                                         RoundedBytes(compaction.bytes_written()), " written; ",
                                         RoundedBytes(compaction.debt_bytes()),
                                         " behind; amplification ", Amplification(status))});
  table.Add({"recovery", Recovery(status.recovery())});
  return table.Render() + "\n" + Levels(status);
}

}  // namespace lumen::cli
