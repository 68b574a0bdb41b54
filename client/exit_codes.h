#pragma once

namespace lumen {

// Of `lumen`, for scripts.
enum ExitCode : int {
  kExitOk = 0,
  kExitNegative = 1,  // the answer is no
  kExitUsage = 2,
  kExitCannotConnect = 3,
  kExitServerError = 4,  // and files that cannot be read
  kExitCorruption = 5,
  kExitNotFound = 6,
  kExitInterrupted = 130,
};

}  // namespace lumen
