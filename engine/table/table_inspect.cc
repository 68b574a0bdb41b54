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
  TableDump(const TableFile& table, const TableDumpOptions& options,
            const std::function<void(std::string_view)>& print)
      : table_(table), options_(options), print_(print), window_(table) {}

  absl::Status Run() {
    PrintFooter();
    PrintProperties();
    Line("filter: ", table_.filter().line_count(), " lines of 64 bytes, ", table_.filter().probes(),
         " probes a key");
    for (uint32_t block = 0; block < table_.index().block_count(); ++block) PrintBlock(block);
    return first_error_;
  }

 private:
  template <typename... Parts>
  void Line(const Parts&... parts) {
    print_(absl::StrCat(parts...));
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

  void PrintFooter() {
    const TableFooter& footer = table_.footer();
    Line("footer: format ", footer.format_version, ", readable since format ",
         footer.oldest_reader_version, ", ", footer.file_bytes, " bytes, checksum ",
         absl::Hex(table_.properties().summary.file_checksum, absl::kZeroPad8));
    Line("sections: data at 0, filter at ", footer.filter_offset, ", index at ",
         footer.index_offset, ", properties at ", footer.properties_offset, ", footer at ",
         footer.footer_offset());
  }

  void PrintProperties() {
    const TableProperties& properties = table_.properties();
    const TableSummary& summary = properties.summary;
    Line("properties: ", summary.entries, " entries, ", summary.tombstones, " tombstones, ",
         summary.raw_bytes, " bytes of keys and values, sequences ", summary.smallest_sequence,
         " to ", summary.largest_sequence);
    Line("keys: ", Shown(summary.smallest_key), " to ", Shown(summary.largest_key));
    Line("blocks: ", properties.data_blocks, " of up to ", properties.block_bytes, " bytes, ",
         properties.bloom_bits_per_key, " filter bits a key");
  }

  void PrintBlock(uint32_t block) {
    const BlockLocation location = table_.index().location(block);
    std::string line = absl::StrCat("block ", block, ": offset ", location.offset, ", ",
                                    location.length, " bytes");
    if (block > 0) {
      const auto [key, sequence] = table_.index().separator(block);
      absl::StrAppend(&line, ", from ", Shown(key));
      if (sequence != kMaxSequence) absl::StrAppend(&line, " at sequence ", sequence);
    }
    BlockView view;
    if (const absl::Status status = LoadBlock(block, view); !status.ok()) {
      first_error_.Update(status);
      Line(line, ": ", status.message());
      return;
    }
    Line(line, ", ", view.count(), " entries, common prefix ", Shown(view.prefix()),
         view.payload().size() + kBlockTrailerBytes == location.length
             ? std::string()
             : absl::StrCat(", LZ4 of ", view.payload().size(), " bytes"));
    for (uint32_t i = 0; options_.entries && i < view.count(); ++i) PrintEntry(view, i);
  }

  absl::Status LoadBlock(uint32_t block, BlockView& view) {
    ASSIGN_OR_RETURN(const std::string_view stored, window_.Stored(block, ScanDirection::kForward));
    return table_.ParseStored(block, stored, expanded_, view);
  }

  void PrintEntry(const BlockView& view, uint32_t index) {
    const BlockEntry entry = view.At(index);
    const std::string key = std::string(view.prefix()) + std::string(entry.suffix);
    if (TagKind(entry.tag) == EntryKind::kDelete) {
      Line("  ", TagSequence(entry.tag), " delete ", Shown(key));
    } else {
      Line("  ", TagSequence(entry.tag), " put ", Shown(key), " = ", Shown(entry.value));
    }
  }

  const TableFile& table_;
  const TableDumpOptions& options_;
  const std::function<void(std::string_view)>& print_;
  BlockWindow window_;
  BlockBuffer expanded_;
  absl::Status first_error_;
};

}  // namespace

absl::Status DumpTable(FileSystem& file_system, const std::string& path,
                       const TableDumpOptions& options,
                       const std::function<void(std::string_view)>& print) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableFile> table, OpenTableFile(file_system, path));
  return TableDump(*table, options, print).Run();
}

absl::Status VerifyTable(FileSystem& file_system, const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableFile> table, OpenTableFile(file_system, path));
  return VerifyTableFile(*table);
}

}  // namespace lumen
