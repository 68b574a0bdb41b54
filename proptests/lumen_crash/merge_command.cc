#include "proptests/lumen_crash/merge_command.h"

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "proptests/lumen_crash/hash_file.h"
#include "proptests/lumen_crash/output_file.h"
#include "proptests/lumen_crash/report_files.h"
#include "proptests/lumen_crash/summary.h"

namespace lumen::crash {
namespace {

// The most that one shard writes: kMaxKeptHashes of 8 bytes, and counts.
constexpr size_t kMaxHashFileBytes = (size_t{1} << 29) + (size_t{1} << 24);

absl::StatusOr<RunReport> Merge(const std::vector<std::string>& paths) {
  std::vector<RunReport> parts;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kMaxHashFileBytes));
    absl::StatusOr<RunReport> part = ReadHashFile(content);
    if (!part.ok()) {
      return absl::Status(part.status().code(),
                          absl::StrCat(path, ": ", std::string(part.status().message())));
    }
    parts.push_back(*std::move(part));
  }
  return MergeShards(std::move(parts), paths);
}

}  // namespace

int MergeCommand(const MergeArguments& arguments, const CommandContext& context) {
  absl::StatusOr<RunReport> whole = Merge(arguments.paths);
  if (!whole.ok()) {
    context.console.error(
        absl::StrCat("lumen-crash: merge: ", std::string(whole.status().message()), "\n"));
    return static_cast<int>(Verdict::kHarnessFault);
  }
  whole->again = "lumen-crash merge";
  for (const std::string& path : arguments.paths) whole->again += " " + QuoteForShell(path);
  context.console.out(FirstLine(*whole) + "\n");
  WriteReports(arguments.outputs, context.harness, context.console, *whole);
  context.console.out(TextSummary(*whole));
  return static_cast<int>(whole->verdict());
}

}  // namespace lumen::crash
