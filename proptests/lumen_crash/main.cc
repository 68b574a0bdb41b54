// lumen-crash: crashes the engine on a simulated disk, everywhere, and judges what recovery makes
// of it. See docs/crash_testing.md.
#include <malloc.h>
#include <unistd.h>

#include <variant>

#include "faultfs/fault_plan.h"
#include "proptests/harness/explorer.h"
#include "proptests/harness/failure.h"
#include "proptests/lumen_crash/arguments.h"
#include "proptests/lumen_crash/build_identity.h"
#include "proptests/lumen_crash/case_commands.h"
#include "proptests/lumen_crash/console.h"
#include "proptests/lumen_crash/harness_functions.h"
#include "proptests/lumen_crash/list_command.h"
#include "proptests/lumen_crash/merge_command.h"
#include "proptests/lumen_crash/mutant_score.h"
#include "proptests/lumen_crash/output_file.h"
#include "proptests/lumen_crash/run_command.h"
#include "proptests/lumen_crash/selftest.h"
#include "proptests/lumen_crash/stop_signal.h"
#include "proptests/lumen_crash/verdict.h"

namespace lumen::crash {
namespace {

constexpr size_t kMaxPlanBytes = 1 << 20;

// One overload for each command.
class Program {
 public:
  explicit Program(const CommandContext& context) : context_(context) {}

  int operator()(const RunArguments& arguments) const {
    const RunOutcome outcome = RunCommand(arguments, context_);
    // A thread that hangs holds the engine of its case: nothing may be destroyed under it.
    if (outcome.abandoned) _exit(outcome.exit_code);
    return outcome.exit_code;
  }
  int operator()(const ReplayArguments& arguments) const {
    return ReplayCommand(arguments, context_);
  }
  int operator()(const ShrinkArguments& arguments) const {
    return ShrinkCommand(arguments, context_);
  }
  int operator()(const ExplainArguments& arguments) const {
    return ExplainCommand(arguments, context_);
  }
  int operator()(const MergeArguments& arguments) const {
    return MergeCommand(arguments, context_);
  }
  int operator()(const ListArguments& arguments) const {
    context_.console.out(ListText(arguments.what));
    return 0;
  }
  int operator()(const ExplainPlanArguments& arguments) const {
    const auto text = ReadFile(arguments.path, kMaxPlanBytes);
    if (!text.ok()) return Refuse(std::string(text.status().message()));
    const auto plan = faultfs::FaultPlan::Parse(*text);
    if (!plan.ok()) return Refuse(arguments.path + ": " + std::string(plan.status().message()));
    context_.console.out(plan->Explain());
    return 0;
  }
  int operator()(const SelftestSettings& arguments) const {
    SelftestSettings settings = arguments;
    if (settings.record.empty()) settings.record = DefaultRecordPath();
    return RunSelftest(settings);
  }

 private:
  int Refuse(const std::string& why) const {
    context_.console.error("lumen-crash: " + why + "\n");
    return kExitUsage;
  }

  const CommandContext& context_;
};

int Main(int argc, char** argv) {
  const Console console = ProcessConsole();
  const ParsedArguments parsed =
      ParseArguments(std::vector<std::string>(argv + 1, argv + argc), console.environment);
  if (!parsed.arguments.has_value()) {
    (parsed.exit_code == 0 ? console.out : console.error)(parsed.message);
    return parsed.exit_code;
  }
  const HarnessFunctions harness{.explore = Explore,
                                 .explore_case = ExploreCase,
                                 .exhaust = Exhaust,
                                 .replay = Replay,
                                 .shrink = Shrink,
                                 .look_elsewhere = LookElsewhere,
                                 .timeline = MakeTimeline};
  // Each state takes memory and gives it back: returning it to the system in between was 4 % of the
  // time.
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
  const std::string build = BuildIdentity();
  const CommandContext context{.harness = harness,
                               .console = console,
                               .signal = &CatchStopSignals(),
                               .build = build,
                               .mutants = MutantsLine(DefaultRecordPath(), build)};
  return std::visit(Program(context), *parsed.arguments);
}

}  // namespace
}  // namespace lumen::crash

int main(int argc, char** argv) { return lumen::crash::Main(argc, argv); }
