#include "proptests/lumen_crash/mutant_score.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "proptests/lumen_crash/output_file.h"
#include "proptests/lumen_crash/selftest.h"

namespace lumen::crash {
namespace {

constexpr size_t kMaxRecordBytes = 1000;
constexpr std::string_view kBuild = ", build ";

std::string_view CommitOf(std::string_view build) { return build.substr(0, build.find(' ')); }

}  // namespace

std::string MutantScore::ToString() const {
  return absl::StrCat(caught, " of ", total, " mutants caught", std::string(kBuild), build);
}

std::string MutantsLine(const std::string& record_path, std::string_view build) {
  const absl::StatusOr<std::string> record = ReadFile(record_path, kMaxRecordBytes);
  if (!record.ok()) return "mutants: no selftest was run here";
  const std::string line = record->substr(0, record->find('\n'));
  const size_t at = line.find(kBuild);
  if (at != std::string::npos &&
      CommitOf(std::string_view(line).substr(at + kBuild.size())) == CommitOf(build)) {
    return line.substr(0, at);
  }
  return "mutants: the last selftest was of another build";
}

std::string DefaultRecordPath() {
  std::error_code ignored;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return (program.parent_path() / "lumen-crash-selftest.txt").string();
}

}  // namespace lumen::crash
