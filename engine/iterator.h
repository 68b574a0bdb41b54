#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lumen {

class Snapshot;

struct IteratorOptions {
  // Keys k with lower_bound <= k < upper_bound; empty optional: unbounded.
  std::optional<std::string> lower_bound = {};
  std::optional<std::string> upper_bound = {};
  // Null: the newest state at the moment of creation.
  const Snapshot* snapshot = nullptr;
  // How much of what it walks over, deleted keys and old versions too, an iterator looks at from
  // one seek on before it pauses; at least one key. Without it, one move takes as long as the run
  // of deleted keys before the next live one is.
  uint64_t pause_after_bytes = UINT64_MAX;
};

// The live keys of one consistent state, in bytewise order, both ways. Not thread-safe. Pins memory
// and files until destroyed; must not outlive its engine. Starts invalid: seek first.
class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual bool valid() const = 0;
  // Not valid(), without an error, and not at the end: pause_after_bytes have gone by. Then key()
  // is where to seek to (SeekForPrev after walking back) to go on; nothing has been left out before
  // it.
  virtual bool paused() const = 0;
  // Views are good until the next move. Only while valid(); the key also while paused().
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  // Sequence at which the key was last written.
  virtual uint64_t sequence() const = 0;

  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  // First key >= target.
  virtual void Seek(std::string_view target) = 0;
  // Last key <= target.
  virtual void SeekForPrev(std::string_view target) = 0;
  virtual void Next() = 0;
  virtual void Prev() = 0;

  // OK, or DATA_LOSS / INTERNAL: why the iterator became invalid before its end. Check it after the
  // last move.
  virtual absl::Status status() const = 0;
};

}  // namespace lumen
