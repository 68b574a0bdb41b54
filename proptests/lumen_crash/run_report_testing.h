#pragma once

#include <string>

#include "proptests/lumen_crash/run_report.h"

namespace lumen::crash {

// A report with something in every field, and with text that every format has to escape.
inline RunReport ExampleReport() {
  RunReport report;
  report.configuration = {.seed = 7, .build = "8a0a3dd GNU 12.2.0", .text = "profiles kill,xfs"};
  report.suite = "smoke";
  report.exhaust = {.length = 2, .most_pending = 9, .most_images = 500};
  ProfileReport kill{.profile = "kill", .totals = {}, .hashes = {1, 5, 9}};
  kill.complete = true;
  kill.totals.cases = 2;
  kill.totals.crash_points = 40;
  kill.totals.exhaustive_points = 40;
  kill.totals.generated = 12;
  kill.totals.distinct = 3;
  kill.totals.recovered = 3;
  kill.totals.seconds = 0.5;
  ProfileReport xfs{.profile = "xfs", .totals = {}, .hashes = {5, 7}};
  xfs.totals.cases = 3;
  xfs.totals.crash_points = 50;
  xfs.totals.exhaustive_points = 41;
  xfs.totals.many_pending_points = 2;
  xfs.totals.many_images_points = 7;
  xfs.totals.generated = 8;
  xfs.totals.distinct = 2;
  xfs.totals.recovered = 1;
  xfs.totals.refused = 1;
  xfs.totals.in_recovery = 1;
  xfs.totals.in_second_recovery = 1;
  xfs.totals.exercised = 1;
  xfs.totals.repeated = 1;
  xfs.totals.violations = 1;
  xfs.totals.seconds = 1.25;
  xfs.totals.faults["eio-before"] = {.armed = 4, .fired = 3, .changed = 2, .observed = 1};
  xfs.totals.coverage["flush"] = 6;
  report.profiles = {kill, xfs};
  report.corpus = {{"corpus/old.case", CorpusResult::Outcome::kMoved, "its crash has moved"}};
  FoundFailure found;
  found.failure.failing.profile = faultfs::Profile::kXfs;
  found.failure.violation = {.rule = 2, .what = "key <k&03> is \"missing\"\x01\xff ]]></script>"};
  found.failure.expected = "k03 = v7";
  found.failure.got = "nothing\nat all";
  found.failure.elsewhere = {{.profile = faultfs::Profile::kKill, .fails = false, .states = 1057},
                             {.profile = faultfs::Profile::kBtrfs, .fails = true, .states = 3}};
  found.shrink_seconds = 0.25;
  found.file = "out dir/xfs-rule-2.case";
  report.failures = {found};
  report.problems = {"stopped by signal 15"};
  report.mutants = "16 of 16 mutants caught";
  report.again = "lumen-crash run --profile kill,xfs --seed 7";
  report.seconds = 2;
  report.cost = {.processor_seconds = 2.5, .peak_memory_bytes = uint64_t{3} << 20};
  report.sum = SumOf(report.profiles, report.seconds);
  return report;
}

}  // namespace lumen::crash
