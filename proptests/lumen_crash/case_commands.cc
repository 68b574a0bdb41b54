#include "proptests/lumen_crash/case_commands.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proptests/lumen_crash/failure_keeper.h"
#include "proptests/lumen_crash/html_report.h"
#include "proptests/lumen_crash/json_writer.h"
#include "proptests/lumen_crash/output_file.h"
#include "proptests/lumen_crash/run_report.h"
#include "proptests/lumen_crash/summary.h"
#include "proptests/lumen_crash/text_hash.h"
#include "proptests/lumen_crash/timeline_text.h"
#include "proptests/lumen_crash/verdict.h"

namespace lumen::crash {
namespace {

int Complain(const CommandContext& context, const absl::Status& status, Verdict verdict) {
  context.console.error(absl::StrCat("lumen-crash: ", std::string(status.message()), "\n"));
  return static_cast<int>(verdict);
}

std::string HeadOf(const Failure& failure, const CommandContext& context) {
  return absl::StrCat(
      "lumen-crash: seed ", failure.failing.seed, ", commit ", context.build, ", profile ",
      std::string(ProfileName(failure.failing.profile)), ", configuration ",
      absl::StrFormat("%016x",
                      TextHash(failure.failing.workload.ToString() + failure.failing.faults)),
      "\n");
}

// Where a build comes from, for those who want it again. `build`: commit and compiler; the commit
// is "unknown" without Git, and has "-dirty" or "-copy" behind it where the tree was not as it is.
std::string HowToBuild(const std::string& path, std::string_view build) {
  const std::string_view tree = build.substr(0, build.find(' '));
  const std::string commit(tree.substr(0, tree.find('-')));
  if (commit.empty() || commit == "unknown") {
    return "Which commit that was, the file does not say\n";
  }
  return absl::StrCat(
      tree == commit
          ? ""
          : "Its source was not that commit alone: \"-dirty\" stands for changes beside it, "
            "\"-copy\" for a copy, which `selftest` puts a bug into\n",
      "To build it: git checkout ", commit,
      " && cmake --preset release && cmake --build --preset release --target lumen-crash && "
      "build/release/bin/lumen-crash replay ",
      QuoteForShell(path), "\n");
}

// Reads the file and prints the first line; says so where another build wrote it.
absl::StatusOr<Failure> Begin(const std::string& path, const CommandContext& context) {
  absl::StatusOr<Failure> failure = ReadFailureFile(path);
  if (!failure.ok()) return failure;
  context.console.out(HeadOf(*failure, context));
  if (failure->build != context.build) {
    context.console.error(
        absl::StrCat("lumen-crash: ", path, " was recorded by build ", failure->build, ", this is ",
                     context.build,
                     ". The same bytes are certain with that commit only; going on with this one\n",
                     HowToBuild(path, failure->build)));
  }
  return failure;
}

std::string ViolationText(const Replayed& replayed) {
  std::string text = absl::StrCat("rule ", replayed.violation->rule,
                                  " is broken: ", ValidText(replayed.violation->what), "\n");
  if (!replayed.expected.empty())
    absl::StrAppend(&text, "expected ", ValidText(replayed.expected), "\n");
  if (!replayed.got.empty()) absl::StrAppend(&text, "got      ", ValidText(replayed.got), "\n");
  return text;
}

std::string CannotRun(const std::string& path, const absl::Status& status) {
  return absl::StrCat("lumen-crash: ", path, " cannot be run here: ", std::string(status.message()),
                      "\nIt fits the build that recorded it; with this one, put it into a corpus "
                      "(--corpus DIR), which crashes its workload everywhere\n");
}

}  // namespace

int ReplayCommand(const ReplayArguments& arguments, const CommandContext& context) {
  absl::StatusOr<Failure> failure = Begin(arguments.path, context);
  if (!failure.ok()) return Complain(context, failure.status(), Verdict::kInconclusive);
  std::optional<Replayed> first;
  for (uint64_t i = 0; i < arguments.times; ++i) {
    absl::StatusOr<Replayed> replayed = context.harness.replay(failure->failing);
    if (!replayed.ok()) {
      context.console.error(CannotRun(arguments.path, replayed.status()));
      return static_cast<int>(Verdict::kInconclusive);
    }
    if (first.has_value() && first->trace_hash != replayed->trace_hash) {
      context.console.error(absl::StrCat("lumen-crash: replay ", WithCommas(i + 1), " of ",
                                         WithCommas(arguments.times),
                                         " took another way than the first: not deterministic\n"));
      return static_cast<int>(Verdict::kHarnessFault);
    }
    if (!first.has_value()) first = *std::move(replayed);
  }
  const Verdict verdict = first->violation.has_value() ? Verdict::kFail : Verdict::kPass;
  if (verdict == Verdict::kFail) {
    // By this build: which profiles the file names may be another's.
    failure->elsewhere = context.harness.look_elsewhere(*failure);
    context.console.out(absl::StrCat(ViolationText(*first), ElsewhereText(*failure), "\n"));
  } else {
    context.console.out("no rule is broken\n");
  }
  context.console.out(absl::StrCat(
      "replayed: ", WithCommas(arguments.times), " of ", WithCommas(arguments.times),
      " identical, trace ", absl::StrFormat("%016x", first->trace_hash),
      ", verdict: ", std::string(VerdictName(verdict)), "\nlumen-crash ",
      verdict == Verdict::kFail ? "explain " : "replay ", QuoteForShell(arguments.path), "\n"));
  return static_cast<int>(verdict);
}

int ShrinkCommand(const ShrinkArguments& arguments, const CommandContext& context) {
  absl::StatusOr<Failure> failure = Begin(arguments.path, context);
  if (!failure.ok()) return Complain(context, failure.status(), Verdict::kInconclusive);
  const absl::StatusOr<Replayed> now = context.harness.replay(failure->failing);
  if (!now.ok() || !now->violation.has_value()) {
    context.console.error(now.ok() ? absl::StrCat("lumen-crash: ", arguments.path,
                                                  " breaks no rule with this build\n")
                                   : CannotRun(arguments.path, now.status()));
    return static_cast<int>(Verdict::kInconclusive);
  }
  const int64_t began_ns = context.console.now_ns();
  Failure shrunk = context.harness.shrink(*std::move(failure), arguments.replays);
  const double seconds = static_cast<double>(context.console.now_ns() - began_ns) / 1e9;
  shrunk.elsewhere = context.harness.look_elsewhere(shrunk);
  shrunk.build = context.build;
  const std::string& to = arguments.to.empty() ? arguments.path : arguments.to;
  if (const absl::Status status = WriteFile(to, shrunk.ToString()); !status.ok()) {
    return Complain(context, status, Verdict::kInconclusive);
  }
  context.console.out(absl::StrCat(ShrunkText(shrunk, seconds), ": ", to, "\n",
                                   ElsewhereText(shrunk), "\nlumen-crash explain ",
                                   QuoteForShell(to), "\n"));
  return static_cast<int>(Verdict::kPass);
}

int ExplainCommand(const ExplainArguments& arguments, const CommandContext& context) {
  absl::StatusOr<Failure> failure = Begin(arguments.path, context);
  if (!failure.ok()) return Complain(context, failure.status(), Verdict::kInconclusive);
  const absl::StatusOr<Timeline> timeline = context.harness.timeline(failure->failing);
  if (!timeline.ok()) {
    context.console.error(CannotRun(arguments.path, timeline.status()));
    return static_cast<int>(Verdict::kInconclusive);
  }
  context.console.out(TimelineText(*failure, *timeline));
  // Files of version 1 do not tell.
  if (failure->elsewhere.empty() && timeline->outcome.violation.has_value()) {
    failure->elsewhere = context.harness.look_elsewhere(*failure);
  }
  if (!failure->elsewhere.empty()) context.console.out(ElsewhereText(*failure) + "\n");
  if (!arguments.html.empty()) {
    const std::string page = TimelinePage({.failure = *failure, .file = arguments.path}, *timeline);
    if (const absl::Status status = WriteFile(arguments.html, page); !status.ok()) {
      return Complain(context, status, Verdict::kInconclusive);
    }
  }
  context.console.out(absl::StrCat("lumen-crash replay ", QuoteForShell(arguments.path), "\n"));
  return static_cast<int>(Verdict::kPass);
}

}  // namespace lumen::crash
