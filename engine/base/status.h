#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Passes an error on; otherwise goes on.
#define RETURN_IF_ERROR(expression)                                       \
  do {                                                                    \
    if (absl::Status lumen_status_ = (expression); !lumen_status_.ok()) { \
      return lumen_status_;                                               \
    }                                                                     \
  } while (false)

// Declares or assigns `target` from a StatusOr, or passes its error on.
#define ASSIGN_OR_RETURN(target, expression) \
  LUMEN_ASSIGN_OR_RETURN_(LUMEN_CONCAT_(lumen_status_or_, __LINE__), target, expression)
#define LUMEN_ASSIGN_OR_RETURN_(temporary, target, expression) \
  auto temporary = (expression);                               \
  if (!temporary.ok()) return std::move(temporary).status();   \
  target = *std::move(temporary)
#define LUMEN_CONCAT_(a, b) LUMEN_CONCAT_INNER_(a, b)
#define LUMEN_CONCAT_INNER_(a, b) a##b
