#include "proptests/lumen_crash/hash_file.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/base/status.h"
#include "proptests/lumen_crash/json_writer.h"

namespace lumen::crash {
namespace {

constexpr std::string_view kMagic = "lumen-crash hashes 1";

using Outcome = CorpusResult::Outcome;

std::string OneLine(std::string_view text) {
  std::string line = ValidText(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

struct Count {
  std::string_view name;
  uint64_t Totals::*field;
};
constexpr Count kCounts[] = {{"cases", &Totals::cases},
                             {"crash-points", &Totals::crash_points},
                             {"exhaustive-points", &Totals::exhaustive_points},
                             {"many-pending-points", &Totals::many_pending_points},
                             {"many-images-points", &Totals::many_images_points},
                             {"generated", &Totals::generated},
                             {"distinct", &Totals::distinct},
                             {"recovered", &Totals::recovered},
                             {"refused", &Totals::refused},
                             {"in-recovery", &Totals::in_recovery},
                             {"in-second-recovery", &Totals::in_second_recovery},
                             {"exercised", &Totals::exercised},
                             {"repeated", &Totals::repeated},
                             {"violations", &Totals::violations}};

void AppendProfile(const ProfileReport& report, std::string& out) {
  absl::StrAppend(&out, "profile\t", report.profile, "\n");
  for (const Count& count : kCounts) {
    absl::StrAppend(&out, std::string(count.name), "\t", report.totals.*count.field, "\n");
  }
  absl::StrAppend(&out, "complete\t", report.complete ? 1 : 0, "\n");
  // Microseconds: a file of whole numbers is read back as it was written.
  absl::StrAppend(&out, "microseconds\t", static_cast<uint64_t>(report.totals.seconds * 1e6), "\n");
  for (const auto& [name, fault] : report.totals.faults) {
    absl::StrAppend(&out, "fault\t", OneLine(name), "\t", fault.armed, "\t", fault.fired, "\t",
                    fault.changed, "\t", fault.observed, "\n");
  }
  for (const auto& [name, count] : report.totals.coverage) {
    absl::StrAppend(&out, "coverage\t", OneLine(name), "\t", count, "\n");
  }
  absl::StrAppend(&out, "hashes\t", report.hashes.size(), "\n");
  for (const uint64_t hash : report.hashes) {
    for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(hash >> shift);
  }
  out += '\n';
}

// Lines of tab-separated fields, and raw bytes between them.
class Scanner {
 public:
  explicit Scanner(std::string_view content) : rest_(content) {}

  absl::Status Next() {
    const size_t end = rest_.find('\n');
    if (end == std::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          "ends behind line ", line_, " without 'end': it was cut short, run that shard again"));
    }
    fields_ = absl::StrSplit(absl::string_view(rest_.data(), end), '\t');
    rest_.remove_prefix(end + 1);
    ++line_;
    return absl::OkStatus();
  }
  const std::string& name() const { return fields_[0]; }
  absl::StatusOr<std::string> Text(size_t field) const {
    if (field < fields_.size()) return fields_[field];
    return Error(absl::StrCat("'", name(), "' needs ", field, " fields"));
  }
  absl::StatusOr<uint64_t> Number(size_t field) const {
    ASSIGN_OR_RETURN(const std::string text, Text(field));
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
    return Error(absl::StrCat("expected a number, found '", text, "'"));
  }
  absl::StatusOr<std::vector<uint64_t>> Hashes(uint64_t count) {
    if (rest_.size() / 8 < count) return Error("the file ends in the hashes: it was cut short");
    std::vector<uint64_t> hashes(count);
    for (uint64_t& hash : hashes) {
      for (int shift = 0; shift < 64; shift += 8) {
        hash |= uint64_t{static_cast<unsigned char>(rest_[static_cast<size_t>(shift / 8)])}
                << shift;
      }
      rest_.remove_prefix(8);
    }
    const bool ascending =
        std::adjacent_find(hashes.begin(), hashes.end(), std::greater_equal<>()) == hashes.end();
    if (!ascending || !rest_.starts_with('\n')) return Error("the hashes are damaged");
    rest_.remove_prefix(1);
    return hashes;
  }
  bool AtEnd() const { return rest_.empty(); }
  absl::Status Error(const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat("line ", line_, ": ", what));
  }

