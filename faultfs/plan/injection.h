#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "engine/base/mutex.h"
#include "faultfs/fault_injector.h"
#include "faultfs/faulting_file_system.h"
#include "faultfs/plan/file_damage.h"

namespace lumen::faultfs {

// What the calls of one FaultingFileSystem share: the injector, and what faults have left behind.
// Thread-safe.
class FaultingFileSystem::Injection {
 public:
  using Damage = std::shared_ptr<FileDamage>;

  Injection(FileSystem& target, FaultInjector& faults, std::function<void(int64_t)> pass_time)
      : target_(target), faults_(faults), pass_time_(std::move(pass_time)) {}

  // Asks for the call's fault and does what comes before the call: damage, waiting. What is
  // returned is left to be done; a hang has become an error before.
  Fault Begin(const Call& call);
  // The fault's error is about to be returned.
  absl::Status Tell(std::string_view path, const Fault& fault);
  // The call's effect is missing on the disk.
  void Changed(const Fault& fault) { faults_.Changed(fault); }
  void CancelHangs();

  // Of the file that has this name. Follows renames and links.
  Damage DamageOf(const std::string& path);
  void Created(const std::string& path);
  void Renamed(const std::string& from, const std::string& to);
  void Linked(const std::string& existing, const std::string& added);
  void Removed(const std::string& path);

  // A directory sync that said OK and must fail next time.
  void Postpone(const std::string& directory, const Fault& fault);
  std::optional<Fault> TakePostponed(const std::string& directory);

 private:
  void Strike(const Call& call, const Fault& fault);
  void PassTime(const Fault& fault);
  void Hang();

  FileSystem& target_;
  FaultInjector& faults_;
  const std::function<void(int64_t)> pass_time_;

  Mutex mutex_;
  std::map<std::string, Damage> files_ GUARDED_BY(mutex_);
  std::map<std::string, Fault> postponed_ GUARDED_BY(mutex_);
  bool hangs_cancelled_ GUARDED_BY(mutex_) = false;
  CondVar hangs_end_;
};

}  // namespace lumen::faultfs
