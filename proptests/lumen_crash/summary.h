#pragma once

#include <string>
#include <vector>

#include "proptests/lumen_crash/run_report.h"

// What a run prints, and what it leaves for GitHub's pages.
namespace lumen::crash {

// "lumen-crash: seed 1, commit 8a0a3dd, profile strict-posix, configuration 0123456789abcdef".
std::string FirstLine(const RunReport& report);

// A table of profiles, the faults, failures, problems, the verdict. The last line is a command that
// can be pasted: it replays the first failure, or repeats the run.
std::string TextSummary(const RunReport& report);

// Markdown for GITHUB_STEP_SUMMARY.
std::string MarkdownSummary(const RunReport& report);

// Workflow commands ("::error title=...::..."), at most 9: GitHub shows ten of a step and drops the
// rest silently, and the runner itself adds one where a step fails.
inline constexpr size_t kMaxAnnotations = 9;
std::vector<std::string> Annotations(const RunReport& report);

// "shrunk 47 -> 1 client steps in 0.3 s".
std::string ShrunkText(const Failure& failure, double seconds);

// "also fails under: xfs, btrfs; not found under: kill (57 states tested)", of a failure; empty:
// nobody has looked.
std::string ElsewhereText(const Failure& failure);

// "12,345,678"
std::string WithCommas(uint64_t number);

}  // namespace lumen::crash
