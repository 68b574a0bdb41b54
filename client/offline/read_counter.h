#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/forwarding_file_system.h"

namespace lumen {

// Passes every call on, and counts the bytes that are read. As thread-safe as what it passes them
// on to; open files must not outlive it.
class ReadCounter final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;

  absl::StatusOr<std::unique_ptr<ReadFile>> OpenReadFile(const std::string& path) override;

  // From any thread.
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  class CountedFile;

  std::atomic<uint64_t> bytes_read_{0};
};

}  // namespace lumen
