#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "engine/posix_environment.h"

namespace lumen::bench {

// A fresh folder that goes away with this object.
class ScratchFolder {
 public:
  static absl::StatusOr<std::unique_ptr<ScratchFolder>> Make(const std::string& parent);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }
  // Blocks that the files in it occupy, as du counts.
  uint64_t DiskBytes() const;

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

// An engine on real files with threads of its own.
class OpenedEngine {
 public:
  static absl::StatusOr<std::unique_ptr<OpenedEngine>> Open(const Options& options,
                                                            const std::string& directory);
  Engine& operator*() { return *engine_; }
  Engine* operator->() { return engine_.get(); }

 private:
  OpenedEngine() = default;
  PosixEnvironment environment_;
  // Gone before the environment it uses.
  std::unique_ptr<Engine> engine_;
};

}  // namespace lumen::bench
