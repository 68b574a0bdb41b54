#include "faultfs/crash_space.h"

#include "faultfs/crash/layout.h"

namespace lumen::faultfs {

CrashSpace::CrashSpace(const DiskState& state, uint64_t seed, const FileBytes* unlinked)
    : layout_(std::make_unique<const Layout>(Layout{
          .state = state, .rules = RulesOf(state.profile()), .seed = seed, .unlinked = unlinked})) {
}

CrashSpace::~CrashSpace() = default;

size_t CrashSpace::choices() const {
  if (!layout_->rules.choice) return layout_->state.under_way() == nullptr ? 0 : 1;
  return layout_->state.pending().size() + layout_->state.zombies().size();
}

}  // namespace lumen::faultfs
