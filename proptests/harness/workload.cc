#include "proptests/harness/workload.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/status.h"
#include "engine/env/seeded_random.h"

namespace lumen::crash {
namespace {

using Kind = ClientStep::Kind;

constexpr uint32_t kMostKeys = 10'000;
constexpr uint32_t kMostValueBytes = 1 << 20;
constexpr size_t kMostSteps = 100'000;

// Steps that are one word, and those that have a number behind it.
constexpr std::array<std::pair<std::string_view, Kind>, 10> kWords = {
    {{"scan", Kind::kScan},
     {"reverse-scan", Kind::kReverseScan},
     {"snapshot", Kind::kSnapshot},
     {"flush", Kind::kFlush},
     {"compact", Kind::kCompact},
     {"checkpoint", Kind::kCheckpoint},
     {"quiesce", Kind::kQuiesce},
     {"reopen", Kind::kReopen},
     {"kill", Kind::kKill},
     {"resume", Kind::kResume}}};

std::string WriteToString(const ClientStep& step) {
  std::string text = step.kind == Kind::kWriteAsync ? "write-async" : "write";
  text += step.durable ? " durable" : " relaxed";
  if (step.precondition == 1) text += " if-absent";
  if (step.precondition == 2) text += " if-present";
  for (const ClientStep::Change& change : step.changes) {
    absl::StrAppend(&text, " ", KeyOf(change.key));
    text += change.is_delete ? "=delete" : absl::StrCat("=", change.value_bytes);
  }
  return text;
}

std::string StepToString(const ClientStep& step) {
  if (step.kind == Kind::kWrite || step.kind == Kind::kWriteAsync) return WriteToString(step);
  if (step.kind == Kind::kGet) return "get " + KeyOf(step.key);
  if (step.kind == Kind::kRunBackground) return absl::StrCat("run ", step.count);
  for (const auto& [word, kind] : kWords) {
    if (kind == step.kind) return std::string(word);
  }
  return "";
}

absl::Status Expected(const std::string& what, std::string_view found) {
  return absl::InvalidArgumentError(
      absl::StrCat("expected ", what, ", found '", std::string(found), "'"));
}

template <typename Number>
bool ToNumber(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

absl::StatusOr<uint32_t> ParseNumber(std::string_view text, uint32_t most,
                                     const std::string& what) {
  uint32_t number = 0;
  if (!ToNumber(text, &number) || number > most) {
    return Expected(absl::StrCat(what, " (0 to ", most, ")"), text);
  }
  return number;
}

// Words between blanks, without what stands behind a '#'.
std::vector<std::string_view> Words(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  line = line.substr(0, line.find('#'));
  std::vector<std::string_view> words;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty()) return words;
    const size_t length = std::min(line.find_first_of(kBlanks), line.size());
    words.push_back(line.substr(0, length));
    line.remove_prefix(length);
  }
}

absl::StatusOr<uint32_t> ParseKey(std::string_view text) {
  if (text.size() < 3 || text[0] != 'k') return Expected("a key such as k03", text);
  return ParseNumber(text.substr(1), kMostKeys, "the number of a key");
}

absl::StatusOr<ClientStep::Change> ParseChange(std::string_view text) {
  const size_t sign = text.find('=');
  const std::string_view value = sign < text.size() ? text.substr(sign + 1) : "";
  ClientStep::Change change;
  ASSIGN_OR_RETURN(change.key, ParseKey(text.substr(0, sign)));
  if (value == "delete") {
    change.is_delete = true;
    return change;
  }
  ASSIGN_OR_RETURN(change.value_bytes,
                   ParseNumber(value, kMostValueBytes, "'delete' or a value's bytes"));
  return change;
}

absl::StatusOr<ClientStep> ParseWrite(const std::vector<std::string_view>& words) {
  ClientStep step;
  step.kind = words[0] == "write" ? Kind::kWrite : Kind::kWriteAsync;
  const std::string_view durability = words.size() > 1 ? words[1] : "";
  if (durability != "durable" && durability != "relaxed") {
    return Expected("'durable' or 'relaxed'", durability);
  }
  step.durable = durability == "durable";
  size_t next = 2;
  if (next < words.size() && words[next].substr(0, 3) == "if-") {
    if (words[next] != "if-absent" && words[next] != "if-present") {
      return Expected("'if-absent' or 'if-present'", words[next]);
    }
    step.precondition = words[next] == "if-absent" ? 1 : 2;
    ++next;
  }
  for (; next < words.size(); ++next) {
    ASSIGN_OR_RETURN(const ClientStep::Change change, ParseChange(words[next]));
    step.changes.push_back(change);
  }
  if (step.changes.empty()) return Expected("a change such as k03=64 or k03=delete", "");
  return step;
}

absl::StatusOr<ClientStep> ParseStep(const std::vector<std::string_view>& words) {
  if (words[0] == "write" || words[0] == "write-async") return ParseWrite(words);
  ClientStep step;
  const bool has_operand = words[0] == "get" || words[0] == "run";
  if (words.size() != (has_operand ? 2 : 1)) {
    return Expected(has_operand ? "one operand" : "nothing more", words.back());
  }
  if (words[0] == "get") {
    step.kind = Kind::kGet;
    ASSIGN_OR_RETURN(step.key, ParseKey(words[1]));
    return step;
  }
  if (words[0] == "run") {
    step.kind = Kind::kRunBackground;
    ASSIGN_OR_RETURN(step.count, ParseNumber(words[1], kMostSteps, "how many pieces"));
    return step;
  }
  for (const auto& [word, kind] : kWords) {
    if (word != words[0]) continue;
    step.kind = kind;
    return step;
  }
  return Expected("a step (write, get, scan, flush ...) or a setting", words[0]);
}

// True: it was a setting.
absl::StatusOr<bool> ParseSetting(const std::vector<std::string_view>& words, Workload& workload) {
  const auto number = [&](auto& to) -> absl::StatusOr<bool> {
    if (words.size() != 2 || !ToNumber(words[1], &to)) {
      return Expected("a number", words.back());
    }
    return true;
  };
  if (words[0] == "seed") return number(workload.seed);
  if (words[0] == "wal_segment_bytes") return number(workload.wal_segment_bytes);
  if (words[0] == "memtable_bytes") return number(workload.memtable_bytes);
  if (words[0] == "block_bytes") return number(workload.block_bytes);
  if (words[0] == "table_bytes") return number(workload.table_bytes);
  if (words[0] != "wal_lz4") return false;
  if (words.size() != 2 || (words[1] != "yes" && words[1] != "no")) {
    return Expected("'yes' or 'no'", words.back());
  }
  workload.wal_lz4 = words[1] == "yes";
  return true;
}

absl::Status ParseLine(std::string_view line, Workload& workload) {
  const std::vector<std::string_view> words = Words(line);
  if (words.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool setting, ParseSetting(words, workload));
  if (setting) return absl::OkStatus();
  if (workload.steps.size() == kMostSteps) {
    return Expected(absl::StrCat("at most ", kMostSteps, " steps"), "more");
  }
  ASSIGN_OR_RETURN(ClientStep step, ParseStep(words));
  workload.steps.push_back(std::move(step));
  return absl::OkStatus();
}

}  // namespace

