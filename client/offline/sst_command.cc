#include "client/offline/sst_command.h"

#include "client/exit_codes.h"
#include "client/offline/report.h"
#include "engine/table_inspect.h"

namespace lumen {

int DumpTableCommand(FileSystem& files, const std::string& path, bool entries, std::FILE* out,
                     std::FILE* talk) {
  const absl::Status read = DumpTable(files, path, {.entries = entries},
                                      [&](std::string_view line) { PrintLine(out, line); });
  return read.ok() ? kExitOk : Complain(read, talk);
}

int VerifyTableCommand(FileSystem& files, const std::string& path, OutputFormat format,
                       std::FILE* out, std::FILE* talk) {
  const absl::Status verified = VerifyTable(files, path);
  const absl::StatusOr<uint64_t> bytes = files.FileSize(path);
  if (!verified.ok() && !absl::IsDataLoss(verified)) return Complain(verified, talk);
  if (!bytes.ok()) return Complain(bytes.status(), talk);
  Output output(format, out);
  if (verified.ok()) output.Line(path + ": " + std::to_string(*bytes) + " bytes, whole");
  output.Record(JsonObject()
                    .Add("type", "table")
                    .Add("name", path)
                    .Add("bytes", *bytes)
                    .Add("whole", verified.ok())
                    .Add("damage", std::string(verified.message())));
  return verified.ok() ? kExitOk : Complain(verified, talk);
}

}  // namespace lumen
