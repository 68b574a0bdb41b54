#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/file_system.h"
#include "engine/format/entry.h"
#include "engine/format/internal_iterator.h"
#include "engine/table/block_cache.h"
#include "engine/table/table_summary.h"

// Sorted string tables: immutable files of key-versions in entry order. Format:
// docs/file_formats.md#sstable.
namespace lumen {

struct TableOptions {
  uint32_t block_bytes = 4096;
  uint32_t bloom_bits_per_key = 10;
  bool lz4 = false;
};

// Writes one table front to back. Not thread-safe. Does not sync.
class TableBuilder {
 public:
  // `file` must outlive the builder and be empty.
  TableBuilder(LogFile& file, const TableOptions& options);
  ~TableBuilder();
  TableBuilder(const TableBuilder&) = delete;
  TableBuilder& operator=(const TableBuilder&) = delete;

  // Entries in strictly increasing entry order (CHECKed), key and value together below 512 MiB.
  // Errors are the file's; after one, destroy the builder.
  absl::Status Add(const Entry& entry);
  // Writes filter, index, properties and footer. At least one entry was added.
  absl::StatusOr<TableSummary> Finish();

  // Appended so far, plus what the current block will add. Bytes.
  uint64_t estimated_bytes() const;
  uint64_t entry_count() const;

 private:
  class Rep;
  std::unique_ptr<Rep> rep_;
};

// A found version whose value lives in a pinned block. Movable.
struct TableHit {
  Entry entry;      // entry.key is the key that was asked for, in the caller's memory
  BlockHandle pin;  // keeps entry.value good
};

// An open table. Thread-safe. Index and filter are read at Open, verified, and charged to the
// cache's budget as pinned memory; data blocks are verified when they are read into the cache.
class TableReader {
 public:
  // `name` is for messages; `cache_id` must be unique among the open tables of `cache`.
  // DATA_LOSS naming file, offset and rule where the footer, index, filter or properties do not
  // verify.
  static absl::StatusOr<std::unique_ptr<TableReader>> Open(std::unique_ptr<ReadFile> file,
                                                           std::string name, uint64_t cache_id,
                                                           BlockCache& cache);
  ~TableReader();
  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;

  // False: the table holds no version of `key`. True: it may.
  bool MayContain(std::string_view key) const;
  // Touches the memory that Get will need, so that several tables' cache misses overlap.
  void Prefetch(std::string_view key) const;
  // The newest version of `key` with a sequence <= `at`. With `cached_only`, a needed block that is
  // not cached gives UNAVAILABLE instead of a read.
  absl::StatusOr<std::optional<TableHit>> Get(std::string_view key, SequenceNumber at,
                                              bool cached_only = false) const;
  // `fill_cache` false (compaction, scrub): passes the cache by; blocks are read without being
  // kept, in reads that grow to 512 KiB while the iterator walks on in one direction. Must not
  // outlive the reader.
  std::unique_ptr<InternalIterator> NewIterator(bool fill_cache) const;

  // Reads the whole file and checks every checksum, the order of entries, and the properties
  // against the entries.
  absl::Status Verify() const;

  const TableSummary& properties() const;  // file_bytes and file_checksum as the footer knows them
  uint64_t properties_offset() const;
  uint64_t pinned_bytes() const;  // index and filter

 private:
  class Rep;
  explicit TableReader(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace lumen
