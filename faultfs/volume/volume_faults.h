#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "faultfs/fault_injector.h"
#include "faultfs/volume.h"
#include "faultfs/volume/volume_tree.h"

namespace lumen::faultfs {

// One call of a program.
struct Request {
  Call call;                   // role: filled in where a fault injector asks
  std::string_view verb;       // "rename to": what an error's message says
  InodeNumber inode = 0;       // where the call is on an open file
  std::string_view data = {};  // of an append
  std::span<char> out = {};    // of a read
  uint64_t answer = 0;         // bytes read, names listed ...
};

// What a fault changes in how a call is carried out.
struct CallEffect {
  SyncEffect sync = SyncEffect::kDurable;
  uint64_t seed = 0;
  size_t append_bytes = std::numeric_limits<size_t>::max();  // at most
};

// Carries calls out with the faults that an injector decides on: docs/fault_model.md, sections 2
// and 4. Faults that last (sectors that cannot be read, a sync that is to fail late, a write that
// is to be lost) end with their injector; damage done stays.
class VolumeFaults {
 public:
  // Borrows `tree`. `pass_time`: nanoseconds; may be empty.
  VolumeFaults(VolumeTree& tree, FaultInjector* injector, std::function<void(int64_t)> pass_time)
      : tree_(tree), injector_(injector), pass_time_(std::move(pass_time)) {}

  FaultInjector* injector() const { return injector_; }
  const std::vector<StaleRead>& stale_reads() const { return stale_reads_; }
  void SetInjector(FaultInjector* injector);

  // `act` carries the call out. There has to be an injector.
  absl::Status Run(Request& request, const std::function<absl::Status(const CallEffect&)>& act);

 private:
  // A fault that has to do with bytes of a file.
  struct Spot {
    Fault fault;
    InodeNumber inode = 0;
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  absl::Status RunWith(const Fault& fault, Request& request,
                       const std::function<absl::Status(const CallEffect&)>& act);
  absl::Status Refuse(const Fault& fault, const Request& request);
  void PassTime(const Fault& fault) const;
  bool ChangesDisk(const Request& request) const;
  // The one that already lies in wait for this call.
  std::optional<Fault> Waiting(const Request& request);

  static Spot SectorsOf(const Fault& fault, const Request& request);
  void LieInWait(const Fault& fault, const Request& request);

  void Strike(const Fault& fault, const Request& request);
  void Damage(const Fault& fault, InodeNumber inode, uint64_t offset, std::string data,
              uint64_t size_bytes);
  void Place(const Spot& lost, const FileBytes& before);
  void AfterSync(InodeNumber inode, SyncEffect effect, const FileBytes& before);
  bool MakeStale(const Request& request);
  bool ReadAsBefore(const Request& request, uint64_t from, std::string_view old);
  void TellOfDamage(const Request& request);

  VolumeTree& tree_;
  FaultInjector* injector_;
  const std::function<void(int64_t)> pass_time_;
  std::vector<Spot> unreadable_;
  std::vector<Spot> late_;
  std::vector<Spot> lost_;     // appends that no sync has covered yet
  std::vector<Spot> damaged_;  // not read yet
  std::vector<StaleRead> stale_reads_;
};

}  // namespace lumen::faultfs
