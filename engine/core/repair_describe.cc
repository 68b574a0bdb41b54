#include <string_view>

#include "absl/strings/str_cat.h"
#include "engine/core/table_check.h"
#include "engine/format/frame.h"
#include "engine/repair.h"

namespace lumen {
namespace {

// "no operations", "1 operation", "2 operations".
std::string Count(uint64_t number, std::string_view noun) {
  return absl::StrCat(number, " ", std::string(noun), number == 1 ? "" : "s");
}

std::string Range(uint64_t first, uint64_t last) {
  return first == last ? absl::StrCat("sequence ", first)
                       : absl::StrCat("sequences ", first, " to ", last);
}

class Account {
 public:
  Account(const RepairPlan& plan, uint64_t max_operations)
      : plan_(plan), left_to_list_(max_operations) {}

  std::vector<std::string> Write() {
    if (!plan_.needed) {
      Line("nothing to repair: the database is whole");
      if (!plan_.torn_tail.empty()) Line(plan_.torn_tail);
      return std::move(lines_);
    }
    for (const std::string& finding : plan_.findings) Line("damage: ", finding);
    DescribeKept();
    for (const auto& table : plan_.dropped_tables) DescribeTable(table);
    for (const auto& segment : plan_.dropped_segments) DescribeSegment(segment);
    for (const auto& range : plan_.unreadable) {
      Line("lost: ", Range(range.first, range.last),
           ": cannot be read; which keys were written is unknown");
    }
    if (plan_.loses_nothing()) Line("nothing is lost");
    for (const std::string& risk : plan_.risks) Line("risk: ", risk);
    for (const std::string& name : plan_.lost_files) {
      Line("set aside: ", name, " to ", plan_.lost_directory, "/", name);
    }
    return std::move(lines_);
  }

 private:
  template <typename... Parts>
  void Line(const Parts&... parts) {
    lines_.push_back(absl::StrCat(parts...));
  }

  void DescribeKept() {
    if (plan_.manifest.empty()) {
      Line("kept: ", Count(plan_.kept_tables, "whole table"), " with ", plan_.kept_entries,
           " entries",
           ", merged into new ones by sequence, because no manifest says which of them count");
    } else {
      Line("kept: ", Count(plan_.kept_tables, "table"), " of ", plan_.manifest, " with ",
           plan_.kept_entries, " entries");
    }
    for (const auto& segment : plan_.replayed) {
      Line("kept: ", segment.name, ": ", Count(segment.frames, "frame"), " with ",
           Count(segment.operations, "operation"), ", up to offset ", segment.end);
    }
    for (const std::string& name : plan_.superseded) {
      Line("not needed: ", name, ": tables hold what it holds");
    }
  }

  void DescribeTable(const RepairPlan::DroppedTable& table) {
    if (!table.known) {
      Line("lost: ", table.name, ": what it holds is unknown");
      return;
    }
    Line("lost: ", table.name, ": ", table.entries, " entries, ", table.tombstones,
         " of them deletions, keys ", KeyRangeText(table.smallest_key, table.largest_key), ", ",
         Range(table.smallest_sequence, table.largest_sequence),
         table.level < 0 ? "" : absl::StrCat(", level ", table.level));
  }

  // What the file does not show, which no count says.
  static std::string Unknown(const RepairPlan::DroppedSegment& segment) {
    if (segment.unknown_from == 0) return "";
    const bool shows_some = segment.frames > 0 || segment.from > kHeaderBlockBytes;
    return absl::StrCat("; what ", shows_some ? "else " : "",
                        "it held is unknown: writes from sequence ", segment.unknown_from,
                        " on may be lost");
  }

  void DescribeSegment(const RepairPlan::DroppedSegment& segment) {
    const bool nothing_to_count =
        segment.bytes == 0 || (segment.frames == 0 && segment.unknown_from > 0);
    if (nothing_to_count) {
      Line("lost: ", segment.name, ": ", segment.reason, Unknown(segment));
      return;
    }
    Line("lost: ", segment.name, ": ", segment.bytes, " bytes from offset ", segment.from, ": ",
         segment.reason, "; ", Count(segment.frames, "frame"), " there with ",
         Count(segment.operations.size(), "operation"), " that can be read",
         segment.unreadable_operations == 0
             ? ""
             : absl::StrCat(" and ", segment.unreadable_operations, " that cannot"),
         Unknown(segment));
    uint64_t listed = 0;
    for (const auto& operation : segment.operations) {
      if (left_to_list_ == 0) break;
      --left_to_list_;
      ++listed;
      Line("    ", operation.sequence, operation.kind == EntryKind::kPut ? " put " : " delete ",
           QuotedKey(operation.key));
    }
    if (listed < segment.operations.size()) {
      Line("    and ", segment.operations.size() - listed, " more");
    }
  }

  const RepairPlan& plan_;
  uint64_t left_to_list_;
  std::vector<std::string> lines_;
};

}  // namespace

std::string QuotedKey(std::string_view key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte >= 0x20 && byte < 0x7f) {
      quoted += c;
    } else {
      quoted += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 0xf]};
    }
  }
  return quoted + "\"";
}

std::vector<std::string> DescribeRepair(const RepairPlan& plan, uint64_t max_operations) {
  return Account(plan, max_operations).Write();
}

}  // namespace lumen
