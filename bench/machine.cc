#include "bench/machine.h"

#include <sched.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "build_commit.h"

namespace lumen::bench {
namespace {

std::string CpuModel() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!absl::StartsWith(line, "model name")) continue;
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown CPU";
}

std::string Processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return "";
  return absl::StrCat(CPU_COUNT(&allowed), " processors, threads placed by the kernel");
}

std::string Memory() {
  struct sysinfo info = {};
  if (sysinfo(&info) != 0) return "unknown";
  const double bytes = static_cast<double>(info.totalram) * info.mem_unit;
  return absl::StrFormat("%.1f GiB", bytes / (1 << 30));
}

std::string Kernel() {
  struct utsname name = {};
  if (uname(&name) != 0) return "unknown";
  return absl::StrCat(name.sysname, " ", name.release, " ", name.machine);
}

// "ext4 on /dev/vda (rw,relatime)": the mount with the longest path above `directory`.
std::string FileSystemUnder(const std::string& directory) {
  std::error_code error;
  const std::string path = std::filesystem::canonical(directory, error).string() + "/";
  std::ifstream mounts("/proc/self/mounts");
  std::string best_point;
  std::string found = "unknown";
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string device;
    std::string point;
    std::string type;
    std::string options;
    fields >> device >> point >> type >> options;
    const std::string prefix = point == "/" ? point : point + "/";
    if (!absl::StartsWith(path, prefix) || prefix.size() < best_point.size()) continue;
    best_point = prefix;
    found = absl::StrCat(type, " on ", device, " (", options, ")");
  }
  return found;
}

std::string Now() {
  const std::time_t now = std::time(nullptr);
  struct tm utc = {};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc);
  return text;
}

}  // namespace

void AddMachineFacts(const std::string& directory, Report& report) {
  report.AddFact("date", Now());
  report.AddFact("commit", LUMEN_BENCH_COMMIT);
  report.AddFact("build", LUMEN_BENCH_BUILD);
  report.AddFact("cpu", absl::StrCat(CpuModel(), ", ", Processors()));
  report.AddFact("memory", Memory());
  report.AddFact("kernel", Kernel());
  report.AddFact("disk", FileSystemUnder(directory));
}

}  // namespace lumen::bench
