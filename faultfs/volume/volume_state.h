#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "faultfs/fault_injector.h"
#include "faultfs/volume.h"
#include "faultfs/volume/volume_faults.h"
#include "faultfs/volume/volume_tree.h"

namespace lumen::faultfs {

// What a volume and the open files on it share.
class VolumeState {
 public:
  VolumeState(DiskImage start, VolumeOptions options);

  // `act(effect)` does what was asked for and returns 0, an errno or kNotModelled. Counts the call,
  // injects faults, tells the trace.
  template <typename Act>
  absl::Status Run(Request& request, Act act) {
    if (++calls > most_calls_) return TooManyCalls(request);
    absl::Status status = faults_.injector() == nullptr ? StatusOf(request, act(CallEffect()))
                                                        : RunWithFaults(request, std::ref(act));
    if (trace && IsTraced(request.call.kind)) Tell(request, status);
    return status;
  }
  // A read that was answered without a copy.
  void CountView(std::string_view path, uint64_t offset, size_t length);
  // Something that is no call, but that a trace shows with the reads.
  void TellAside(std::string_view verb, std::string_view path) const;

  void SetFaults(FaultInjector* injector);
  const std::vector<StaleRead>& stale_reads() const { return faults_.stale_reads(); }
  // Whether a read may be answered without asking anybody.
  bool may_view() const { return faults_.injector() == nullptr && calls < most_calls_; }

  VolumeTree tree;
  uint64_t calls = 0;
  std::function<void(std::string_view)> trace;

 private:
  absl::Status StatusOf(const Request& request, int error_number) const;
  static absl::Status TooManyCalls(const Request& request);
  absl::Status RunWithFaults(Request& request, const std::function<int(const CallEffect&)>& act);
  bool IsTraced(CallKind kind) const;
  void Tell(const Request& request, const absl::Status& status) const;

  const bool record_reads_;
  const uint64_t most_calls_;
  VolumeFaults faults_;
};

}  // namespace lumen::faultfs
