#include "proptests/lumen_crash/selftest.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "proptests/lumen_crash/verdict.h"

namespace lumen::crash {
namespace {

constexpr char kDriver[] = "ci/crash-selftest";

bool HoldsDriver(const std::filesystem::path& tree) {
  std::error_code ignored;
  return std::filesystem::exists(tree / kDriver, ignored) &&
         std::filesystem::exists(tree / "proptests/mutants", ignored);
}

// The nearest folder above the program that is a source tree; empty: none is.
std::filesystem::path TreeOfProgram() {
  std::error_code ignored;
  std::filesystem::path at = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  while (!at.empty() && !HoldsDriver(at)) at = at == at.root_path() ? "" : at.parent_path();
  return at;
}

std::vector<std::string> CommandOf(const SelftestSettings& settings,
                                   const std::filesystem::path& tree) {
  std::vector<std::string> words = {(tree / kDriver).string()};
  const auto add = [&words](const char* option, const std::string& value) {
    words.insert(words.end(), {option, value});
  };
  for (const std::string& id : settings.only) add("--only", id);
  if (settings.states > 0) add("--states", std::to_string(settings.states));
  add("--jobs", std::to_string(settings.jobs));
  if (!settings.record.empty()) add("--record", settings.record);
  if (!settings.keep.empty()) add("--keep", settings.keep);
  return words;
}

}  // namespace

int RunSelftest(const SelftestSettings& settings) {
  const std::filesystem::path tree =
      settings.source.empty() ? TreeOfProgram() : std::filesystem::path(settings.source);
  if (tree.empty() || !HoldsDriver(tree)) {
    std::fprintf(stderr,
                 "lumen-crash: selftest builds mutated copies of LumenKV's source, and %s; say "
                 "where it is: --source DIR\n",
                 settings.source.empty() ? "this program does not lie in one"
                                         : (settings.source + " holds no " + kDriver).c_str());
    return static_cast<int>(Verdict::kHarnessFault);
  }
  std::vector<std::string> words = CommandOf(settings, tree);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::fflush(nullptr);
  // Signals and the exit code are the driver's own from here on.
  ::execv(arguments[0], arguments.data());
  std::fprintf(stderr, "lumen-crash: cannot run %s: %s\n", arguments[0], std::strerror(errno));
  return static_cast<int>(Verdict::kHarnessFault);
}

}  // namespace lumen::crash
