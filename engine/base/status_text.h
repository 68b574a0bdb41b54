#pragma once

#include <string>

#include "absl/status/status.h"

namespace lumen {

// "DATA_LOSS: words", for people. Payloads are for programs, and stay out.
inline std::string StatusText(const absl::Status& status) {
  return status.ToString(absl::StatusToStringMode::kWithNoExtraData);
}

}  // namespace lumen
