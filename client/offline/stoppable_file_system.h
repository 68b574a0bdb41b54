#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/forwarding_file_system.h"

namespace lumen {

// Passes every call on, until `stopped` says so. From then on whatever reads, creates, writes or
// names a file fails with CANCELLED, which ends what works on the files the way any error of the
// disk does, at its next call; looking at names and removing files goes on, for it to tidy up.
// A rename that was passed on has happened: a file is under its final name or it is not.
//
// Thread-safe where `stopped` is. Open files must not outlive this object.
class StoppableFileSystem final : public ForwardingFileSystem {
 public:
  // Borrows `target`.
  StoppableFileSystem(FileSystem& target, std::function<bool()> stopped);

  absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<ReadFile>> OpenReadFile(const std::string& path) override;

  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& existing, const std::string& added) override;
  absl::Status CreateDirectory(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& directory) override;

  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                 std::string_view owner) override;

 private:
  class StoppableLogFile;
  class StoppableReadFile;

  absl::Status GoOn(const std::string& path) const;

  const std::function<bool()> stopped_;
};

}  // namespace lumen
