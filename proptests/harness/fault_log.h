#pragma once

#include <cstdint>
#include <vector>

#include "faultfs/fault_injector.h"
#include "faultfs/volume.h"

namespace lumen::crash {

// Passes a volume's questions on to another injector and keeps what was injected, with its place in
// the history: what a fault excuses depends on when it came.
class FaultLog final : public faultfs::FaultInjector {
 public:
  struct Fired {
    uint64_t at = 0;  // operations in the history when it came
    faultfs::FaultKind kind = faultfs::FaultKind::kNone;
    faultfs::FileRole role = faultfs::FileRole::kOther;
  };

  // Borrows all; appends to `fired`.
  FaultLog(faultfs::FaultInjector& faults, const faultfs::Volume& volume, std::vector<Fired>& fired)
      : faults_(faults), volume_(volume), fired_(fired) {}

  faultfs::Fault Decide(const faultfs::Call& call) override {
    faultfs::Fault fault = faults_.Decide(call);
    if (fault.kind != faultfs::FaultKind::kNone) {
      fired_.push_back({volume_.history().size(), fault.kind, call.role});
    }
    return fault;
  }
  void Changed(const faultfs::Fault& fault) override { faults_.Changed(fault); }
  void Observed(const faultfs::Fault& fault) override { faults_.Observed(fault); }

  const std::vector<Fired>& fired() const { return fired_; }

 private:
  faultfs::FaultInjector& faults_;
  const faultfs::Volume& volume_;
  std::vector<Fired>& fired_;
};

// OK was said, and nothing, or not all, became durable.
inline bool IsLie(faultfs::FaultKind kind) {
  return kind == faultfs::FaultKind::kSyncLied || kind == faultfs::FaultKind::kSyncLate;
}

// Bytes on the disk are not those that were written.
inline bool IsDamage(faultfs::FaultKind kind) {
  using Kind = faultfs::FaultKind;
  return kind == Kind::kBitFlip || kind == Kind::kSectorGarbage || kind == Kind::kTruncated ||
         kind == Kind::kLostWrite || kind == Kind::kMisdirectedWrite;
}

}  // namespace lumen::crash
