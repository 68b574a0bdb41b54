#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/format/crc32c.h"
#include "engine/table/block_builder.h"
#include "engine/table/block_compression.h"
#include "engine/table/bloom_filter.h"
#include "engine/table/table.h"
#include "engine/table/table_format.h"
#include "engine/table/table_index.h"

namespace lumen {
namespace {

// Fewer, larger appends: a system call costs more than copying this much.
constexpr size_t kAppendBytes = size_t{128} << 10;
constexpr size_t kKeptBytes = size_t{1} << 20;

}  // namespace

class TableBuilder::Rep {
 public:
  Rep(LogFile& file, const TableOptions& options) : file_(file), options_(options) {
    CHECK(file.offset() == 0);
  }

  absl::Status Add(const Entry& entry) {
    CHECK(!finished_);
    CHECK(entry.sequence <= kMaxSequence);
    bool new_key = true;
    if (!block_.empty()) {
      const int order = block_.last_key().compare(entry.key);
      CHECK(order < 0 || (order == 0 && block_.last_sequence() > entry.sequence));
      new_key = order != 0;
      if (block_.BytesWith(entry) + kBlockTrailerBytes > options_.block_bytes) {
        index_.BeginBlock({block_.last_key(), block_.last_sequence()}, {entry.key, entry.sequence});
        RETURN_IF_ERROR(CutBlock());
      }
    }
    if (new_key && options_.bloom_bits_per_key > 0) hashes_.push_back(FilterHash(entry.key));
    block_.Add(entry);
    Count(entry);
    return absl::OkStatus();
  }

  absl::StatusOr<TableSummary> Finish() {
    CHECK(!finished_);
    CHECK(!block_.empty());
    finished_ = true;
    summary_.largest_key = block_.last_key();
    RETURN_IF_ERROR(CutBlock());

    TableFooter footer;
    footer.filter_offset = offset();
    RETURN_IF_ERROR(AppendSection(BuildBloomFilter(hashes_, options_.bloom_bits_per_key)));
    footer.index_offset = offset();
    RETURN_IF_ERROR(AppendSection(index_.Finish()));
    footer.properties_offset = offset();
    RETURN_IF_ERROR(AppendSection(EncodeTableProperties(
        {summary_, index_.block_count(), options_.block_bytes, options_.bloom_bits_per_key})));
    footer.file_bytes = offset() + kTableFooterBytes;
    footer.body_checksum = Crc32c(pending_, checksum_);
    pending_ += EncodeTableFooter(footer);
    RETURN_IF_ERROR(AppendPending());
    summary_.file_bytes = footer.file_bytes;
    summary_.file_checksum = checksum_;
    return summary_;
  }

  uint64_t estimated_bytes() const { return offset() + block_.bytes(); }
  uint64_t entry_count() const { return summary_.entries; }

 private:
  uint64_t offset() const { return appended_bytes_ + pending_.size(); }

  void Count(const Entry& entry) {
    if (summary_.entries++ == 0) {
      summary_.smallest_key = entry.key;
      summary_.smallest_sequence = summary_.largest_sequence = entry.sequence;
    }
    summary_.smallest_sequence = std::min(summary_.smallest_sequence, entry.sequence);
    summary_.largest_sequence = std::max(summary_.largest_sequence, entry.sequence);
    summary_.tombstones += entry.kind == EntryKind::kDelete ? 1 : 0;
    summary_.raw_bytes += entry.key.size() + entry.value.size();
  }

  absl::Status CutBlock() {
    const uint64_t block_offset = offset();
    const size_t begin = pending_.size();
    BlockCompression compression = BlockCompression::kNone;
    if (options_.lz4) {
      payload_.clear();
      block_.Finish(payload_);
      if (CompressBlock(payload_, pending_)) {
        compression = BlockCompression::kLz4;
      } else {
        pending_ += payload_;
      }
    } else {
      block_.Finish(pending_);
    }
    AppendBlockTrailer(pending_, begin, block_offset, compression);
    index_.EndBlock(offset() - block_offset);
    return pending_.size() >= kAppendBytes ? AppendPending() : absl::OkStatus();
  }

  absl::Status AppendSection(const std::string& payload) {
    const uint64_t section_offset = offset();
    const size_t begin = pending_.size();
    pending_ += payload;
    AppendBlockTrailer(pending_, begin, section_offset, BlockCompression::kNone);
    return pending_.size() >= kAppendBytes ? AppendPending() : absl::OkStatus();
  }

  absl::Status AppendPending() {
    checksum_ = Crc32c(pending_, checksum_);
    RETURN_IF_ERROR(file_.Append(pending_));
    appended_bytes_ += pending_.size();
    pending_.clear();
    // What one huge entry needed must not stay allocated for the rest of the table.
    if (pending_.capacity() > kKeptBytes) pending_.shrink_to_fit();
    if (payload_.capacity() > kKeptBytes) payload_ = std::string();
    return absl::OkStatus();
  }

  LogFile& file_;
  const TableOptions options_;
  bool finished_ = false;
  BlockBuilder block_;
  std::string payload_;  // of a block that is to be compressed
  std::string pending_;  // not yet appended
  uint64_t appended_bytes_ = 0;
  uint32_t checksum_ = 0;  // of what was appended
  std::vector<uint64_t> hashes_;
  TableIndexBuilder index_;
  TableSummary summary_;
};

TableBuilder::TableBuilder(LogFile& file, const TableOptions& options)
    : rep_(std::make_unique<Rep>(file, options)) {}
TableBuilder::~TableBuilder() = default;

absl::Status TableBuilder::Add(const Entry& entry) { return rep_->Add(entry); }
absl::StatusOr<TableSummary> TableBuilder::Finish() { return rep_->Finish(); }
uint64_t TableBuilder::estimated_bytes() const { return rep_->estimated_bytes(); }
uint64_t TableBuilder::entry_count() const { return rep_->entry_count(); }

}  // namespace lumen
