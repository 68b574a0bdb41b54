#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file_system.h"

namespace lumen {

// Passes every operation on to another file system and tells a sink what happened, one readable
// line for each, once it is over:
//
//   create 00000001.wal
//   allocate 00000001.wal 65536
//   append 00000001.wal @4096 +176 crc=1a2b3c4d     at the offset, so many bytes, their CRC-32C
//   sync 00000001.wal @4272                         everything before the offset
//   rename CURRENT.tmp -> CURRENT
//   syncdir .
//   read 00000001.wal @0 +4096 = 4096
//   remove 000007.sst ! NOT_FOUND                   the status, where it was not OK
//
// Paths are shown relative to `root`. Lines never hold the root, a time or an address, so that two
// runs that did the same give the same lines. Thread-safe: the sink is called by one thread at a
// time, and must not use this file system. Open files must not outlive this object.
class TracingFileSystem final : public FileSystem {
 public:
  using Sink = std::function<void(std::string_view line)>;

  // Borrows `target`.
  TracingFileSystem(FileSystem& target, std::string root, Sink sink);
  ~TracingFileSystem() override;

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
  class Trace;
  class TracedLogFile;
  class TracedReadFile;
  class TracedLock;

  FileSystem& target_;
  const std::unique_ptr<Trace> trace_;
};

// The line of an append, for file systems that trace themselves.
std::string TraceOfAppend(std::string_view name, uint64_t offset, std::string_view data);

}  // namespace lumen
