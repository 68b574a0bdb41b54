#include "engine/table/table_format.h"

#include "absl/strings/str_cat.h"
#include "engine/format/coding.h"
#include "engine/format/crc32c.h"

namespace lumen {
namespace {

constexpr size_t kFooterChecksummedBytes = kTableFooterBytes - 4;

uint32_t ChecksumAt(std::string_view bytes, uint64_t offset) {
  char position[sizeof offset];
  StoreFixed(position, offset);
  return Crc32c({position, sizeof position}, Crc32c(bytes));
}

std::string_view BrokenFooterRule(const TableFooter& footer, uint64_t file_bytes) {
  if (footer.file_bytes != file_bytes) return "the footer's file size is the file's";
  if (footer.filter_offset == 0 || footer.filter_offset > footer.index_offset ||
      footer.index_offset > footer.properties_offset ||
      footer.properties_offset > footer.footer_offset()) {
    return "data, filter, index, properties and footer follow one another";
  }
  for (const BlockLocation& section : {footer.filter(), footer.index(), footer.properties()}) {
    if (section.length <= kBlockTrailerBytes) return "every section holds a block";
  }
  return {};
}

}  // namespace

absl::Status TableDataLoss(std::string_view file, uint64_t offset, std::string_view rule,
                           std::string_view detail) {
  const auto view = [](std::string_view text) {
    return absl::string_view(text.data(), text.size());
  };
  return absl::DataLossError(absl::StrCat(
      view(file), ": offset ", offset, ": broken rule: ", view(rule), detail.empty() ? "" : " (",
      view(detail), detail.empty() ? "" : ")", "; run `lumen sst verify ", view(file), "`"));
}

uint32_t BlockChecksum(std::string_view payload_and_compression, uint64_t offset) {
  return ChecksumAt(payload_and_compression, offset);
}

void AppendBlockTrailer(std::string& to, size_t payload_begin, uint64_t offset,
                        BlockCompression compression) {
  to.push_back(static_cast<char>(compression));
  AppendFixed(to, BlockChecksum(std::string_view(to).substr(payload_begin), offset));
}

StoredBlock OpenStoredBlock(std::string_view stored, uint64_t offset) {
  StoredBlock block;
  if (stored.size() <= kBlockTrailerBytes) {
    block.rule = "a block is longer than its trailer";
    return block;
  }
  const std::string_view checked = stored.substr(0, stored.size() - 4);
  if (BlockChecksum(checked, offset) != LoadFixed<uint32_t>(stored.data() + checked.size())) {
    block.rule = "a block matches its checksum";
    return block;
  }
  const auto compression = static_cast<unsigned char>(checked.back());
  if (compression > static_cast<unsigned char>(BlockCompression::kLz4)) {
    block.rule = "a block's compression is 0 or 1";
    return block;
  }
  block.compression = static_cast<BlockCompression>(compression);
  block.payload = checked.substr(0, checked.size() - 1);
  return block;
}

std::string EncodeTableFooter(const TableFooter& footer) {
  std::string bytes;
  bytes.reserve(kTableFooterBytes);
  AppendFixed(bytes, footer.filter_offset);
  AppendFixed(bytes, footer.index_offset);
  AppendFixed(bytes, footer.properties_offset);
  AppendFixed(bytes, footer.file_bytes);
  AppendFixed(bytes, footer.body_checksum);
  AppendFixed(bytes, footer.format_version);
  AppendFixed(bytes, footer.oldest_reader_version);
  AppendFixed(bytes, uint64_t{0});
  AppendFixed(bytes, kTableMagic);
  AppendFixed(bytes, ChecksumAt(bytes, footer.footer_offset()));
  return bytes;
}

absl::StatusOr<TableFooter> DecodeTableFooter(std::string_view file, std::string_view bytes,
                                              uint64_t file_bytes) {
  if (file_bytes < kTableFooterBytes || bytes.size() != kTableFooterBytes) {
    return TableDataLoss(file, 0, "a table ends with a footer of 64 bytes",
                         absl::StrCat("the file has ", file_bytes, " bytes"));
  }
  const uint64_t offset = file_bytes - kTableFooterBytes;
  if (LoadFixed<uint64_t>(bytes.data() + 52) != kTableMagic) {
    return TableDataLoss(file, offset, "the footer holds the magic LUMENSST");
  }
  if (ChecksumAt(bytes.substr(0, kFooterChecksummedBytes), offset) !=
      LoadFixed<uint32_t>(bytes.data() + kFooterChecksummedBytes)) {
    return TableDataLoss(file, offset, "the footer matches its checksum");
  }
  TableFooter footer;
  uint64_t reserved = 0;
  TakeFixed(bytes, footer.filter_offset);
  TakeFixed(bytes, footer.index_offset);
  TakeFixed(bytes, footer.properties_offset);
  TakeFixed(bytes, footer.file_bytes);
  TakeFixed(bytes, footer.body_checksum);
  TakeFixed(bytes, footer.format_version);
  TakeFixed(bytes, footer.oldest_reader_version);
  TakeFixed(bytes, reserved);
  if (footer.oldest_reader_version > kTableFormatVersion) {
    return absl::UnimplementedError(
        absl::StrCat(absl::string_view(file.data(), file.size()), ": table format ",
                     footer.format_version, " needs a reader of format ",
                     footer.oldest_reader_version, "; this one reads ", kTableFormatVersion));
  }
  if (const std::string_view rule = BrokenFooterRule(footer, file_bytes); !rule.empty()) {
    return TableDataLoss(file, offset, rule);
  }
  if (reserved != 0) return TableDataLoss(file, offset, "the footer's reserved bytes are zero");
  return footer;
}

std::string EncodeTableProperties(const TableProperties& properties) {
  std::string bytes;
  AppendFixed(bytes, properties.summary.entries);
  AppendFixed(bytes, properties.summary.tombstones);
  AppendFixed(bytes, properties.summary.raw_bytes);
  AppendFixed(bytes, properties.summary.smallest_sequence);
  AppendFixed(bytes, properties.summary.largest_sequence);
  AppendFixed(bytes, properties.data_blocks);
  AppendFixed(bytes, properties.block_bytes);
  AppendFixed(bytes, properties.bloom_bits_per_key);
  AppendLengthPrefixed(bytes, properties.summary.smallest_key);
  AppendLengthPrefixed(bytes, properties.summary.largest_key);
  return bytes;
}

std::string_view DecodeTableProperties(std::string_view payload, TableProperties& properties) {
  TableSummary& summary = properties.summary;
  std::string_view smallest;
  std::string_view largest;
  if (!TakeFixed(payload, summary.entries) || !TakeFixed(payload, summary.tombstones) ||
      !TakeFixed(payload, summary.raw_bytes) || !TakeFixed(payload, summary.smallest_sequence) ||
      !TakeFixed(payload, summary.largest_sequence) ||
      !TakeFixed(payload, properties.data_blocks) || !TakeFixed(payload, properties.block_bytes) ||
      !TakeFixed(payload, properties.bloom_bits_per_key) ||
      !TakeLengthPrefixed(payload, smallest) || !TakeLengthPrefixed(payload, largest) ||
      !payload.empty()) {
    return "the properties hold their fields and nothing else";
  }
  if (summary.tombstones > summary.entries) return "tombstones are entries";
  if (properties.data_blocks == 0 || properties.data_blocks > summary.entries) {
    return "every data block holds an entry";
  }
  if (summary.smallest_sequence > summary.largest_sequence ||
      summary.largest_sequence > kMaxSequence) {
    return "the sequence range is a range";
  }
  if (smallest > largest) return "the key range is a range";
  summary.smallest_key = smallest;
  summary.largest_key = largest;
  return {};
}

}  // namespace lumen
