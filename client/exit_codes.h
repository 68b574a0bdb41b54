#pragma once

namespace lumen {

// Of `lumen`, for scripts.
enum ExitCode : int {
  kExitOk = 0,
  kExitNegative = 1,  // "no" is the answer: not serving, a condition that does not hold
  kExitUsage = 2,     // and input that is not what it should be
  kExitCannotConnect = 3,
  kExitServerError = 4,  // and files that cannot be read or written
  kExitCorruption = 5,
  kExitNotFound = 6,
  kExitInterrupted = 130,  // by SIGINT; 143 by SIGTERM, 129 by SIGHUP
};

}  // namespace lumen
