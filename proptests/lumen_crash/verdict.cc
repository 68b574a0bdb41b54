#include "proptests/lumen_crash/verdict.h"

namespace lumen::crash {
namespace {

int Weight(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return 0;
    case Verdict::kInconclusive:
      return 1;
    case Verdict::kFail:
      return 2;
    case Verdict::kHarnessFault:
      return 3;
  }
  return 3;
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kFail:
      return "fail";
    case Verdict::kInconclusive:
      return "inconclusive";
    case Verdict::kHarnessFault:
      return "harness error";
  }
  return "harness error";
}

Verdict Worse(Verdict a, Verdict b) { return Weight(a) < Weight(b) ? b : a; }

}  // namespace lumen::crash
