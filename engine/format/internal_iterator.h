#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "engine/format/entry.h"

namespace lumen {

// Walks key-versions in order, both ways. Positioned on an entry, or invalid (before the first,
// past the last, after an error). Not thread-safe; the source must outlive it or be pinned by it.
//
// The current entry is a plain field that the implementation fills on every move, so a reader pays
// one virtual call a move and none a look. Its views stay good until the next move.
class InternalIterator {
 public:
  InternalIterator() = default;
  InternalIterator(const InternalIterator&) = delete;
  InternalIterator& operator=(const InternalIterator&) = delete;
  virtual ~InternalIterator() = default;

  bool valid() const { return valid_; }
  // Only while valid().
  const Entry& entry() const { return entry_; }

  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  // To the first entry at or after (key, sequence) in entry order: pass kMaxSequence for the newest
  // version of key.
  virtual void Seek(std::string_view key, SequenceNumber sequence) = 0;
  // To the last entry before (key, sequence) in entry order: pass kMaxSequence to land before every
  // version of key.
  virtual void SeekBefore(std::string_view key, SequenceNumber sequence) = 0;
  // Only while valid().
  virtual void Next() = 0;
  virtual void Prev() = 0;

  // OK, or why the iterator became invalid. Every seek starts anew.
  virtual absl::Status status() const = 0;

 protected:
  bool valid_ = false;
  Entry entry_;
};

}  // namespace lumen
