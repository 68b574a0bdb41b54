#include "proptests/harness/failure.h"

#include <charconv>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/status.h"

// The failure file. Its first two lines are the same in every version, so that any lumen-crash can
// say which one a file needs:
//
//   lumen-crash failure 2
//   build 8a0a3dd GNU 12.2.0
//   profile strict-posix
//   seed 42
//   rule 2
//   steps 37 -> 4
//   what
//     key k03 is missing
//   expected
//   got
//   elsewhere
//     kill not-found 57
//     xfs fails 3
//   workload
//     ...
//   faults
//     ...
//   crash 17
//     ...
//   recovery-faults
//   end
//
// Blocks are indented by two spaces; bytes that are not printable ASCII, and backslashes, are
// escaped in them. There are as many crashes as the case has. The last line says that none is lost.
// Version 1 has no block `elsewhere`: each line of it is another profile, whether the case fails
// there, too, and how many states were tested for that.
namespace lumen::crash {
namespace {

constexpr std::string_view kMagic = "lumen-crash failure ";
constexpr std::string_view kIndent = "  ";
constexpr std::string_view kFails = "fails";
constexpr std::string_view kNotFound = "not-found";
constexpr uint64_t kFirstWithElsewhere = 2;
// Rules of the oracle are above 0; 0 and below are the harness's own (proptests/harness/trial.h).
constexpr int kLeastRule = -9;
constexpr int kMostRule = 99;
constexpr char kHexDigits[] = "0123456789abcdef";

void AppendEscaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      out += "\\\\";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += {'\\', 'x', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    } else {
      out += c;
    }
  }
}

void AppendBlock(std::string_view title, std::string_view text, std::string& out) {
  absl::StrAppend(&out, std::string(title), "\n");
  if (text.empty()) return;
  for (size_t begin = 0;;) {
    const size_t end = text.find('\n', begin);
    out += kIndent;
    AppendEscaped(text.substr(begin, end - begin), out);
    out += '\n';
    if (end == std::string_view::npos) return;
    begin = end + 1;
  }
}

// Nothing: an escape that is none.
std::optional<std::string> Unescape(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out += text[at];
      continue;
    }
    const std::string_view rest = text.substr(at + 1);
    if (rest.starts_with('\\')) {
      out += '\\';
      at += 1;
      continue;
    }
    unsigned byte = 0;
    if (rest.size() < 3 || rest[0] != 'x') return std::nullopt;
    const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + 3, byte, 16);
    if (error != std::errc() || end != rest.data() + 3) return std::nullopt;
    out += static_cast<char>(byte);
    at += 3;
  }
  return out;
}

// Reads the file line by line and knows where it is.
class Reader {
 public:
  explicit Reader(std::string_view text) {
    for (const absl::string_view line :
         absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
      lines_.emplace_back(line.data(), line.size());
      if (lines_.back().ends_with('\r')) lines_.back().remove_suffix(1);
    }
    if (lines_.back().empty()) lines_.pop_back();
  }

  absl::Status Error(size_t line, std::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", std::string(what)));
  }
  absl::Status Expected(std::string_view what) const {
    if (at_ >= lines_.size()) {
      return Error(lines_.size(), absl::StrCat("the file ends here, expected ", std::string(what),
                                               ": it was cut short"));
    }
    return Error(at_ + 1, absl::StrCat("expected ", std::string(what), ", found '",
                                       std::string(lines_[at_].substr(0, 60)), "'"));
  }

  size_t line() const { return at_ + 1; }
  bool AtEnd() const { return at_ >= lines_.size(); }
  bool StartsWith(std::string_view word) const {
    return at_ < lines_.size() && lines_[at_].starts_with(word);
  }

