// What one tested state costs, step by step: the image's fork, Open, the full comparison, a durable
// write, Close, and the second half of the oracle's check. Tiny limits, as the workloads have them.
//
//   open_bench [rounds]

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/engine.h"
#include "engine/memory_file_system.h"
#include "engine/simulated_environment.h"
#include "proptests/harness/engine_store.h"
#include "proptests/harness/workload.h"
#include "proptests/oracle.h"

namespace lumen::crash {
namespace {

constexpr int kKeys = 24;
constexpr int kWrites = 40;

std::string Key(int number) { return (number < 10 ? "k0" : "k") + std::to_string(number); }

// A disk as a power loss leaves it, and the log of what was written.
struct Scene {
  std::unique_ptr<MemoryFileSystem> files;
  WriteLog log;
};

std::vector<Scene> MakeScenes(const Options& options) {
  std::vector<Scene> scenes;
  MemoryFileSystem files;
  SimulatedEnvironment simulation(1, files);
  auto engine = Engine::Open(options, "/db", simulation.environment());
  CHECK(engine.ok());
  WriteLog log;
  for (int i = 0; i < kWrites; ++i) {
    WriteBatch batch;
    const std::string key = Key(i * 7 % kKeys);
    const std::string value(static_cast<size_t>(16 + i * 37 % 300),
                            static_cast<char>('a' + i % 26));
    batch.Put(key, value);
    const auto result = (*engine)->Write(batch, {});
    CHECK(result.ok());
    const auto time = static_cast<uint64_t>(i);
    log.Add({.changes = {{key, value}},
             .issued = time,
             .acknowledged = time,
             .durable = time,
             .last_sequence = result->sequence});
    if (i % 4 == 3) {
      scenes.push_back({files.CrashCopy(MemoryFileSystem::Crash::kPowerLoss), log});
    }
  }
  return scenes;
}

// Of this thread's processor time, so that a busy machine tells the same.
class Stopwatch {
 public:
  explicit Stopwatch(const char* name) : name_(name) {}
  template <typename Work>
  void Time(Work work) {
    const int64_t start_ns = Now();
    work();
    total_ns_ += Now() - start_ns;
  }
  double Print(size_t states) const {
    const double micros = static_cast<double>(total_ns_) / 1000 / static_cast<double>(states);
    std::printf("%-28s %8.2f us\n", name_, micros);
    return micros;
  }

 private:
  static int64_t Now() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }

  const char* name_;
  int64_t total_ns_ = 0;
};

void RunSteps(const std::vector<Scene>& scenes, const Options& options, int rounds) {
  const Opener open = EngineOpener(options);
  Stopwatch fork("fork of the image"), opening("Open"), scan("scans"), get("gets"),
      put("durable put"), close("Close"), reopen("Open again"), drop("Close, all freed");
  for (int round = 0; round < rounds; ++round) {
    for (const Scene& scene : scenes) {
      std::unique_ptr<MemoryFileSystem> files;
      std::unique_ptr<Store> store;
      uint64_t bytes = 0;
      const auto visit = [&](std::string_view key, std::string_view value) {
        bytes += key.size() + value.size();
      };
      const auto open_store = [&] {
        auto opened = open(*files, 1);
        CHECK(opened.ok());
        store = *std::move(opened);
      };
      fork.Time([&] { files = scene.files->CrashCopy(MemoryFileSystem::Crash::kPowerLoss); });
      opening.Time(open_store);
      scan.Time([&] { CHECK(store->Scan(false, visit).ok() && store->Scan(true, visit).ok()); });
      get.Time([&] {
        for (const std::string& key : scene.log.keys()) CHECK(store->Get(key).ok());
      });
      put.Time([&] { CHECK(store->Put("k00", "new").ok()); });
      close.Time([&] {
        CHECK(store->Close().ok());
        store.reset();
      });
      reopen.Time(open_store);
      drop.Time([&] {
        CHECK(store->Close().ok());
        store.reset();
        files.reset();
      });
    }
  }
  double total = 0;
  const size_t states = scenes.size() * static_cast<size_t>(rounds);
  for (const Stopwatch* watch : {&fork, &opening, &scan, &get, &put, &close, &reopen, &drop}) {
    total += watch->Print(states);
  }
  std::printf("%-28s %8.2f us\n", "together", total);
}

void RunChecks(const std::vector<Scene>& scenes, const Options& options, int rounds) {
  const Opener open = EngineOpener(options);
  Stopwatch check("fork and the oracle's check");
  for (int round = 0; round < rounds; ++round) {
    for (const Scene& scene : scenes) {
      const Obligations obligations = ObligationsAt(scene.log, 1000, false);
      check.Time([&] {
        const auto files = scene.files->CrashCopy(MemoryFileSystem::Crash::kPowerLoss);
        const auto violation = Check(open, *files, 2, scene.log, obligations, {});
        CHECK(!violation.has_value());
      });
    }
  }
  check.Print(scenes.size() * static_cast<size_t>(rounds));
}

}  // namespace
}  // namespace lumen::crash

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 500;
  const lumen::Options options = lumen::crash::Workload().options();
  const auto scenes = lumen::crash::MakeScenes(options);
  lumen::crash::RunSteps(scenes, options, rounds);
  lumen::crash::RunChecks(scenes, options, rounds);
  return 0;
}
