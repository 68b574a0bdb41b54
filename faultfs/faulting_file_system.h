#pragma once

#include "engine/file_system.h"
#include "faultfs/fault_injector.h"

namespace lumen::faultfs {

// Injects faults around another file system, such as the POSIX one: errors before and after the
// effect, short writes, syncs that fail or lie (they are then not passed on), read errors, damage
// to what is read. No power loss, and nothing that needs to know what is durable: sync-reverted,
// kMisdirectedWrite and kStaleRead are refused by the constructor's caller through Supports().
// Thread-safe if the injector is. Borrows both.
class FaultingFileSystem final : public FileSystem {
 public:
  FaultingFileSystem(FileSystem& target, FaultInjector& faults);
  static bool Supports(FaultKind kind);

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
  class FaultingLogFile;
  class FaultingReadFile;

  FileSystem& target_;
  FaultInjector& faults_;
};

}  // namespace lumen::faultfs
