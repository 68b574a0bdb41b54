#include "engine/table_inspect.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/table/block_window.h"
#include "engine/table/table_file.h"
#include "engine/table/table_verify.h"

namespace lumen {
namespace {

absl::StatusOr<std::unique_ptr<TableFile>> OpenTableFile(FileSystem& file_system,
                                                         const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ReadFile> file, file_system.OpenReadFile(path));
  return TableFile::Open(std::move(file), path);
}

class TableDump {
 public:
  TableDump(const TableFile& table, bool entries, TableDumpSink& sink)
      : table_(table), entries_(entries), sink_(sink), window_(table) {}

  absl::Status Run() {
    sink_.OnTable(Describe());
    absl::Status first_damage;
    for (uint32_t block = 0; block < table_.index().block_count(); ++block) {
      const absl::Status dumped = DumpBlock(block);
      if (!dumped.ok() && !absl::IsDataLoss(dumped)) return dumped;
      first_damage.Update(dumped);
    }
    return first_damage;
  }

 private:
  DumpedTable Describe() const {
    const TableFooter& footer = table_.footer();
    const TableProperties& properties = table_.properties();
    const TableSummary& summary = properties.summary;
    return {.format_version = footer.format_version,
            .oldest_reader_version = footer.oldest_reader_version,
            .file_bytes = footer.file_bytes,
            .checksum = summary.file_checksum,
            .filter_offset = footer.filter_offset,
            .index_offset = footer.index_offset,
            .properties_offset = footer.properties_offset,
            .footer_offset = footer.footer_offset(),
            .entries = summary.entries,
            .tombstones = summary.tombstones,
            .raw_bytes = summary.raw_bytes,
            .smallest_sequence = summary.smallest_sequence,
            .largest_sequence = summary.largest_sequence,
            .smallest_key = summary.smallest_key,
            .largest_key = summary.largest_key,
            .data_blocks = properties.data_blocks,
            .block_bytes = properties.block_bytes,
            .bloom_bits_per_key = properties.bloom_bits_per_key,
            .filter_lines = table_.filter().line_count(),
            .filter_probes = table_.filter().probes()};
  }

  absl::Status DumpBlock(uint32_t block) {
    const BlockLocation location = table_.index().location(block);
    DumpedBlock dumped = {.number = block, .offset = location.offset, .length = location.length};
    if (block > 0) {
      const auto [key, sequence] = table_.index().separator(block);
      dumped.from_key = key;
      if (sequence != kMaxSequence) dumped.from_sequence = sequence;
    }
    BlockView view;
    dumped.status = LoadBlock(block, view);
    if (dumped.status.ok()) {
      dumped.entries = view.count();
      dumped.common_prefix = view.prefix();
      dumped.payload_bytes = view.payload().size();
      dumped.lz4 = view.payload().size() + kBlockTrailerBytes != location.length;
    }
    sink_.OnBlock(dumped);
    for (uint32_t i = 0; entries_ && i < dumped.entries; ++i) DumpEntry(view, i);
    return dumped.status;
  }

  absl::Status LoadBlock(uint32_t block, BlockView& view) {
    ASSIGN_OR_RETURN(const std::string_view stored, window_.Stored(block, ScanDirection::kForward));
    return table_.ParseStored(block, stored, expanded_, view);
  }

  void DumpEntry(const BlockView& view, uint32_t index) {
    const BlockEntry entry = view.At(index);
    const std::string key = std::string(view.prefix()) + std::string(entry.suffix);
    sink_.OnEntry({.sequence = TagSequence(entry.tag),
                   .kind = TagKind(entry.tag),
                   .key = key,
                   .value = entry.value});
  }

  const TableFile& table_;
  const bool entries_;
  TableDumpSink& sink_;
  BlockWindow window_;
  BlockBuffer expanded_;
};

class TextSink final : public TableDumpSink {
 public:
  TextSink(const TableTextOptions& options, const std::function<void(std::string_view)>& line)
      : options_(options), line_(line) {}

  void OnTable(const DumpedTable& table) override {
    Line("footer: format ", table.format_version, ", readable since format ",
         table.oldest_reader_version, ", ", table.file_bytes, " bytes, checksum ",
         absl::Hex(table.checksum, absl::kZeroPad8));
    Line("sections: data at 0, filter at ", table.filter_offset, ", index at ", table.index_offset,
         ", properties at ", table.properties_offset, ", footer at ", table.footer_offset);
    Line("properties: ", table.entries, " entries, ", table.tombstones, " tombstones, ",
         table.raw_bytes, " bytes of keys and values, sequences ", table.smallest_sequence, " to ",
         table.largest_sequence);
    Line("keys: ", Shown(table.smallest_key), " to ", Shown(table.largest_key));
    Line("blocks: ", table.data_blocks, " of up to ", table.block_bytes, " bytes, ",
         table.bloom_bits_per_key, " filter bits a key");
    Line("filter: ", table.filter_lines, " lines of 64 bytes, ", table.filter_probes,
         " probes a key");
  }

  void OnBlock(const DumpedBlock& block) override {
    std::string line = absl::StrCat("block ", block.number, ": offset ", block.offset, ", ",
                                    block.length, " bytes");
    if (block.from_key) absl::StrAppend(&line, ", from ", Shown(*block.from_key));
    if (block.from_sequence) absl::StrAppend(&line, " at sequence ", *block.from_sequence);
    if (!block.status.ok()) return Line(line, ": ", block.status.message());
    Line(line, ", ", block.entries, " entries, common prefix ", Shown(block.common_prefix),
         block.lz4 ? absl::StrCat(", LZ4 of ", block.payload_bytes, " bytes") : std::string());
  }

  void OnEntry(const DumpedEntry& entry) override {
    if (entry.kind == EntryKind::kDelete) {
      Line("  ", entry.sequence, " delete ", Shown(entry.key));
    } else {
      Line("  ", entry.sequence, " put ", Shown(entry.key), " = ", Shown(entry.value));
    }
  }

 private:
  template <typename... Parts>
  void Line(const Parts&... parts) {
    line_(absl::StrCat(parts...));
  }

  std::string Shown(std::string_view bytes) const {
    std::string shown = "\"";
    for (const char byte : bytes.substr(0, options_.shown_bytes)) {
      if (byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\') {
        shown.push_back(byte);
      } else {
        absl::StrAppend(&shown, "\\x",
                        absl::Hex(static_cast<unsigned char>(byte), absl::kZeroPad2));
      }
    }
    shown.push_back('"');
    if (bytes.size() > options_.shown_bytes)
      absl::StrAppend(&shown, "... ", bytes.size(), " bytes");
    return shown;
  }

  const TableTextOptions& options_;
  const std::function<void(std::string_view)>& line_;
};

}  // namespace

absl::Status DumpTable(FileSystem& file_system, const std::string& path, bool entries,
                       TableDumpSink& sink) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableFile> table, OpenTableFile(file_system, path));
  return TableDump(*table, entries, sink).Run();
}

absl::Status DumpTableAsText(FileSystem& file_system, const std::string& path,
                             const TableTextOptions& options,
                             const std::function<void(std::string_view line)>& line) {
  TextSink sink(options, line);
  return DumpTable(file_system, path, options.entries, sink);
}

absl::Status VerifyTable(FileSystem& file_system, const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableFile> table, OpenTableFile(file_system, path));
  return VerifyTableFile(*table);
}

}  // namespace lumen
