#pragma once

// A broken promise of our own code: print where and what, and abort. Never for bytes from disk or
// wire.
#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::lumen::CheckFailed(__FILE__, __LINE__, #condition))

namespace lumen {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace lumen