 private:
  std::string_view rest_;
  std::vector<std::string> fields_;
  int line_ = 0;
};

absl::Status ReadFault(const Scanner& line, Totals& totals) {
  ASSIGN_OR_RETURN(const std::string name, line.Text(1));
  FaultTotals& fault = totals.faults[name];
  ASSIGN_OR_RETURN(fault.armed, line.Number(2));
  ASSIGN_OR_RETURN(fault.fired, line.Number(3));
  ASSIGN_OR_RETURN(fault.changed, line.Number(4));
  ASSIGN_OR_RETURN(fault.observed, line.Number(5));
  return absl::OkStatus();
}

// One line of a profile; false: it is none.
absl::StatusOr<bool> ReadProfileLine(Scanner& line, ProfileReport& report) {
  for (const Count& count : kCounts) {
    if (line.name() != count.name) continue;
    ASSIGN_OR_RETURN(report.totals.*count.field, line.Number(1));
    return true;
  }
  if (line.name() == "complete") {
    ASSIGN_OR_RETURN(const uint64_t complete, line.Number(1));
    report.complete = complete != 0;
  } else if (line.name() == "microseconds") {
    ASSIGN_OR_RETURN(const uint64_t microseconds, line.Number(1));
    report.totals.seconds = static_cast<double>(microseconds) / 1e6;
  } else if (line.name() == "fault") {
    RETURN_IF_ERROR(ReadFault(line, report.totals));
  } else if (line.name() == "coverage") {
    ASSIGN_OR_RETURN(const std::string name, line.Text(1));
    ASSIGN_OR_RETURN(report.totals.coverage[name], line.Number(2));
  } else if (line.name() == "hashes") {
    ASSIGN_OR_RETURN(const uint64_t count, line.Number(1));
    ASSIGN_OR_RETURN(report.hashes, line.Hashes(count));
  } else {
    return false;
  }
  return true;
}

absl::Status ReadFailure(const Scanner& line, RunReport& report) {
  FoundFailure found;
  ASSIGN_OR_RETURN(const std::string profile, line.Text(1));
  const std::optional<faultfs::Profile> known = faultfs::ParseProfile(profile);
  if (!known.has_value()) return line.Error(absl::StrCat("no profile '", profile, "'"));
  found.failure.failing.profile = *known;
  ASSIGN_OR_RETURN(const uint64_t rule, line.Number(2));
  found.failure.violation.rule = static_cast<int>(rule);
  ASSIGN_OR_RETURN(found.failure.violation.what, line.Text(3));
  ASSIGN_OR_RETURN(found.file, line.Text(4));
  report.failures.push_back(std::move(found));
  return absl::OkStatus();
}

absl::Status ReadCorpus(const Scanner& line, RunReport& report) {
  CorpusResult result;
  ASSIGN_OR_RETURN(result.file, line.Text(1));
  ASSIGN_OR_RETURN(const uint64_t outcome, line.Number(2));
  if (outcome > static_cast<uint64_t>(Outcome::kCannotRun)) return line.Error("no such outcome");
  result.outcome = static_cast<Outcome>(outcome);
  ASSIGN_OR_RETURN(result.message, line.Text(3));
  report.corpus.push_back(std::move(result));
  return absl::OkStatus();
}

absl::Status ReadBounds(const Scanner& line, RunReport& report) {
  ExhaustBounds& bounds = report.exhaust.emplace();
  ASSIGN_OR_RETURN(const uint64_t length, line.Number(1));
  ASSIGN_OR_RETURN(const uint64_t most_pending, line.Number(2));
  ASSIGN_OR_RETURN(bounds.most_images, line.Number(3));
  bounds.length = static_cast<uint32_t>(length);
  bounds.most_pending = static_cast<uint32_t>(most_pending);
  return absl::OkStatus();
}

// One line of the run; false: it is none.
absl::StatusOr<bool> ReadRunLine(const Scanner& line, RunReport& report) {
  if (line.name() == "profile") {
    ASSIGN_OR_RETURN(const std::string name, line.Text(1));
    report.profiles.push_back({.profile = name, .totals = {}, .hashes = {}});
  } else if (line.name() == "exhaust") {
    RETURN_IF_ERROR(ReadBounds(line, report));
  } else if (line.name() == "problem") {
    ASSIGN_OR_RETURN(const std::string text, line.Text(1));
    report.problems.push_back(text);
  } else if (line.name() == "harness-error") {
    ASSIGN_OR_RETURN(const std::string text, line.Text(1));
    report.harness_errors.push_back(text);
  } else if (line.name() == "failure") {
    RETURN_IF_ERROR(ReadFailure(line, report));
  } else if (line.name() == "corpus") {
    RETURN_IF_ERROR(ReadCorpus(line, report));
  } else {
    return false;
  }
  return true;
}

absl::Status ReadHead(Scanner& line, RunReport& report) {
  const auto field = [&line](std::string_view name) -> absl::StatusOr<std::string> {
    RETURN_IF_ERROR(line.Next());
    if (line.name() == name) return line.Text(1);
    return line.Error(
        absl::StrCat("expected '", std::string(name), "', found '", line.name(), "'"));
  };
  ASSIGN_OR_RETURN(report.configuration.build, field("build"));
  ASSIGN_OR_RETURN(report.configuration.text, field("configuration"));
  RETURN_IF_ERROR(field("seed").status());
  ASSIGN_OR_RETURN(report.configuration.seed, line.Number(1));
  ASSIGN_OR_RETURN(const std::string shard, field("shard"));
  ASSIGN_OR_RETURN(report.shard, Shard::Parse(shard));
  ASSIGN_OR_RETURN(report.suite, field("suite"));
  ASSIGN_OR_RETURN(report.mutants, field("mutants"));
  RETURN_IF_ERROR(field("microseconds").status());
  ASSIGN_OR_RETURN(const uint64_t microseconds, line.Number(1));
  report.seconds = static_cast<double>(microseconds) / 1e6;
  RETURN_IF_ERROR(field("processor-microseconds").status());
  ASSIGN_OR_RETURN(const uint64_t processor_microseconds, line.Number(1));
  report.cost.processor_seconds = static_cast<double>(processor_microseconds) / 1e6;
  RETURN_IF_ERROR(field("peak-memory-bytes").status());
  ASSIGN_OR_RETURN(report.cost.peak_memory_bytes, line.Number(1));
  return absl::OkStatus();
}

absl::Status CheckSameRun(const RunReport& first, const std::string& first_name,
                          const RunReport& other, const std::string& name) {
  const auto differ = [&](const char* what, const std::string& mine, const std::string& theirs) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is no shard of the same run as ",
                                                   first_name, ": its ", what, " is '", theirs,
                                                   "', not '", mine, "'"));
  };
  if (first.configuration.build != other.configuration.build) {
    return differ("build", first.configuration.build, other.configuration.build);
  }
  if (first.configuration.seed != other.configuration.seed) {
    return differ("seed", absl::StrCat(first.configuration.seed),
                  absl::StrCat(other.configuration.seed));
  }
  if (first.configuration.text != other.configuration.text) {
    return differ("configuration", first.configuration.text, other.configuration.text);
  }
  if (first.shard.count != other.shard.count) {
    return differ("number of shards", absl::StrCat(first.shard.count),
                  absl::StrCat(other.shard.count));
  }
  return absl::OkStatus();
}

