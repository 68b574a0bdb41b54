#include "proptests/lumen_crash/console.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "proptests/lumen_crash/summary.h"

namespace lumen::crash {
namespace {

void Write(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

Cost ProcessCost() {
  rusage usage{};
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return {.processor_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime),
          .peak_memory_bytes = static_cast<uint64_t>(usage.ru_maxrss) << 10};
}

}  // namespace

Console ProcessConsole() {
  Console console;
  console.out = [](std::string_view text) { Write(stdout, text); };
  console.error = [](std::string_view text) { Write(stderr, text); };
  if (isatty(STDERR_FILENO) != 0) {
    // To the start of the line, and nothing behind it.
    console.progress = [](std::string_view line) {
      Write(stderr, absl::StrCat("\r", std::string(line), "\x1b[K"));
    };
  }
  console.environment = [](const char* name) { return std::getenv(name); };
  console.now_ns = [] {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  console.cost = ProcessCost;
  return console;
}

void ProgressLine::Show(const std::string& profile, const Totals& totals) {
  if (!console_.progress) return;
  shown_ = true;
  console_.progress(absl::StrCat(profile, ": case ", WithCommas(totals.cases), ", ",
                                 WithCommas(totals.distinct), " distinct states of ",
                                 WithCommas(totals.generated), ", ", totals.violations,
                                 " violations"));
}

void ProgressLine::Clear() {
  if (shown_) console_.progress("");
  shown_ = false;
}

}  // namespace lumen::crash
