#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/file_system.h"
#include "engine/table/block.h"
#include "engine/table/bloom_filter.h"
#include "engine/table/table_format.h"
#include "engine/table/table_index.h"

namespace lumen {

// The bytes of an open table: its verified footer, properties, index and filter in memory, and its
// data blocks on demand. Thread-safe; immutable once open.
class TableFile {
 public:
  // Errors as TableReader::Open.
  static absl::StatusOr<std::unique_ptr<TableFile>> Open(std::unique_ptr<ReadFile> file,
                                                         std::string name);

  const std::string& name() const { return name_; }
  const TableFooter& footer() const { return footer_; }
  const TableProperties& properties() const { return properties_; }
  const TableIndex& index() const { return index_; }
  const BloomFilter& filter() const { return filter_; }
  size_t memory_bytes() const { return index_.memory_bytes() + filter_.memory_bytes(); }

  // A verified data block in memory from `memory`, or in the file's.
  absl::StatusOr<BlockHandle> ReadBlock(uint32_t block,
                                        const std::shared_ptr<BlockMemory>& memory) const;

  // The file's bytes: lent by it, or read into `buffer`. DATA_LOSS where the file ends early.
  absl::StatusOr<std::string_view> Read(uint64_t offset, size_t length, std::string& buffer) const;
  // The same into `to`.
  absl::Status ReadInto(uint64_t offset, std::span<char> to) const;
  std::optional<std::string_view> View(BlockLocation location) const {
    return file_->View(location.offset, location.length);
  }

  // Verifies stored bytes of `block` that the caller keeps; a compressed block is expanded into
  // `expanded`, and `view` points there.
  absl::Status ParseStored(uint32_t block, std::string_view stored, BlockBuffer& expanded,
                           BlockView& view) const;

 private:
  TableFile(std::unique_ptr<ReadFile> file, std::string name)
      : file_(std::move(file)), name_(std::move(name)) {}
  absl::Status ReadSections();
  absl::StatusOr<std::string_view> ReadSection(BlockLocation section, std::string& buffer) const;
  absl::Status CheckSectionsAgree() const;

  const std::shared_ptr<const ReadFile> file_;
  const std::string name_;
  TableFooter footer_;
  TableProperties properties_;
  TableIndex index_;
  BloomFilter filter_;
};

}  // namespace lumen
