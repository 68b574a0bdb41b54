#include "proptests/harness/other_profiles.h"

#include "proptests/harness/alike.h"

namespace lumen::crash {

std::vector<UnderProfile> LookElsewhereWith(const OpenerFor& open_for, const Failure& failure,
                                            uint64_t states) {
  std::vector<UnderProfile> elsewhere;
  for (const faultfs::Profile profile : faultfs::kProfiles) {
    if (profile == failure.failing.profile) continue;
    Case base = failure.failing;
    base.profile = profile;
    const ShrinkTools::Found found = FindAlike(open_for, base, failure, states);
    elsewhere.push_back(
        {.profile = profile, .fails = found.failure.has_value(), .states = found.tested});
  }
  return elsewhere;
}

std::vector<UnderProfile> LookElsewhere(const Failure& failure) {
  return LookElsewhereWith(OpenEngineOf, failure, kStatesElsewhere);
}

}  // namespace lumen::crash
