#include "proptests/harness/fault_choice.h"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "engine/env/seeded_random.h"
#include "faultfs/fault_plan.h"

namespace lumen::crash {
namespace {

using faultfs::CallKind;
using faultfs::FaultPlan;
using faultfs::FaultRule;
using faultfs::FileRole;

// Where faults matter; LOCK is not written to.
constexpr std::array kRoles = {FileRole::kWal, FileRole::kManifest, FileRole::kCurrent,
                               FileRole::kSst, FileRole::kTemp};

FaultRule ChooseRule(SeededRandom& random) {
  const std::span<const std::string_view> names = faultfs::FaultNames();
  FaultRule rule;
  do {
    // A sync that lies for once would excuse what every other fault does not; it is what a lying
    // disk is for.
    rule = *faultfs::RuleNamed(names[random.Below(names.size())]);
  } while (rule.fault.kind == faultfs::FaultKind::kSyncLied);
  if (random.Below(3) > 0) rule.when.role = kRoles[random.Below(kRoles.size())];
  rule.when.nth = 1 + random.Below(uint64_t{1} << random.Below(6));
  if (random.Below(6) == 0) rule.when.times = 1 + random.Below(8);
  return rule;
}

std::string LyingFrom(uint64_t nth_sync) {
  FaultPlan plan;
  FaultRule rule = *faultfs::RuleNamed("sync-lied");
  rule.when.nth = nth_sync;
  rule.when.times = 0;
  plan.Add(rule);
  return plan.ToString();
}

}  // namespace

std::string ChooseFaults(faultfs::Profile profile, uint64_t seed) {
  SeededRandom random(seed);
  if (profile == faultfs::Profile::kLyingDisk) return LyingFrom(1 + random.Below(40));
  if (random.Below(2) == 0) return "";
  FaultPlan plan;
  const uint64_t rules = 1 + random.Below(2);
  for (uint64_t i = 0; i < rules; ++i) plan.Add(ChooseRule(random));
  return plan.ToString();
}

std::string ChooseRecoveryFault(uint64_t seed) {
  SeededRandom random(seed);
  FaultPlan plan;
  FaultRule rule = ChooseRule(random);
  rule.when.nth = 1 + random.Below(16);
  plan.Add(rule);
  return plan.ToString();
}

}  // namespace lumen::crash
