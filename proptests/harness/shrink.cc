#include <algorithm>
#include <utility>

#include "faultfs/crash_space.h"
#include "proptests/harness/alike.h"
#include "proptests/harness/case_walk.h"
#include "proptests/harness/failure.h"
#include "proptests/harness/shrinking.h"

namespace lumen::crash {
namespace {

using faultfs::Survivors;

constexpr size_t kMostSystematic = 4096;

// The more the simpler. A part of an append that a process died in is no simpler than none.
size_t Kept(const Survivors& survivors) {
  const auto is_base = [](const Survivors::Sector& sector) {
    return sector.bytes != Survivors::Bytes::kVersion;
  };
  const auto versions =
      survivors.sectors.size() - static_cast<size_t>(std::count_if(
                                     survivors.sectors.begin(), survivors.sectors.end(), is_base));
  return survivors.entries.size() + survivors.sizes.size() + survivors.appends.size() + versions;
}

std::vector<Survivors> Kinder(const Case& failing, size_t crash) {
  CaseWalk walk(failing, OpenEngineOf);
  if (!walk.Run().ok() || crash >= walk.moments().size()) return {};
  const faultfs::DiskState& state = *walk.moments()[crash].state;
  if (failing.profile == faultfs::Profile::kKill) {
    return failing.crashes[crash].survivors.sizes.empty() ? std::vector<Survivors>()
                                                          : std::vector<Survivors>(1);
  }
  const size_t kept = Kept(failing.crashes[crash].survivors);
  std::vector<Survivors> kinder;
  size_t seen = 0;
  faultfs::CrashSpace(state, failing.seed, state.unlinked())
      .Systematic([&](const faultfs::CrashImage& image) {
        if (Kept(image.survivors) > kept) kinder.push_back(image.survivors);
        return ++seen < kMostSystematic;
      });
  std::stable_sort(kinder.begin(), kinder.end(),
                   [](const Survivors& a, const Survivors& b) { return Kept(a) > Kept(b); });
  return kinder;
}

}  // namespace

Failure Shrink(Failure failure, uint64_t replays) {
  const auto find = [](const Case& base, const Failure& known, uint64_t states) {
    return FindAlike(OpenEngineOf, base, known, states);
  };
  const ShrinkTools tools{.replay = Replay, .find = find, .kinder = Kinder};
  return ShrinkWith(tools, std::move(failure), replays);
}

}  // namespace lumen::crash
