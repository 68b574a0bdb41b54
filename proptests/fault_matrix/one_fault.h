#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "faultfs/fault_injector.h"

namespace lumen::crash {

// Which call of a run a fault meets: the nth of a kind on files of a role, from 1.
struct FaultSite {
  std::optional<faultfs::CallKind> call = {};
  std::optional<faultfs::FileRole> role = {};
  uint64_t nth = 0;  // 0: none; calls are counted nevertheless
};

// Injects one fault, once.
class OneFault final : public faultfs::FaultInjector {
 public:
  OneFault(const FaultSite& site, faultfs::Fault fault) : site_(site), fault_(std::move(fault)) {}

  faultfs::Fault Decide(const faultfs::Call& call) override {
    if (site_.call.has_value() && *site_.call != call.kind) return {};
    if (site_.role.has_value() && *site_.role != call.role) return {};
    if (++matching_calls_ != site_.nth) return {};
    fired_ = true;
    return fault_;
  }
  void Changed(const faultfs::Fault&) override { changed_ = true; }
  void Observed(const faultfs::Fault&) override { observed_ = true; }

  uint64_t matching_calls() const { return matching_calls_; }
  faultfs::FaultKind kind() const { return fault_.kind; }
  const FaultSite& site() const { return site_; }
  bool fired() const { return fired_; }
  bool changed() const { return changed_; }
  bool observed() const { return observed_; }

 private:
  const FaultSite site_;
  const faultfs::Fault fault_;
  uint64_t matching_calls_ = 0;
  bool fired_ = false;
  bool changed_ = false;
  bool observed_ = false;
};

// What became of the faults of a kind over many runs: a kind that never made a difference has
// tested nothing.
struct FaultTally {
  struct Count {
    uint64_t fired = 0;
    uint64_t changed = 0;
    uint64_t observed = 0;
    uint64_t reported = 0;  // the program told its client
  };
  std::map<faultfs::FaultKind, Count> counts;

  void Add(const OneFault& fault, bool reported) {
    Count& count = counts[fault.kind()];
    count.fired += fault.fired() ? 1 : 0;
    count.changed += fault.changed() ? 1 : 0;
    count.observed += fault.observed() ? 1 : 0;
    count.reported += fault.fired() && reported ? 1 : 0;
  }
};

}  // namespace lumen::crash
