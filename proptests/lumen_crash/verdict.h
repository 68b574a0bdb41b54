#pragma once

#include <string_view>

namespace lumen::crash {

// What a run comes to, worst last. Its numbers are exit codes; 2 is that of a wrong command line,
// as for every program of this project.
enum class Verdict {
  kPass = 0,          // everything that was asked for was tested, and no rule is broken
  kFail = 1,          // a rule is broken
  kInconclusive = 3,  // stopped early, or something could not be tested or written: never green
  kHarnessFault = 4,  // the tester itself is wrong: not deterministic, for instance
};
inline constexpr int kExitUsage = 2;

// "pass", "fail", "inconclusive", "harness error".
std::string_view VerdictName(Verdict verdict);

// A broken rule outweighs everything but a tester that is wrong.
Verdict Worse(Verdict a, Verdict b);

}  // namespace lumen::crash
