// What crash images cost, in nanoseconds of processor time: a history as a database makes one,
// visited at every moment, under each profile.
//
//   crash_bench [rounds]

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "faultfs/volume.h"

namespace lumen::faultfs {
namespace {

constexpr uint64_t kWalBytes = 64 << 10;
constexpr int kRotations = 6;
constexpr int kWritesPerWal = 40;
constexpr int kSyncEvery = 8;
constexpr uint64_t kSamplesPerMoment = 4;

int64_t NowNs() {
  timespec time;
  CHECK(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::string Numbered(const char* prefix, int number, const char* suffix) {
  return std::string("/db/") + prefix + std::to_string(10'000'000 + number) + suffix;
}

std::unique_ptr<LogFile> Create(FileSystem& files, const std::string& path) {
  auto file = files.CreateLogFile(path);
  CHECK(file.ok());
  return *std::move(file);
}

// A table is written out, named in the manifest, and the WAL before it goes.
void Flush(FileSystem& files, LogFile& manifest, int rotation) {
  auto table = Create(files, Numbered("", rotation, ".sst"));
  CHECK(table->Append(std::string(4096, 't')).ok());
  CHECK(table->Append(std::string(900, 'i')).ok());
  CHECK(table->Sync().ok());
  CHECK(files.SyncDirectory("/db").ok());
  CHECK(manifest.Append(std::string(120, 'm')).ok());
  CHECK(manifest.Sync().ok());
  if (rotation > 0) CHECK(files.Remove(Numbered("", rotation - 1, ".wal")).ok());
}

std::vector<Operation> History() {
  Volume volume;
  const auto process = volume.Start();
  CHECK(process->CreateDirectory("/db").ok());
  CHECK(process->SyncDirectory("/").ok());
  auto manifest = Create(*process, "/db/MANIFEST-1");
  for (int rotation = 0; rotation < kRotations; ++rotation) {
    auto wal = Create(*process, Numbered("", rotation, ".wal"));
    CHECK(wal->Allocate(kWalBytes).ok());
    for (int write = 0; write < kWritesPerWal; ++write) {
      CHECK(wal->Append(std::string(60 + 37 * static_cast<size_t>(write), 'w')).ok());
      if (write % kSyncEvery == kSyncEvery - 1) CHECK(wal->Sync().ok());
    }
    Flush(*process, *manifest, rotation);
  }
  return volume.history();
}

uint64_t checksum = 0;  // so that no work is left out

void Measure(const std::vector<Operation>& history, Profile profile, int rounds) {
  int64_t apply_ns = 0;
  int64_t sample_ns = 0;
  int64_t hash_ns = 0;
  uint64_t samples = 0;
  uint64_t pending = 0;
  for (int round = 0; round < rounds; ++round) {
    DiskState state(profile, {});
    for (size_t point = 0; point < history.size(); ++point) {
      const int64_t start_ns = NowNs();
      state.Apply(history[point]);
      const int64_t applied_ns = NowNs();
      const CrashSpace space(state, 1, state.unlinked());
      std::vector<CrashImage> images;
      images.reserve(kSamplesPerMoment);
      for (uint64_t i = 0; i < kSamplesPerMoment; ++i) {
        images.push_back(space.Sample(point * kSamplesPerMoment + i));
      }
      const int64_t sampled_ns = NowNs();
      for (const CrashImage& image : images) checksum += image.image.hash();
      hash_ns += NowNs() - sampled_ns;
      sample_ns += sampled_ns - applied_ns;
      apply_ns += applied_ns - start_ns;
      samples += kSamplesPerMoment;
      pending += space.choices();
    }
  }
  const auto each = [](int64_t ns, uint64_t count) {
    return static_cast<double>(ns) / static_cast<double>(count);
  };
  const uint64_t moments = samples / kSamplesPerMoment;
  std::printf("%-15s apply %6.0f ns   sample %6.0f ns   hash %6.0f ns   pending %5.1f\n",
              std::string(ProfileName(profile)).c_str(), each(apply_ns, moments),
              each(sample_ns, samples), each(hash_ns, samples),
              each(static_cast<int64_t>(pending), moments));
}

int Main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 20;
  const std::vector<Operation> history = History();
  std::printf("%zu operations, %d rounds\n", history.size(), rounds);
  for (const Profile profile : kProfiles) Measure(history, profile, rounds);
  std::printf("(%llx)\n", static_cast<unsigned long long>(checksum));
  return 0;
}

}  // namespace
}  // namespace lumen::faultfs

int main(int argc, char** argv) { return lumen::faultfs::Main(argc, argv); }
