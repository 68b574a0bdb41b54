#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "faultfs/profile.h"
#include "proptests/harness/explorer.h"
#include "proptests/lumen_crash/selftest.h"
#include "proptests/lumen_crash/shard.h"
#include "proptests/lumen_crash/suite.h"

namespace lumen::crash {

// Files that a run leaves; empty: none. "-" is standard output.
struct OutputPaths {
  std::string json = {};
  std::string ndjson = {};
  std::string junit = {};
  std::string html = {};
  std::string hashes = {};
};

struct RunArguments {
  std::vector<faultfs::Profile> profiles;
  std::string suite;  // its name; empty: budgets of the command line alone
  std::vector<Suite::Pass> passes;
  uint64_t seed = 1;
  uint64_t states = 0;
  int64_t time_ns = 0;
  uint64_t max_failures = 10;
  bool faults = true;
  std::string fault_plan_path;
  Shard shard;
  uint64_t jobs = 1;
  int64_t hang_ns = 0;
  uint64_t shrink_replays = 0;  // 0: failures stay as they were found
  std::string corpus;
  std::string failures_directory;
  OutputPaths outputs;
  std::optional<ExhaustBounds> exhaust;  // the command is `exhaust`
  // What repeats it: the command without outputs.
  std::string again;
};

struct ExplainPlanArguments {
  std::string path;
};
struct ReplayArguments {
  std::string path;
  uint64_t times = 1;  // every one of them has to give the same trace
};
struct ShrinkArguments {
  std::string path;
  std::string to;  // empty: the file itself
  uint64_t replays = 0;
};
struct ExplainArguments {
  std::string path;
  std::string html;
};
struct ListArguments {
  std::string what;  // "profiles", "faults", "suites"; empty: all
};
struct MergeArguments {
  std::vector<std::string> paths;
  OutputPaths outputs;
};

using Arguments = std::variant<RunArguments, ExplainPlanArguments, ReplayArguments, ShrinkArguments,
                               ExplainArguments, ListArguments, MergeArguments, SelftestSettings>;

struct ParsedArguments {
  std::optional<Arguments> arguments;  // nothing: nothing to run
  int exit_code = 0;                   // then: 0 where help was asked for, else kExitUsage
  std::string message;                 // then: for standard output, or standard error
};

// Never reads a file; the environment only for shards.
ParsedArguments ParseArguments(const std::vector<std::string>& words,
                               const Environment& environment);

}  // namespace lumen::crash
