#pragma once

#include <cstddef>
#include <cstdint>

namespace lumen::cli {

// How much a program puts into one write, when the server's limits are learnt from its refusals: of
// operations and of bytes, of which a refusal does not say which it was. What was refused is tried
// again by halves. Bytes that were accepted once are not suspected again, so that large entries do
// not make the writes of small ones short for ever.
class BatchSize {
 public:
  BatchSize(size_t most_operations, size_t most_bytes)
      : most_operations_(most_operations), operations_(most_operations), bytes_(most_bytes) {}

  size_t operations() const { return operations_; }
  size_t bytes() const { return bytes_; }

  void Accepted(size_t operations, size_t bytes);
  // More than one operation.
  void Refused(size_t operations, size_t bytes);

 private:
  const size_t most_operations_;
  size_t operations_;
  size_t bytes_;
  size_t accepted_bytes_ = 0;
  size_t refused_operations_ = SIZE_MAX;  // for their number
};

}  // namespace lumen::cli
