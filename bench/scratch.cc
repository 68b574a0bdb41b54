#include "bench/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace lumen::bench {

absl::StatusOr<std::unique_ptr<ScratchFolder>> ScratchFolder::Make(const std::string& parent) {
  std::string path = absl::StrCat(parent, "/lumen-bench.XXXXXX");
  if (mkdtemp(path.data()) == nullptr) {
    return absl::InternalError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  return absl::WrapUnique(new ScratchFolder(std::move(path)));
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;  // a folder left behind is a nuisance, not an error
  std::filesystem::remove_all(path_, ignored);
}

uint64_t ScratchFolder::DiskBytes() const {
  uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path_, error)) {
    struct stat found = {};
    if (stat(entry.path().c_str(), &found) == 0 && S_ISREG(found.st_mode)) {
      bytes += static_cast<uint64_t>(found.st_blocks) * 512;
    }
  }
  return bytes;
}

absl::StatusOr<std::unique_ptr<OpenedEngine>> OpenedEngine::Open(const Options& options,
                                                                 const std::string& directory) {
  auto opened = absl::WrapUnique(new OpenedEngine);
  ASSIGN_OR_RETURN(opened->engine_,
                   Engine::Open(options, directory, opened->environment_.environment()));
  return opened;
}

}  // namespace lumen::bench
