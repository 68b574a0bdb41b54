// What one tested state costs, step by step: the image's fork, Open, the full comparison, a durable
// write, Close, and the second half of the oracle's check. Tiny limits, as the workloads have them.
//
//   open_bench [rounds]

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/engine.h"
#include "engine/simulated_environment.h"
#include "faultfs/volume.h"
#include "proptests/harness/engine_store.h"
#include "proptests/harness/workload.h"
#include "proptests/oracle.h"

namespace lumen::crash {
namespace {

constexpr int kKeys = 24;
constexpr int kWrites = 40;

std::string Key(int number) { return (number < 10 ? "k0" : "k") + std::to_string(number); }

// A disk as a kill leaves it, and the log of what was written.
struct Scene {
  faultfs::DiskImage image;
  WriteLog log;
};

// A volume on an image, and a program's view of it.
struct Machine {
  explicit Machine(const faultfs::DiskImage& image) : volume(image), files(volume.Start()) {}

  faultfs::Volume volume;
  std::unique_ptr<faultfs::Volume::Process> files;
};

std::vector<Scene> MakeScenes(const Options& options) {
  std::vector<Scene> scenes;
  Machine machine{faultfs::DiskImage()};
  SimulatedEnvironment simulation(1, *machine.files);
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
      scenes.push_back({machine.volume.current(), log});
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
    taken_ns_.push_back(Now() - start_ns);
  }
  // The median.
  double Print() {
    std::sort(taken_ns_.begin(), taken_ns_.end());
    const auto micros = [&](size_t percent) {
      return static_cast<double>(taken_ns_[(taken_ns_.size() - 1) * percent / 100]) / 1000;
    };
    std::printf("%-28s p10 %7.2f  p50 %7.2f  p99 %7.2f us\n", name_, micros(10), micros(50),
                micros(99));
    return micros(50);
  }

 private:
  static int64_t Now() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }

  const char* name_;
  std::vector<int64_t> taken_ns_;
};

void RunSteps(const std::vector<Scene>& scenes, const Options& options, int rounds) {
  const Opener open = EngineOpener(options);
  Stopwatch fork("fork of the image"), opening("Open"), scan("scans"), get("gets"),
      put("durable put"), close("Close"), reopen("Open again"), drop("Close, all freed");
  for (int round = 0; round < rounds; ++round) {
    for (const Scene& scene : scenes) {
      std::optional<Machine> machine;
      std::unique_ptr<Store> store;
      uint64_t bytes = 0;
      const auto visit = [&](std::string_view key, std::string_view value) {
        bytes += key.size() + value.size();
      };
      const auto open_store = [&] {
        auto opened = open(*machine->files, 1);
        CHECK(opened.ok());
        store = *std::move(opened);
      };
      fork.Time([&] { machine.emplace(scene.image); });
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
        machine.reset();
      });
    }
  }
  double total = 0;
  for (Stopwatch* watch : {&fork, &opening, &scan, &get, &put, &close, &reopen, &drop}) {
    total += watch->Print();
  }
  std::printf("%-28s              p50 %7.2f us\n", "together", total);
}

void RunChecks(const std::vector<Scene>& scenes, const Options& options, int rounds) {
  const Opener open = EngineOpener(options);
  Stopwatch check("fork and the oracle's check");
  for (int round = 0; round < rounds; ++round) {
    for (const Scene& scene : scenes) {
      const Obligations obligations = ObligationsAt(scene.log, 1000, false);
      check.Time([&] {
        const Machine machine(scene.image);
        const auto violation = Check(open, *machine.files, 2, scene.log, obligations, {});
        CHECK(!violation.has_value());
      });
    }
  }
  check.Print();
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
