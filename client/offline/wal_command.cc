#include "client/offline/wal_command.h"

#include "client/exit_codes.h"
#include "client/offline/report.h"
#include "engine/wal_inspect.h"

namespace lumen {
namespace {

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
  explicit RecordSink(Output& output) : output_(output) {}

  void OnHeader(const DumpedHeader& header) override {
    output_.Record(JsonObject()
                       .Add("type", "header")
                       .Add("state", header.state)
                       .Add("kind", header.kind)
                       .Add("number", header.number)
                       .Add("format", uint64_t{header.format_version})
                       .Add("epoch", header.epoch)
                       .Add("preallocated_bytes", header.header_file_bytes)
                       .Add("bytes", header.file_bytes));
  }
  void OnFrame(const DumpedFrame& frame) override {
    output_.Record(JsonObject()
                       .Add("type", "frame")
                       .Add("offset", frame.offset)
                       .Add("length", uint64_t{frame.length})
                       .Add("frame_type", frame.type)
                       .Add("flags", frame.flags)
                       .Add("operations", uint64_t{frame.operation_count})
                       .Add("first_sequence", frame.first_sequence)
                       .Add("durable_to", frame.durable_to)
                       .Add("replayed", frame.good)
                       .Add("contents", frame.contents));
  }
  void OnVerdict(const DumpedVerdict& verdict) override {
    damaged_ = verdict.damaged;
    output_.Record(JsonObject()
                       .Add("type", "verdict")
                       .Add("damaged", verdict.damaged)
                       .Add("end", verdict.end)
                       .Add("good_frames", verdict.good_frames)
                       .Add("operations", verdict.operations)
                       .Add("text", verdict.text));
  }

  bool damaged() const { return damaged_; }

 private:
  Output& output_;
  bool damaged_ = false;
};

int VerifyFile(FileSystem& files, const std::string& path, OutputFormat format, std::FILE* out,
               std::FILE* talk) {
  VerdictSink sink;
  const absl::Status read = DumpWal(files, path, sink);
  if (!read.ok()) return Complain(read, talk);
  Output output(format, out);
  output.Line(path + ": header " + sink.header().state + ", " +
              std::to_string(sink.verdict().good_frames) + " frames, " +
              std::to_string(sink.verdict().operations) + " operations, " + sink.verdict().text);
  RecordSink records(output);
  records.OnHeader(sink.header());
  records.OnVerdict(sink.verdict());
  return sink.verdict().damaged ? kExitCorruption : kExitOk;
}

int VerifyDirectory(FileSystem& files, const std::string& path, OutputFormat format, std::FILE* out,
                    std::FILE* talk) {
  const absl::StatusOr<WalDirectoryReport> report = VerifyWalDirectory(files, path);
  if (!report.ok()) return Complain(report.status(), talk);
  Output output(format, out);
  for (const std::string& line : DescribeWalDirectory(*report)) output.Line(line);
  RecordWalDirectory(*report, output);
  output.Record(JsonObject()
                    .Add("type", "summary")
                    .Add("whole", report->verdict.ok())
                    .Add("damage", std::string(report->verdict.message()))
                    .Add("torn_tail", report->torn_tail)
                    .Add("last_sequence", report->last_sequence)
                    .Add("next_sequence", report->next_sequence));
  return report->verdict.ok() ? kExitOk : Complain(report->verdict, talk);
}

}  // namespace

void RecordWalDirectory(const WalDirectoryReport& wal, Output& output) {
  output.Record(JsonObject()
                    .Add("type", "manifest")
                    .Add("name", wal.manifest)
                    .Add("epoch", wal.epoch)
                    .Add("edits", wal.edits)
                    .Add("tables", wal.tables)
                    .Add("wal_floor", wal.floor)
                    .Add("wal_floor_first_sequence", wal.floor_first_sequence));
  for (const VerifiedSegment& segment : wal.segments) {
    output.Record(JsonObject()
                      .Add("type", "segment")
                      .Add("name", segment.name)
                      .Add("bytes", segment.file_bytes)
                      .Add("needed", segment.needed)
                      .Add("header", segment.header)
                      .Add("frames", segment.frames)
                      .Add("operations", segment.operations)
                      .Add("end", segment.end)
                      .Add("ending", segment.ending));
  }
}

int DumpWalCommand(FileSystem& files, const std::string& path, OutputFormat format, std::FILE* out,
                   std::FILE* talk) {
  if (format == OutputFormat::kText) {
    const absl::Status read =
        DumpWalAsText(files, path, [&](std::string_view line) { PrintLine(out, line); });
    if (!read.ok()) return Complain(read, talk);
    VerdictSink sink;
    const absl::Status judged = DumpWal(files, path, sink);
    if (!judged.ok()) return Complain(judged, talk);
    return sink.verdict().damaged ? kExitCorruption : kExitOk;
  }
  Output output(format, out);
  RecordSink sink(output);
  const absl::Status read = DumpWal(files, path, sink);
  if (!read.ok()) return Complain(read, talk);
  return sink.damaged() ? kExitCorruption : kExitOk;
}

int DumpManifestCommand(FileSystem& files, const std::string& path, OutputFormat format,
                        std::FILE* out, std::FILE* talk) {
  if (!path.substr(path.rfind('/') + 1).starts_with("MANIFEST-")) {
    return Complain(absl::InvalidArgumentError(path + ": is not named as a manifest, MANIFEST-n"),
                    talk);
  }
  return DumpWalCommand(files, path, format, out, talk);
}

int VerifyWalCommand(FileSystem& files, const std::string& path, OutputFormat format,
                     std::FILE* out, std::FILE* talk) {
  // Listing succeeds for directories only.
  return files.List(path).ok() ? VerifyDirectory(files, path, format, out, talk)
                               : VerifyFile(files, path, format, out, talk);
}

}  // namespace lumen
