#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proptests/harness/explorer.h"
#include "proptests/harness/failure.h"
#include "proptests/lumen_crash/shard.h"
#include "proptests/lumen_crash/verdict.h"

// What a run comes to, as data; every report is made from it and from nothing else.
namespace lumen::crash {

// What decides which states a run can meet. Shards of one run agree in all of it.
struct Configuration {
  uint64_t seed = 1;
  std::string build;  // commit and compiler
  std::string text;   // profiles, steps, fault plan: one line
  uint64_t hash() const;
  std::string HashText() const;  // 16 digits
};

struct ProfileReport {
  std::string profile;
  // `distinct` is counted from the hashes where they are kept.
  Totals totals;
  std::vector<uint64_t> hashes;  // of the distinct states, ascending, each once
  bool complete = false;         // of `exhaust`: every workload was gone through

  // Every legal image at every crash point of every workload of `exhaust`.
  bool exhausted() const;
};

struct FoundFailure {
  Failure failure;
  std::string file;  // where it is kept; empty: it could not be written
  double shrink_seconds = 0;
};

struct CorpusResult {
  enum class Outcome {
    kPassed,
    kFailed,
    kMoved,  // its crash does not fit this build any more; its workload was crashed everywhere
    kCannotRun,
  };
  std::string file;
  Outcome outcome = Outcome::kPassed;
  std::string message;
};

// What a run took of the machine; of several shards, all their processor time and the most memory.
struct Cost {
  double processor_seconds = 0;  // all threads
  uint64_t peak_memory_bytes = 0;
};

struct RunReport {
  Configuration configuration;
  Shard shard;
  std::string suite;
  std::optional<ExhaustBounds> exhaust;  // of the command `exhaust`
  std::vector<ProfileReport> profiles;
  Totals sum;  // of all profiles: SumOf
  std::vector<CorpusResult> corpus;
  std::vector<FoundFailure> failures;
  // Each makes the run inconclusive: what was not tested or not written, and why.
  std::vector<std::string> problems;
  // Each makes it a harness error.
  std::vector<std::string> harness_errors;
  std::string mutants;  // the last selftest's score
  double seconds = 0;   // of wall-clock time, all in all
  Cost cost;
  std::string again;  // the command that repeats it, quoted for a shell

  Verdict verdict() const;
};

// Counts of all parts. `distinct` is their sum: where parts may have met the same state, count
// hashes.
void AddTotals(const Totals& part, Totals& sum);
// Of all profiles. Its `distinct` counts a state once, whatever profiles it was met under, where
// hashes are kept; its `seconds` are those of the run, not the sum over threads.
Totals SumOf(const std::vector<ProfileReport>& profiles, double seconds);
// Distinct states, each profile counting its own: how many recoveries were judged in full.
uint64_t TestedIn(const std::vector<ProfileReport>& profiles);
double DistinctPerSecond(const Totals& totals);
// What one core does in a second, however many there are: by processor time.
double TestedPerCoreSecond(const RunReport& report);

// Moves `hashes` into the report, and counts.
void AddHashes(std::vector<uint64_t> hashes, ProfileReport& report);

// "'a b'": for a shell; words that need no quotes stay as they are.
std::string QuoteForShell(std::string_view word);

}  // namespace lumen::crash