std::string KeyOf(uint32_t key) { return absl::StrFormat("k%02u", key); }

std::string ValueOf(uint64_t number, uint32_t bytes) {
  // Every other one can be compressed.
  SeededRandom random(number);
  std::string value = absl::StrCat("v", number, ".");
  uint64_t word = random.Next64();
  while (value.size() < bytes) {
    if (number % 2 == 0) word = random.Next64();
    for (int shift = 0; shift < 64; shift += 8) {
      value.push_back(static_cast<char>('a' + ((word >> shift) & 15)));
    }
  }
  value.resize(bytes);
  return value;
}

Options Workload::options() const {
  Options options;
  options.memory_budget_bytes = 256 << 10;
  options.memtable_bytes = memtable_bytes;
  options.wal_segment_bytes = wal_segment_bytes;
  options.wal_lz4 = wal_lz4;
  options.block_bytes = block_bytes;
  options.lz4_from_level = wal_lz4 ? 0 : Options::kNoCompression;
  options.table_bytes = table_bytes;
  options.level0_runs = 2;
  options.level0_bytes = 64 << 10;
  options.base_level_bytes = 2 << 10;
  options.level_fanout = 4;
  options.stall_debt_bytes = 1 << 20;
  return options;
}

std::string Workload::ToString() const {
  std::string text =
      absl::StrCat("seed ", seed, "\nwal_segment_bytes ", wal_segment_bytes, "\nmemtable_bytes ",
                   memtable_bytes, "\nblock_bytes ", block_bytes, "\ntable_bytes ", table_bytes,
                   "\nwal_lz4 ", wal_lz4 ? "yes" : "no", "\n");
  for (const ClientStep& step : steps) absl::StrAppend(&text, StepToString(step), "\n");
  return text;
}

absl::StatusOr<Workload> Workload::Parse(std::string_view text) {
  Workload workload;
  for (int line_number = 1; !text.empty(); ++line_number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (const absl::Status status = ParseLine(line, workload); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", line_number, ": ", status.message()));
    }
  }
  return workload;
}

}  // namespace lumen::crash
