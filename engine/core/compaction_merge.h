#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/core/compaction_picker.h"
#include "engine/core/engine_context.h"
#include "engine/core/table_output.h"
#include "engine/format/internal_iterator.h"

namespace lumen {

// Merges a compaction's inputs into new tables, in small pieces. Keeps, of every key, the versions
// that some readable sequence sees; drops a tombstone once no deeper level can hold what it hides.
// Never splits a key's versions between two tables. Not thread-safe.
class CompactionMerge {
 public:
  // `readable`: ascending, at least one. The compaction and what it names must outlive this.
  CompactionMerge(EngineContext& context, VersionPtr version, const Compaction& compaction,
                  std::vector<SequenceNumber> readable);
  ~CompactionMerge();

  // One file operation, or up to 64 entries. True: all outputs are written and synced; their names
  // are not. DATA_LOSS: names the input whose entries do not ascend.
  absl::StatusOr<bool> Advance();
  std::vector<TableRecord> TakeOutputs();
  // Hands everything written to the collector of obsolete files.
  void Discard();

 private:
  enum class Stage : uint8_t { kSeek, kMerge, kCreate, kFinish, kSync, kDone };

  absl::Status MergeSome();
  // Entries came out of order: which input is to blame. Reads all of them.
  absl::Status Blame() const;
  bool Superseded(const Entry& entry) const;
  bool Droppable(const Entry& tombstone);
  bool AtCut(std::string_view next_key);

  EngineContext& context_;
  const VersionPtr version_;
  const Compaction& compaction_;
  const std::vector<SequenceNumber> readable_;
  std::unique_ptr<InternalIterator> input_;
  Stage stage_ = Stage::kSeek;

  std::string key_;  // of the last entry seen
  bool has_key_ = false;
  SequenceNumber newer_ = 0;  // sequence of the last entry seen of key_
  std::unique_ptr<TableOutput> output_;
  size_t grandparent_ = 0;  // the first one that key_ has not passed
  uint64_t grandparent_bytes_ = 0;
  std::vector<TableRecord> outputs_;
  std::vector<std::string> paths_;
};

}  // namespace lumen