absl::Status CheckShards(const std::vector<RunReport>& parts,
                         const std::vector<std::string>& names) {
  std::map<uint64_t, std::string> seen;
  for (size_t i = 0; i < parts.size(); ++i) {
    RETURN_IF_ERROR(CheckSameRun(parts[0], names[0], parts[i], names[i]));
    const auto [place, added] = seen.emplace(parts[i].shard.index, names[i]);
    if (added) continue;
    return absl::InvalidArgumentError(absl::StrCat("shard ", parts[i].shard.ToString(),
                                                   " is there twice: ", place->second, " and ",
                                                   names[i]));
  }
  std::vector<std::string> missing;
  for (uint64_t index = 0; index < parts[0].shard.count; ++index) {
    if (seen.count(index) == 0) missing.push_back(absl::StrCat(index, "/", parts[0].shard.count));
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("missing: shard ", absl::StrJoin(missing, ", "),
                                                 "; what it would have tested is not tested"));
}

ProfileReport& ProfileOf(RunReport& report, const std::string& name) {
  for (ProfileReport& profile : report.profiles) {
    if (profile.profile == name) return profile;
  }
  report.profiles.push_back({.profile = name, .totals = {}, .hashes = {}, .complete = true});
  return report.profiles.back();
}

// A part whose hashes were not kept makes "distinct" a sum, which may count a state twice.
void MergeProfile(ProfileReport& part, ProfileReport& whole) {
  const bool counted =
      part.hashes.size() == part.totals.distinct && whole.hashes.size() == whole.totals.distinct;
  AddTotals(part.totals, whole.totals);
  whole.complete = whole.complete && part.complete;
  if (counted) AddHashes(std::move(part.hashes), whole);
}

