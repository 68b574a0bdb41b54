#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "faultfs/profile.h"
#include "proptests/harness/explorer.h"
#include "proptests/lumen_crash/run_report.h"
#include "proptests/lumen_crash/shard.h"
#include "proptests/lumen_crash/suite.h"

namespace lumen::crash {

struct CampaignSettings {
  std::vector<faultfs::Profile> profiles;
  std::vector<Suite::Pass> passes = {{}};
  uint64_t seed = 1;
  bool faults = true;
  std::string fault_plan = {};
  Shard shard = {};
  uint64_t jobs = 1;  // threads; each case runs on one of them
  // Of the whole campaign, shared out evenly; whichever is met first. 0: no such limit.
  uint64_t states = 0;
  int64_t time_ns = 0;
  uint64_t max_failures = 0;
  // Nothing heard from a thread for so long, or so long after it was told to stop: it hangs.
  int64_t hang_ns = 120'000'000'000;
  const std::atomic<int>* signal = nullptr;  // a signal that says stop; 0: none yet
};

// All of them are called on the thread that called RunCampaign.
struct CampaignEvents {
  std::function<void(const std::string& profile, const Totals&)> progress = {};
  std::function<void(const ProfileReport&)> profile_done = {};
  std::function<void(const Failure&)> failure = {};
};

struct CampaignResult {
  std::vector<ProfileReport> profiles;  // in the order of the settings
  std::vector<std::string> problems;
  // A thread hangs and was left behind: the program has to end by _exit.
  bool abandoned = false;
};

// Beyond so many hashes (512 MiB) none are kept, and "distinct" of several profiles, threads or
// shards is a sum, which a problem then says.
inline constexpr uint64_t kMaxKeptHashes = uint64_t{1} << 26;

// Explores every profile, on `jobs` threads.
CampaignResult RunCampaign(
    const CampaignSettings& settings,
    const std::function<Totals(const ExploreSettings&, const ExploreEvents&)>& explore,
    const CampaignEvents& events);

}  // namespace lumen::crash
