#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/format/coding.h"
#include "engine/format/crc32c.h"

// Taking a table's bytes apart and putting them together again with every checksum right, written
// from docs/file_formats.md#sstable alone: nothing here calls the code under test.
namespace lumen::table_testing {

struct StoredPart {
  std::string payload;
  char compression = 0;

  void AppendTo(std::string& bytes) const {
    const size_t begin = bytes.size();
    bytes += payload;
    bytes.push_back(compression);
    std::string checked = bytes.substr(begin);
    AppendFixed(checked, uint64_t{begin});
    AppendFixed(bytes, Crc32c(checked));
  }
};

struct TableParts {
  std::vector<StoredPart> blocks;
  StoredPart filter;
  StoredPart index;
  StoredPart properties;
  uint32_t format_version = 1;
  uint32_t oldest_reader_version = 1;
  uint64_t reserved = 0;

  struct Layout {
    std::vector<uint64_t> blocks;  // offsets
    uint64_t filter = 0;
    uint64_t index = 0;
    uint64_t properties = 0;
    uint64_t footer = 0;
  };

  std::string Assemble(Layout* layout = nullptr) const {
    Layout at;
    std::string bytes;
    for (const StoredPart& block : blocks) {
      at.blocks.push_back(bytes.size());
      block.AppendTo(bytes);
    }
    at.filter = bytes.size();
    filter.AppendTo(bytes);
    at.index = bytes.size();
    index.AppendTo(bytes);
    at.properties = bytes.size();
    properties.AppendTo(bytes);
    at.footer = bytes.size();
    std::string footer;
    AppendFixed(footer, at.filter);
    AppendFixed(footer, at.index);
    AppendFixed(footer, at.properties);
    AppendFixed(footer, at.footer + 64);
    AppendFixed(footer, Crc32c(bytes));
    AppendFixed(footer, format_version);
    AppendFixed(footer, oldest_reader_version);
    AppendFixed(footer, reserved);
    footer += "LUMENSST";
    SealFooter(footer, at.footer);
    if (layout != nullptr) *layout = at;
    return bytes + footer;
  }

  // `footer`: its first 60 bytes.
  static void SealFooter(std::string& footer, uint64_t offset) {
    std::string checked = footer;
    AppendFixed(checked, offset);
    AppendFixed(footer, Crc32c(checked));
  }

  // Empty where offsets and lengths do not describe parts; checksums are not looked at.
  static std::optional<TableParts> Disassemble(std::string_view bytes) {
    if (bytes.size() < 64) return std::nullopt;
    const std::string_view footer = bytes.substr(bytes.size() - 64);
    const uint64_t ends[] = {LoadFixed<uint64_t>(footer.data()),
                             LoadFixed<uint64_t>(footer.data() + 8),
                             LoadFixed<uint64_t>(footer.data() + 16), bytes.size() - 64};
    TableParts parts;
    parts.format_version = LoadFixed<uint32_t>(footer.data() + 36);
    parts.oldest_reader_version = LoadFixed<uint32_t>(footer.data() + 40);
    parts.reserved = LoadFixed<uint64_t>(footer.data() + 44);
    StoredPart* const sections[] = {&parts.filter, &parts.index, &parts.properties};
    for (int i = 0; i < 3; ++i) {
      if (!Take(bytes, ends[i], ends[i + 1], *sections[i])) return std::nullopt;
    }
    if (!parts.TakeBlocks(bytes.substr(0, ends[0]))) return std::nullopt;
    return parts;
  }

 private:
  static bool Take(std::string_view bytes, uint64_t begin, uint64_t end, StoredPart& part) {
    if (begin > end || end > bytes.size() || end - begin < 5) return false;
    part.payload = bytes.substr(begin, end - begin - 5);
    part.compression = bytes[end - 5];
    return true;
  }

  bool TakeBlocks(std::string_view data) {
    std::string_view rest = index.payload;
    uint32_t count = 0;
    std::string_view prefix;
    if (!TakeFixed(rest, count) || !TakeLengthPrefixed(rest, prefix)) return false;
    uint64_t offset = 0;
    for (uint32_t i = 0; i < count; ++i) {
      uint64_t length = 0;
      uint64_t word = 0;
      if (!TakeVarint(rest, length) || length > data.size() - offset) return false;
      blocks.emplace_back();
      if (!Take(data, offset, offset + length, blocks.back())) return false;
      offset += length;
      if (i == 0) continue;
      if (!TakeVarint(rest, word)) return false;
      const uint64_t skipped = (word >> 1) + (word & 1) * 8;
      if (skipped > rest.size()) return false;
      rest.remove_prefix(skipped);
    }
    return true;
  }
};

}  // namespace lumen::table_testing
