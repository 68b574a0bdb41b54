#include "client/cli/batch_size.h"

#include <algorithm>

namespace lumen::cli {

void BatchSize::Accepted(size_t operations, size_t bytes) {
  accepted_bytes_ = std::max(accepted_bytes_, bytes);
  // Up to half of what was too many, and not nearer: each guess above the limit is a call for
  // nothing.
  if (operations < operations_ || operations_ >= refused_operations_ - refused_operations_ / 2)
    return;
  operations_ = std::min(most_operations_, 2 * operations_);
}

void BatchSize::Refused(size_t operations, size_t bytes) {
  operations_ = std::max<size_t>(1, operations / 2);
  if (bytes > accepted_bytes_) {
    bytes_ = std::max(accepted_bytes_, bytes / 2);
  } else {
    refused_operations_ = std::min(refused_operations_, operations);
  }
}

}  // namespace lumen::cli
