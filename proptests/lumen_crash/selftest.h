#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lumen::crash {

// `lumen-crash selftest`: known bugs, put back into copies of the engine's source one at a time;
// each must be found by `lumen-crash run` on that copy.
struct SelftestSettings {
  std::vector<std::string> only = {};  // ids of mutants; empty: all, and the control without a bug
  uint64_t states = 0;                 // of each run on a mutant; 0: what the mutant's data says
  uint64_t jobs = 1;                   // copies that are built and run at a time
  std::string source = {};             // the tree to copy; empty: the one that holds the program
  // Where the score goes, as MutantScore::ToString has it; empty: nowhere.
  std::string record = {};
  // Where the failure files go, with the programs that replay them; empty: they are dropped.
  std::string keep = {};
};

// How many mutants a selftest caught. Every report prints the last one of the same build, because a
// green report of a tester that finds nothing says nothing.
struct MutantScore {
  uint64_t caught = 0;
  uint64_t total = 0;
  std::string build = {};  // the commit

  // "16 of 16 mutants caught, build 8a0a3dd"
  std::string ToString() const;
};

// Prints the first line of a run; of each mutant, by which rule and under which profile it was
// caught, after how many distinct states, and the shrunk counterexample; caught / total; last, the
// command that repeats it. A mutant is caught by a violated rule only: never by a crash of the
// tester, a time-out or a compile error.
//
// Returns an exit code of proptests/lumen_crash/verdict.h: kPass only if every mutant was caught
// and the control is green; kFail where one survived; kInconclusive where it was interrupted;
// kHarnessFault where a mutant could not be applied or built, or there is no source tree. Judges by
// counts of states, never by time.
int RunSelftest(const SelftestSettings& settings);

}  // namespace lumen::crash