  // "name rest": the rest.
  absl::StatusOr<std::string_view> Field(std::string_view name) {
    const std::string prefix = absl::StrCat(std::string(name), " ");
    if (!StartsWith(prefix)) return Expected(absl::StrCat("'", prefix, "...'"));
    return lines_[at_++].substr(prefix.size());
  }
  absl::StatusOr<uint64_t> Number(std::string_view name) {
    ASSIGN_OR_RETURN(const std::string_view text, Field(name));
    uint64_t number = 0;
    if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &number)) {
      --at_;
      return Expected(absl::StrCat("'", std::string(name), "' and a number"));
    }
    return number;
  }
  absl::Status Literal(std::string_view text) {
    if (at_ >= lines_.size() || lines_[at_] != text) {
      return Expected(absl::StrCat("'", std::string(text), "'"));
    }
    ++at_;
    return absl::OkStatus();
  }
  // What is indented from here on, as the text that it stands for.
  absl::StatusOr<std::string> Block() {
    std::string text;
    for (bool first = true; at_ < lines_.size(); first = false, ++at_) {
      std::string_view line = lines_[at_];
      // An editor may have taken the indentation of an empty line.
      if (!line.empty() && !line.starts_with(kIndent)) break;
      line.remove_prefix(std::min(line.size(), kIndent.size()));
      const std::optional<std::string> bytes = Unescape(line);
      if (!bytes.has_value())
        return Expected("'\\\\' or '\\x' and two digits behind each backslash");
      absl::StrAppend(&text, first ? "" : "\n", *bytes);
    }
    return text;
  }
  absl::StatusOr<std::string> TitledBlock(std::string_view title) {
    RETURN_IF_ERROR(Literal(title));
    return Block();
  }

 private:
  std::vector<std::string_view> lines_;
  size_t at_ = 0;
};

// A part of the file that has a parser of its own.
absl::Status InBlock(const Reader& reader, size_t line, std::string_view block,
                     const absl::Status& status) {
  return reader.Error(line, absl::StrCat("in the block '", std::string(block),
                                         "' that begins here: ", std::string(status.message())));
}

// The version.
absl::StatusOr<uint64_t> ReadVersion(Reader& reader, std::string& build) {
  if (!reader.StartsWith(kMagic)) {
    return reader.Expected(absl::StrCat("'", std::string(kMagic), Failure::kFormatVersion, "'"));
  }
  ASSIGN_OR_RETURN(const uint64_t version, reader.Number("lumen-crash failure"));
  ASSIGN_OR_RETURN(const std::string_view made_by, reader.Field("build"));
  build = made_by;
  if (version >= Failure::kOldestFormatVersion && version <= Failure::kFormatVersion) {
    return version;
  }
  return absl::UnimplementedError(absl::StrCat(
      "this file has format ", version, ", and this lumen-crash reads formats ",
      Failure::kOldestFormatVersion, " to ", Failure::kFormatVersion, ". It was written by build ",
      build, ": check that commit out, build lumen-crash there, and replay it with that"));
}

absl::Status ReadSteps(Reader& reader, Failure& failure) {
  ASSIGN_OR_RETURN(const std::string_view text, reader.Field("steps"));
  const std::vector<std::string> parts =
      absl::StrSplit(absl::string_view(text.data(), text.size()), " -> ");
  if (parts.size() == 2 && absl::SimpleAtoi(parts[0], &failure.steps_before) &&
      absl::SimpleAtoi(parts[1], &failure.steps_after)) {
    return absl::OkStatus();
  }
  return reader.Error(reader.line() - 1,
                      "expected 'steps' with the number before and after "
                      "shrinking, as in 'steps 37 -> 4'");
}

absl::Status ReadHead(Reader& reader, Failure& failure) {
  const size_t line = reader.line();
  ASSIGN_OR_RETURN(const std::string_view name, reader.Field("profile"));
  const std::optional<faultfs::Profile> profile = faultfs::ParseProfile(name);
  if (!profile.has_value()) {
    return reader.Error(line, absl::StrCat("expected a profile, found '", std::string(name),
                                           "'; `lumen-crash list` names them"));
  }
  failure.failing.profile = *profile;
  ASSIGN_OR_RETURN(failure.failing.seed, reader.Number("seed"));
  ASSIGN_OR_RETURN(const std::string_view rule, reader.Field("rule"));
  if (!absl::SimpleAtoi(absl::string_view(rule.data(), rule.size()), &failure.violation.rule) ||
      failure.violation.rule < kLeastRule || failure.violation.rule > kMostRule) {
    return reader.Error(reader.line() - 1, "expected the number of a rule");
  }
  return ReadSteps(reader, failure);
}

absl::StatusOr<UnderProfile> ParseUnderProfile(const std::string& line) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  UnderProfile under;
  const auto profile = faultfs::ParseProfile(words[0]);
  if (words.size() != 3 || !profile.has_value() || (words[1] != kFails && words[1] != kNotFound) ||
      !absl::SimpleAtoi(words[2], &under.states)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected a profile, '", std::string(kFails), "' or '", std::string(kNotFound),
        "', and the number of states tested, as in 'kill not-found 57'; found '", line, "'"));
  }
  under.profile = *profile;
  under.fails = words[1] == kFails;
  return under;
}

