#include "engine/table/table_file.h"

#include <utility>

#include "engine/base/status.h"
#include "engine/format/crc32c.h"
#include "engine/table/block_compression.h"

namespace lumen {

absl::StatusOr<std::unique_ptr<TableFile>> TableFile::Open(std::unique_ptr<ReadFile> file,
                                                           std::string name) {
  std::unique_ptr<TableFile> table(new TableFile(std::move(file), std::move(name)));
  RETURN_IF_ERROR(table->ReadSections());
  return table;
}

absl::Status TableFile::ReadSections() {
  const uint64_t file_bytes = file_->size();
  std::string buffer;
  std::string_view bytes;
  if (file_bytes >= kTableFooterBytes) {
    ASSIGN_OR_RETURN(bytes, Read(file_bytes - kTableFooterBytes, kTableFooterBytes, buffer));
  }
  ASSIGN_OR_RETURN(footer_, DecodeTableFooter(name_, bytes, file_bytes));

  ASSIGN_OR_RETURN(const std::string_view properties, ReadSection(footer_.properties(), buffer));
  std::string_view rule = DecodeTableProperties(properties, properties_);
  if (!rule.empty()) return TableDataLoss(name_, footer_.properties_offset, rule);
  properties_.summary.file_bytes = file_bytes;
  properties_.summary.file_checksum = Crc32c(EncodeTableFooter(footer_), footer_.body_checksum);

  ASSIGN_OR_RETURN(const std::string_view index, ReadSection(footer_.index(), buffer));
  rule = index_.Load(index, footer_.filter_offset);
  if (!rule.empty()) return TableDataLoss(name_, footer_.index_offset, rule);

  ASSIGN_OR_RETURN(const std::string_view filter, ReadSection(footer_.filter(), buffer));
  rule = filter_.Load(filter);
  if (!rule.empty()) return TableDataLoss(name_, footer_.filter_offset, rule);
  return CheckSectionsAgree();
}

absl::Status TableFile::CheckSectionsAgree() const {
  const TableSummary& summary = properties_.summary;
  if (index_.block_count() != properties_.data_blocks) {
    return TableDataLoss(name_, footer_.index_offset, "index and properties count the same blocks");
  }
  if (index_.block_count() > 1 &&
      (index_.separator(1).first < summary.smallest_key ||
       index_.separator(index_.block_count() - 1).first > summary.largest_key)) {
    return TableDataLoss(name_, footer_.index_offset, "separators lie in the table's key range");
  }
  return absl::OkStatus();
}

absl::Status TableFile::ReadInto(uint64_t offset, std::span<char> to) const {
  ASSIGN_OR_RETURN(const size_t bytes, file_->ReadAt(offset, to));
  if (bytes != to.size()) {
    return TableDataLoss(name_, offset + bytes, "the file is as long as when it was opened");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> TableFile::Read(uint64_t offset, size_t length,
                                                 std::string& buffer) const {
  if (const auto view = file_->View(offset, length)) return *view;
  buffer.resize(length);
  RETURN_IF_ERROR(ReadInto(offset, buffer));
  return std::string_view(buffer);
}

absl::StatusOr<std::string_view> TableFile::ReadSection(BlockLocation section,
                                                        std::string& buffer) const {
  ASSIGN_OR_RETURN(const std::string_view stored, Read(section.offset, section.length, buffer));
  const StoredBlock opened = OpenStoredBlock(stored, section.offset);
  if (!opened.rule.empty()) return TableDataLoss(name_, section.offset, opened.rule);
  if (opened.compression != BlockCompression::kNone) {
    return TableDataLoss(name_, section.offset, "only data blocks are compressed");
  }
  return opened.payload;
}

absl::Status TableFile::ParseStored(uint32_t block, std::string_view stored, BlockBuffer& expanded,
                                    BlockView& view) const {
  const uint64_t offset = index_.location(block).offset;
  StoredBlock opened = OpenStoredBlock(stored, offset);
  if (!opened.rule.empty()) return TableDataLoss(name_, offset, opened.rule);
  if (opened.compression == BlockCompression::kLz4) {
    const size_t bytes = DecompressedBytes(opened.payload);
    expanded.Reserve(bytes);
    if (bytes == 0 || !DecompressBlock(opened.payload, expanded.data(), bytes)) {
      return TableDataLoss(name_, offset, "a compressed block expands to the length it states");
    }
    opened.payload = {expanded.data(), bytes};
  }
  const std::string_view rule = view.Parse(opened.payload);
  return rule.empty() ? absl::OkStatus() : TableDataLoss(name_, offset, rule);
}

absl::StatusOr<BlockHandle> TableFile::ReadBlock(uint32_t block,
                                                 const std::shared_ptr<BlockMemory>& memory) const {
  const BlockLocation location = index_.location(block);
  BlockBuffer read(memory);
  std::string_view stored;
  if (const auto lent = View(location)) {
    stored = *lent;
  } else {
    read.Reserve(location.length);
    RETURN_IF_ERROR(ReadInto(location.offset, {read.data(), location.length}));
    stored = {read.data(), location.length};
  }
  BlockBuffer expanded(memory);
  BlockView view;
  RETURN_IF_ERROR(ParseStored(block, stored, expanded, view));
  if (!expanded.empty()) return std::make_shared<Block>(view, std::move(expanded));
  if (!read.empty()) return std::make_shared<Block>(view, std::move(read));
  return std::make_shared<Block>(view, file_);
}

}  // namespace lumen
