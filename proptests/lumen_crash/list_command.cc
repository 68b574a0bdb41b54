#include "proptests/lumen_crash/list_command.h"

#include <string_view>

#include "absl/strings/str_format.h"
#include "faultfs/fault_plan.h"
#include "faultfs/profile.h"
#include "proptests/lumen_crash/suite.h"

namespace lumen::crash {
namespace {

void Append(std::string_view name, std::string_view summary, std::string& out) {
  absl::StrAppendFormat(&out, "  %-24s %s\n", std::string(name), std::string(summary));
}

}  // namespace

std::string ListText(const std::string& what) {
  std::string out;
  if (what.empty() || what == "profiles") {
    out += "profiles\n";
    for (const faultfs::Profile profile : faultfs::kProfiles) {
      Append(ProfileName(profile), ProfileSummary(profile), out);
    }
  }
  if (what.empty() || what == "faults") {
    out += "faults\n";
    for (const std::string_view name : faultfs::FaultNames()) {
      Append(name, faultfs::FaultSummary(name), out);
    }
  }
  if (what.empty() || what == "suites") {
    out += "suites\n";
    for (const Suite& suite : Suites()) Append(suite.name, suite.summary, out);
  }
  return out;
}

}  // namespace lumen::crash
