#include "proptests/harness/alike_faults.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "faultfs/fault_plan.h"
#include "faultfs/file_role.h"
#include "faultfs/operation.h"
#include "proptests/harness/recording.h"

namespace lumen::crash {
namespace {

using faultfs::FaultKind;
using faultfs::FaultRule;

constexpr uint64_t kBitsPerByte = 8;
// Of one file: workloads that are worth shrinking further have fewer.
constexpr size_t kMostSectors = 32;
constexpr uint64_t kMostCalls = 8;

std::string PlanOf(FaultRule rule) {
  faultfs::FaultPlan plan;
  plan.Add(std::move(rule));
  return plan.ToString();
}

bool IsAimedDamage(const FaultRule& rule) {
  return (rule.fault.kind == FaultKind::kBitFlip || rule.fault.kind == FaultKind::kSectorGarbage) &&
         !rule.random_amount && !rule.when.path_glob.empty();
}

// The last byte in each sector that is not zero: a frame's, where a sector holds one.
std::vector<uint64_t> LastBytesInUse(const faultfs::FileBytes& file) {
  const std::string bytes = file.ToString();
  std::vector<uint64_t> last;
  for (uint64_t begin = 0; begin < bytes.size(); begin += faultfs::kSectorBytes) {
    const std::string_view sector =
        std::string_view(bytes).substr(static_cast<size_t>(begin), faultfs::kSectorBytes);
    const size_t at = sector.find_last_not_of('\0');
    if (at != std::string_view::npos) last.push_back(begin + at);
  }
  // What was written last promises least.
  std::reverse(last.begin(), last.end());
  if (last.size() > kMostSectors) last.resize(kMostSectors);
  return last;
}

std::vector<std::string> DamageLike(FaultRule rule, const faultfs::DiskImage& image) {
  std::vector<std::string> plans;
  const auto* const entries = image.Directory(image.Find(kDatabaseDirectory));
  if (entries == nullptr) return plans;
  const faultfs::FileRole role = faultfs::RoleOf(rule.when.path_glob);
  for (const auto& [name, inode] : *entries) {
    const faultfs::FileBytes* const file = image.File(inode);
    if (file == nullptr || faultfs::RoleOf(name) != role) continue;
    rule.when.path_glob = absl::StrCat(kDatabaseDirectory, "/", name);
    for (const uint64_t byte : LastBytesInUse(*file)) {
      rule.fault.amount = rule.fault.kind == FaultKind::kBitFlip ? byte * kBitsPerByte
                                                                 : byte / faultfs::kSectorBytes;
      plans.push_back(PlanOf(rule));
    }
  }
  return plans;
}

std::vector<std::string> EarlierCalls(FaultRule rule) {
  std::vector<std::string> plans;
  const uint64_t known = std::max<uint64_t>(rule.when.nth, 1);
  for (uint64_t nth = 1; nth < std::min(known, kMostCalls); ++nth) {
    rule.when.nth = nth;
    plans.push_back(PlanOf(rule));
  }
  rule.when.nth = known;
  plans.push_back(PlanOf(rule));
  return plans;
}

}  // namespace

std::vector<std::string> FaultsLike(std::string_view plan, const faultfs::DiskImage& image) {
  const absl::StatusOr<faultfs::FaultPlan> parsed = faultfs::FaultPlan::Parse(plan);
  if (!parsed.ok() || parsed->rules().size() != 1) return {std::string(plan)};
  const FaultRule& rule = parsed->rules()[0];
  return IsAimedDamage(rule) ? DamageLike(rule, image) : EarlierCalls(rule);
}

}  // namespace lumen::crash
