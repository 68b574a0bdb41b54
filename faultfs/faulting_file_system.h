#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/file_system.h"
#include "faultfs/fault_injector.h"
#include "faultfs/fault_plan.h"

namespace lumen::faultfs {

// Injects faults around another file system, such as the POSIX one: errors before and after the
// effect, short writes, syncs that fail or lie (they are then not passed on), read errors, damage
// to what is read, latency, hangs. The files themselves are never damaged: what is read through
// this object is. No power loss, and nothing that would need to know older contents: Supports()
// tells.
//
// A LogFile whose call met an injected error repeats that error for ever, as the one around it
// would. Paths are compared as they are given. Thread-safe if the injector is. Borrows both; open
// files must not outlive it.
class FaultingFileSystem final : public FileSystem {
 public:
  // Latency faults wait by calling `pass_time` with nanoseconds; empty: the thread sleeps.
  FaultingFileSystem(FileSystem& target, FaultInjector& faults,
                     std::function<void(int64_t)> pass_time = {});
  ~FaultingFileSystem() override;

  // False for sync-reverted, misdirected-write and stale-read. The injector must not ask for a
  // fault that is not supported: that ends the program, because a fault that does nothing proves
  // nothing.
  static bool Supports(FaultKind kind);
  // INVALID_ARGUMENT, naming the first rule that is not supported.
  static absl::Status CheckSupports(const FaultPlan& plan);

  // Ends calls that hang, those of now and those to come.
  void CancelHangs();

  absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<ReadFile>> OpenReadFile(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& existing, const std::string& added) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status CreateDirectory(const std::string& path) override;
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status SyncDirectory(const std::string& directory) override;
  absl::StatusOr<bool> Exists(const std::string& path) override;
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override;
  absl::StatusOr<uint64_t> FreeSpace(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                 std::string_view owner) override;

 private:
  class Injection;
  class FaultingLogFile;
  class FaultingReadFile;

  // The shape of most calls: faults before, the call itself, faults after.
  template <typename Result, typename Effect>
  Result Around(const Call& call, Effect effect);

  FileSystem& target_;
  const std::unique_ptr<Injection> injection_;
};

}  // namespace lumen::faultfs
