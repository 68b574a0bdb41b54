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

int VerifyFile(FileSystem& files, const std::string& path, std::FILE* out, std::FILE* talk) {
  VerdictSink sink;
  const absl::Status read = DumpWal(files, path, sink);
  if (!read.ok()) return Complain(read, talk);
  PrintLine(out, path + ": header " + sink.header().state + ", " +
                     std::to_string(sink.verdict().good_frames) + " frames, " +
                     std::to_string(sink.verdict().operations) + " operations, " +
                     sink.verdict().text);
  return sink.verdict().damaged ? kExitCorruption : kExitOk;
}

int VerifyDirectory(FileSystem& files, const std::string& path, std::FILE* out, std::FILE* talk) {
  const absl::StatusOr<WalDirectoryReport> report = VerifyWalDirectory(files, path);
  if (!report.ok()) return Complain(report.status(), talk);
  for (const std::string& line : DescribeWalDirectory(*report)) PrintLine(out, line);
  return report->verdict.ok() ? kExitOk : Complain(report->verdict, talk);
}

}  // namespace

int DumpWalCommand(FileSystem& files, const std::string& path, std::FILE* out, std::FILE* talk) {
  absl::Status read =
      DumpWalAsText(files, path, [&](std::string_view line) { PrintLine(out, line); });
  if (!read.ok()) return Complain(read, talk);
  VerdictSink sink;
  read = DumpWal(files, path, sink);
  if (!read.ok()) return Complain(read, talk);
  return sink.verdict().damaged ? kExitCorruption : kExitOk;
}

int VerifyWalCommand(FileSystem& files, const std::string& path, std::FILE* out, std::FILE* talk) {
  // Listing succeeds for directories only.
  return files.List(path).ok() ? VerifyDirectory(files, path, out, talk)
                               : VerifyFile(files, path, out, talk);
}

}  // namespace lumen
