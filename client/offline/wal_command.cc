#include "client/offline/wal_command.h"

#include "absl/strings/str_cat.h"
#include "client/cli/bytes_text.h"
#include "client/cli/long_step.h"
#include "client/offline/ending.h"
#include "client/offline/read_counter.h"
#include "client/offline/stoppable_file_system.h"
#include "engine/wal_inspect.h"

namespace lumen {
namespace {

using cli::Findings;
using cli::Json;
using cli::JsonOfMessage;
using cli::JsonOfText;

// Keeps the verdict only.
class VerdictSink final : public DumpSink {
 public:
  void OnHeader(const DumpedHeader& header) override { header_ = header; }
  void OnFrame(const DumpedFrame& /*frame*/) override {}
  void OnVerdict(const DumpedVerdict& verdict) override { verdict_ = verdict; }

  const DumpedHeader& header() const { return header_; }
  const DumpedVerdict& verdict() const { return verdict_; }

 private:
  DumpedHeader header_;
  DumpedVerdict verdict_;
};

// Each part as one JSON object.
class RecordSink final : public DumpSink {
 public:
  explicit RecordSink(Findings& output) : output_(output) {}

  void OnHeader(const DumpedHeader& header) override {
    output_.Record({{"type", "header"},
                    {"state", header.state},
                    {"kind", header.kind},
                    {"number", header.number},
                    {"format", uint64_t{header.format_version}},
                    {"epoch", header.epoch},
                    {"preallocated_bytes", header.header_file_bytes},
                    {"bytes", header.file_bytes}});
  }
  void OnFrame(const DumpedFrame& frame) override {
    output_.Record({{"type", "frame"},
                    {"offset", frame.offset},
                    {"length", uint64_t{frame.length}},
                    {"frame_type", frame.type},
                    {"flags", frame.flags},
                    {"operations", uint64_t{frame.operation_count}},
                    {"first_sequence", frame.first_sequence},
                    {"durable_to", frame.durable_to},
                    {"replayed", frame.good},
                    {"contents", frame.contents}});
  }
  void OnVerdict(const DumpedVerdict& verdict) override {
    verdict_ = verdict;
    output_.Record({{"type", "verdict"},
                    {"damaged", verdict.damaged},
                    {"newer_format", verdict.newer_format},
                    {"end", verdict.end},
                    {"good_frames", verdict.good_frames},
                    {"operations", verdict.operations},
                    {"text", JsonOfText(verdict.text)}});
  }

  const DumpedVerdict& verdict() const { return verdict_; }

 private:
  Findings& output_;
  DumpedVerdict verdict_;
};

ExitCode ExitCodeOf(const DumpedVerdict& verdict) {
  if (verdict.newer_format) return kExitServerError;  // it could not be read
  return verdict.damaged ? kExitCorruption : kExitOk;
}

template <typename Read>
auto Verifying(ReadCounter& files, const std::string& format, cli::Console& console,
               const Read& read) {
  const cli::LongStep step(console.talk(), "verifying", format,
                           [&] { return cli::RoundedBytes(files.bytes_read()) + " read"; });
  return read();
}

int VerifyFile(ReadCounter& files, const std::string& path, const std::string& format,
               cli::Console& console) {
  VerdictSink sink;
  const absl::Status read =
      Verifying(files, format, console, [&] { return DumpWal(files, path, sink); });
  if (!read.ok()) return EndEarly(console, read);
  Findings output(format, console.out());
  output.Line(absl::StrCat(path, ": header ", sink.header().state, ", ", sink.verdict().good_frames,
                           " frames, ", sink.verdict().operations, " operations, ",
                           sink.verdict().text));
  RecordSink records(output);
  records.OnHeader(sink.header());
  records.OnVerdict(sink.verdict());
  output.End();
  return console.Finish(ExitCodeOf(sink.verdict()));
}

int VerifyDirectory(ReadCounter& files, const std::string& path, const std::string& format,
                    cli::Console& console) {
  const absl::StatusOr<WalDirectoryReport> report =
      Verifying(files, format, console, [&] { return VerifyWalDirectory(files, path); });
  if (!report.ok()) return EndEarly(console, report.status());
  Findings output(format, console.out());
  for (const std::string& line : DescribeWalDirectory(*report)) output.Line(line);
  RecordWalDirectory(*report, output);
  output.Record({{"type", "summary"},
                 {"whole", report->verdict.ok()},
                 {"damage", JsonOfMessage(report->verdict)},
                 {"torn_tail", JsonOfText(report->torn_tail)},
                 {"last_sequence", report->last_sequence},
                 {"next_sequence", report->next_sequence}});
  output.End();
  return report->verdict.ok() ? console.Finish() : EndEarly(console, report->verdict);
}

}  // namespace

void RecordWalDirectory(const WalDirectoryReport& wal, Findings& output) {
  output.Record({{"type", "manifest"},
                 {"name", wal.manifest},
                 {"epoch", wal.epoch},
                 {"edits", wal.edits},
                 {"tables", wal.tables},
                 {"wal_floor", wal.floor},
                 {"wal_floor_first_sequence", wal.floor_first_sequence}});
  for (const VerifiedSegment& segment : wal.segments) {
    output.Record({{"type", "segment"},
                   {"name", segment.name},
                   {"bytes", segment.file_bytes},
                   {"needed", segment.needed},
                   {"header", segment.header},
                   {"frames", segment.frames},
                   {"operations", segment.operations},
                   {"end", segment.end},
                   {"ending", segment.ending}});
  }
}

int DumpWalCommand(FileSystem& files, const std::string& path, const std::string& format,
                   cli::Console& console) {
  // A segment may hold far more than what a reader of the dump wants to see.
  StoppableFileSystem until_enough(files, [&] { return console.out().reader_left(); });
  Findings output(format, console.out());
  DumpedVerdict verdict;
  absl::Status read;
  if (output.text()) {
    read = DumpWalAsText(until_enough, path, [&](std::string_view line) { output.Line(line); });
    VerdictSink sink;
    if (read.ok()) read = DumpWal(until_enough, path, sink);
    verdict = sink.verdict();
  } else {
    RecordSink sink(output);
    read = DumpWal(until_enough, path, sink);
    verdict = sink.verdict();
  }
  if (!read.ok()) return EndEarly(console, read);
  output.End();
  return console.Finish(ExitCodeOf(verdict));
}

int DumpManifestCommand(FileSystem& files, const std::string& path, const std::string& format,
                        cli::Console& console) {
  if (!path.substr(path.rfind('/') + 1).starts_with("MANIFEST-")) {
    return console.Refuse(path + ": is not named as a manifest, MANIFEST-n");
  }
  return DumpWalCommand(files, path, format, console);
}

int VerifyWalCommand(FileSystem& files, const std::string& path, const std::string& format,
                     cli::Console& console) {
  ReadCounter counted(files);
  // Listing succeeds for directories only.
  return files.List(path).ok() ? VerifyDirectory(counted, path, format, console)
                               : VerifyFile(counted, path, format, console);
}

}  // namespace lumen
