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

int VerifyTableCommand(FileSystem& files, const std::string& path, std::FILE* out,
                       std::FILE* talk) {
  const absl::Status verified = VerifyTable(files, path);
  if (!verified.ok()) return Complain(verified, talk);
  const absl::StatusOr<uint64_t> bytes = files.FileSize(path);
  if (!bytes.ok()) return Complain(bytes.status(), talk);
  PrintLine(out, path + ": " + std::to_string(*bytes) + " bytes, whole");
  return kExitOk;
}

}  // namespace lumen
