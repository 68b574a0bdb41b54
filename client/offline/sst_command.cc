#include "client/offline/sst_command.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/bytes_text.h"
#include "client/cli/findings.h"
#include "client/cli/long_step.h"
#include "client/offline/ending.h"
#include "client/offline/read_counter.h"
#include "client/offline/stoppable_file_system.h"
#include "engine/table_inspect.h"

namespace lumen {
namespace {

using cli::Findings;
using cli::Json;
using cli::JsonOfBytes;
using cli::JsonOfMessage;
using cli::JsonOfText;

// Each part as one JSON object, keys and values whole.
class RecordSink final : public TableDumpSink {
 public:
  explicit RecordSink(Findings& output) : output_(output) {}

  void OnTable(const DumpedTable& table) override {
    output_.Record({{"type", "table"},
                    {"format", table.format_version},
                    {"readable_since_format", table.oldest_reader_version},
                    {"bytes", table.file_bytes},
                    {"checksum", absl::StrFormat("%08x", table.checksum)},
                    {"filter_offset", table.filter_offset},
                    {"index_offset", table.index_offset},
                    {"properties_offset", table.properties_offset},
                    {"footer_offset", table.footer_offset},
                    {"entries", table.entries},
                    {"tombstones", table.tombstones},
                    {"raw_bytes", table.raw_bytes},
                    {"smallest_sequence", table.smallest_sequence},
                    {"largest_sequence", table.largest_sequence},
                    {"smallest_key", JsonOfBytes(table.smallest_key)},
                    {"largest_key", JsonOfBytes(table.largest_key)},
                    {"blocks", table.data_blocks},
                    {"block_bytes", table.block_bytes},
                    {"bloom_bits_per_key", table.bloom_bits_per_key},
                    {"filter_lines", table.filter_lines},
                    {"filter_probes", table.filter_probes}});
  }
  void OnBlock(const DumpedBlock& block) override {
    Json record = {{"type", "block"},
                   {"block", block.number},
                   {"offset", block.offset},
                   {"bytes", block.length}};
    if (block.from_key) record["from_key"] = JsonOfBytes(*block.from_key);
    if (block.from_sequence) record["from_sequence"] = *block.from_sequence;
    record["whole"] = block.status.ok();
    if (block.status.ok()) {
      record["entries"] = block.entries;
      record["common_prefix"] = JsonOfBytes(block.common_prefix);
      record["lz4"] = block.lz4;
      record["payload_bytes"] = block.payload_bytes;
    } else {
      record["damage"] = JsonOfMessage(block.status);
    }
    output_.Record(record);
  }
  void OnEntry(const DumpedEntry& entry) override {
    const bool put = entry.kind == EntryKind::kPut;
    Json record = {{"type", "entry"},
                   {"sequence", entry.sequence},
                   {"op", put ? "put" : "delete"},
                   {"key", JsonOfBytes(entry.key)}};
    if (put) record["value"] = JsonOfBytes(entry.value);
    output_.Record(record);
  }

 private:
  Findings& output_;
};

}  // namespace

int DumpTableCommand(FileSystem& files, const std::string& path, bool entries,
                     const std::string& format, cli::Console& console) {
  // A table may be far larger than what a reader of the dump wants to see.
  StoppableFileSystem until_enough(files, [&] { return console.out().reader_left(); });
  Findings output(format, console.out());
  RecordSink records(output);
  const absl::Status read = output.text()
                                ? DumpTableAsText(until_enough, path, {.entries = entries},
                                                  [&](std::string_view line) { output.Line(line); })
                                : DumpTable(until_enough, path, entries, records);
  // Of damage the dump is whole: it goes on behind it.
  if (read.ok() || absl::IsDataLoss(read)) {
    output.Record({{"type", "verdict"}, {"damaged", !read.ok()}, {"text", JsonOfMessage(read)}});
    output.End();
  }
  return read.ok() ? console.Finish() : EndEarly(console, read);
}

int VerifyTableCommand(FileSystem& files, const std::string& path, const std::string& format,
                       cli::Console& console) {
  absl::Status verified;
  {
    ReadCounter counted(files);
    const cli::LongStep step(console.talk(), "verifying", format, [&counted] {
      return cli::RoundedBytes(counted.bytes_read()) + " read";
    });
    verified = VerifyTable(counted, path);
  }
  const absl::StatusOr<uint64_t> bytes = files.FileSize(path);
  if (!verified.ok() && !absl::IsDataLoss(verified)) return EndEarly(console, verified);
  if (!bytes.ok()) return EndEarly(console, bytes.status());
  Findings output(format, console.out());
  if (verified.ok()) output.Line(absl::StrCat(path, ": ", *bytes, " bytes, whole"));
  output.Record({{"type", "table"},
                 {"name", JsonOfText(path)},
                 {"bytes", *bytes},
                 {"whole", verified.ok()},
                 {"damage", JsonOfMessage(verified)}});
  output.End();
  return verified.ok() ? console.Finish() : EndEarly(console, verified);
}

}  // namespace lumen