template <typename T>
void MoveAll(std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

std::string WriteHashFile(const RunReport& report) {
  std::string out = absl::StrCat(
      std::string(kMagic), "\nbuild\t", OneLine(report.configuration.build), "\nconfiguration\t",
      OneLine(report.configuration.text), "\nseed\t", report.configuration.seed, "\nshard\t",
      report.shard.ToString(), "\nsuite\t", OneLine(report.suite), "\nmutants\t",
      OneLine(report.mutants), "\nmicroseconds\t", static_cast<uint64_t>(report.seconds * 1e6),
      "\nprocessor-microseconds\t", static_cast<uint64_t>(report.cost.processor_seconds * 1e6),
      "\npeak-memory-bytes\t", report.cost.peak_memory_bytes, "\n");
  if (report.exhaust) {
    absl::StrAppend(&out, "exhaust\t", report.exhaust->length, "\t", report.exhaust->most_pending,
                    "\t", report.exhaust->most_images, "\n");
  }
  for (const std::string& problem : report.problems) {
    absl::StrAppend(&out, "problem\t", OneLine(problem), "\n");
  }
  for (const std::string& error : report.harness_errors) {
    absl::StrAppend(&out, "harness-error\t", OneLine(error), "\n");
  }
  for (const CorpusResult& result : report.corpus) {
    absl::StrAppend(&out, "corpus\t", OneLine(result.file), "\t", static_cast<int>(result.outcome),
                    "\t", OneLine(result.message), "\n");
  }
  for (const FoundFailure& found : report.failures) {
    absl::StrAppend(&out, "failure\t", std::string(ProfileName(found.failure.failing.profile)),
                    "\t", found.failure.violation.rule, "\t", OneLine(found.failure.violation.what),
                    "\t", OneLine(found.file), "\n");
  }
  for (const ProfileReport& profile : report.profiles) AppendProfile(profile, out);
  return out + "end\n";
}

absl::StatusOr<RunReport> ReadHashFile(std::string_view content) {
  Scanner line(content);
  RETURN_IF_ERROR(line.Next());
  if (line.name() != kMagic) {
    if (line.name().rfind("lumen-crash hashes ", 0) != 0) {
      return line.Error(absl::StrCat("expected '", std::string(kMagic), "': no file of --hashes"));
    }
    return absl::UnimplementedError(absl::StrCat("is of another version: '", line.name(),
                                                 "', expected '", std::string(kMagic),
                                                 "'; run all shards with one build"));
  }
  RunReport report;
  RETURN_IF_ERROR(ReadHead(line, report));
  for (;;) {
    RETURN_IF_ERROR(line.Next());
    if (line.name() == "end") break;
    ASSIGN_OR_RETURN(bool known, ReadRunLine(line, report));
    if (!known && !report.profiles.empty()) {
      ASSIGN_OR_RETURN(known, ReadProfileLine(line, report.profiles.back()));
    }
    if (!known) return line.Error(absl::StrCat("unknown: '", line.name(), "'"));
  }
  if (!line.AtEnd()) return line.Error("expected nothing behind 'end'");
  report.sum = SumOf(report.profiles, report.seconds);
  return report;
}

absl::StatusOr<RunReport> MergeShards(std::vector<RunReport> parts,
                                      const std::vector<std::string>& names) {
  RETURN_IF_ERROR(CheckShards(parts, names));
  RunReport whole;
  whole.configuration = parts[0].configuration;
  whole.suite = parts[0].suite;
  whole.exhaust = parts[0].exhaust;
  whole.mutants = parts[0].mutants;
  for (size_t i = 0; i < parts.size(); ++i) {
    RunReport& part = parts[i];
    for (std::string& problem : part.problems) {
      problem = absl::StrCat("shard ", part.shard.ToString(), ": ", problem);
    }
    MoveAll(part.problems, whole.problems);
    MoveAll(part.harness_errors, whole.harness_errors);
    MoveAll(part.failures, whole.failures);
    MoveAll(part.corpus, whole.corpus);
    for (ProfileReport& profile : part.profiles) {
      MergeProfile(profile, ProfileOf(whole, profile.profile));
    }
    whole.seconds += part.seconds;
    whole.cost.processor_seconds += part.cost.processor_seconds;
    whole.cost.peak_memory_bytes =
        std::max(whole.cost.peak_memory_bytes, part.cost.peak_memory_bytes);
  }
  whole.sum = SumOf(whole.profiles, whole.seconds);
  return whole;
}

}  // namespace lumen::crash