absl::Status ReadElsewhere(Reader& reader, std::vector<UnderProfile>& elsewhere) {
  const size_t line = reader.line();
  ASSIGN_OR_RETURN(const std::string text, reader.TitledBlock("elsewhere"));
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  for (const std::string& each : lines) {
    const absl::StatusOr<UnderProfile> under = ParseUnderProfile(each);
    if (!under.ok()) return InBlock(reader, line, "elsewhere", under.status());
    elsewhere.push_back(*under);
  }
  return absl::OkStatus();
}

std::string ElsewhereBlock(const std::vector<UnderProfile>& elsewhere) {
  std::vector<std::string> lines;
  lines.reserve(elsewhere.size());
  for (const UnderProfile& under : elsewhere) {
    lines.push_back(absl::StrCat(std::string(ProfileName(under.profile)), " ",
                                 std::string(under.fails ? kFails : kNotFound), " ", under.states));
  }
  return absl::StrJoin(lines, "\n");
}

absl::Status ReadCrash(Reader& reader, Case& failing) {
  const size_t line = reader.line();
  Case::Crash crash;
  ASSIGN_OR_RETURN(crash.point, reader.Number("crash"));
  ASSIGN_OR_RETURN(const std::string text, reader.Block());
  absl::StatusOr<faultfs::Survivors> survivors = faultfs::Survivors::Parse(text);
  if (!survivors.ok()) return InBlock(reader, line, "crash", survivors.status());
  crash.survivors = *std::move(survivors);
  failing.crashes.push_back(std::move(crash));
  return absl::OkStatus();
}

absl::Status ReadCase(Reader& reader, Case& failing) {
  const size_t line = reader.line();
  ASSIGN_OR_RETURN(const std::string text, reader.TitledBlock("workload"));
  absl::StatusOr<Workload> workload = Workload::Parse(text);
  if (!workload.ok()) return InBlock(reader, line, "workload", workload.status());
  failing.workload = *std::move(workload);
  ASSIGN_OR_RETURN(failing.faults, reader.TitledBlock("faults"));
  while (reader.StartsWith("crash ")) RETURN_IF_ERROR(ReadCrash(reader, failing));
  ASSIGN_OR_RETURN(failing.recovery_faults, reader.TitledBlock("recovery-faults"));
  RETURN_IF_ERROR(reader.Literal("end"));
  return reader.AtEnd() ? absl::OkStatus() : reader.Expected("nothing behind 'end'");
}

// One line, whatever was put into it.
std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return line;
}

}  // namespace

std::string Failure::ToString() const {
  std::string out =
      absl::StrCat(std::string(kMagic), kFormatVersion, "\nbuild ", OneLine(build), "\nprofile ",
                   std::string(ProfileName(failing.profile)), "\nseed ", failing.seed, "\nrule ",
                   violation.rule, "\nsteps ", steps_before, " -> ", steps_after, "\n");
  AppendBlock("what", violation.what, out);
  AppendBlock("expected", expected, out);
  AppendBlock("got", got, out);
  AppendBlock("elsewhere", ElsewhereBlock(elsewhere), out);
  AppendBlock("workload", failing.workload.ToString(), out);
  AppendBlock("faults", failing.faults, out);
  for (const Case::Crash& crash : failing.crashes) {
    AppendBlock(absl::StrCat("crash ", crash.point), crash.survivors.ToString(), out);
  }
  AppendBlock("recovery-faults", failing.recovery_faults, out);
  return out + "end\n";
}

absl::StatusOr<Failure> Failure::Parse(std::string_view text) {
  Reader reader(text);
  Failure failure;
  ASSIGN_OR_RETURN(const uint64_t version, ReadVersion(reader, failure.build));
  RETURN_IF_ERROR(ReadHead(reader, failure));
  ASSIGN_OR_RETURN(failure.violation.what, reader.TitledBlock("what"));
  ASSIGN_OR_RETURN(failure.expected, reader.TitledBlock("expected"));
  ASSIGN_OR_RETURN(failure.got, reader.TitledBlock("got"));
  if (version >= kFirstWithElsewhere) RETURN_IF_ERROR(ReadElsewhere(reader, failure.elsewhere));
  RETURN_IF_ERROR(ReadCase(reader, failure.failing));
  return failure;
}

}  // namespace lumen::crash
