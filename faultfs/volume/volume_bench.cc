// What the simulated disk costs, in nanoseconds of processor time for each step.
//
//   volume_bench [rounds]

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "faultfs/volume.h"

namespace lumen::faultfs {
namespace {

constexpr int kFiles = 15;
constexpr uint64_t kWalBytes = 64 << 10;

int64_t NowNs() {
  timespec time;
  CHECK(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// A database's directory: two WAL segments of 64 KiB with 8 KiB of data, and tables of 5000 bytes.
DiskImage Sample() {
  PlainImage plain{{"/db", std::nullopt}};
  for (int i = 0; i < kFiles; ++i) {
    std::string content(i < 2 ? 8192 : 5000, static_cast<char>('a' + i));
    if (i < 2) content.resize(kWalBytes);
    plain["/db/0000000" + std::to_string(i) + (i < 2 ? ".wal" : ".sst")] = std::move(content);
  }
  DiskImage image = DiskImage::FromPlain(plain);
  image.hash();
  return image;
}

uint64_t checksum = 0;  // so that no work is left out

template <typename Step>
void Measure(const char* name, int rounds, Step step) {
  const int64_t start_ns = NowNs();
  for (int round = 0; round < rounds; ++round) step(round);
  std::printf("%-44s %8.0f ns\n", name, static_cast<double>(NowNs() - start_ns) / rounds);
}

void MeasureImages(int rounds) {
  const DiskImage image = Sample();
  const InodeNumber wal = image.Find("/db/00000000.wal");
  Measure("fork an image of 15 files", rounds, [&](int) {
    const DiskImage copy = image;
    checksum += copy.next_inode();
  });
  Measure("hash it, nothing changed", rounds, [&](int) { checksum += image.hash(); });
  Measure("fork, change 3 sectors of a file, hash", rounds, [&](int round) {
    DiskImage copy = image;
    const std::string sector(kSectorBytes, static_cast<char>(round));
    FileBytes& bytes = copy.MutableFile(wal);
    for (const uint64_t at : {0u, 4096u, 8192u}) bytes.Write(at, sector);
    checksum += copy.hash();
  });
  Measure("fork, change 1 sector of 3 files, hash", rounds, [&](int round) {
    DiskImage copy = image;
    const std::string sector(kSectorBytes, static_cast<char>(round));
    for (InodeNumber inode = wal; inode < wal + 3; ++inode) {
      copy.MutableFile(inode).Write(512, sector);
    }
    checksum += copy.hash();
  });
}

void MeasureVolumes(int rounds) {
  const DiskImage image = Sample();
  Measure("volume on an image, start, kill", rounds, [&](int) {
    Volume volume(image);
    const auto files = volume.Start();
    files->Kill();
    checksum += volume.calls();
  });
  Volume volume(image);
  const auto files = volume.Start();
  const std::string path = "/db/00000001.wal";
  Measure("open and close a file", rounds,
          [&](int) { checksum += (*files->OpenReadFile(path))->size(); });
  const auto reader = *files->OpenReadFile(path);
  std::string out(kWalBytes, '\0');
  Measure("read all of a 64 KiB segment, 8 KiB written", rounds,
          [&](int) { CHECK(reader->ReadAt(0, out).ok()); });
  Measure("view 4 KiB", rounds, [&](int) { checksum += reader->View(4096, 4096)->size(); });
  Measure("list 15 names", rounds, [&](int) { checksum += files->List("/db")->size(); });
}

void MeasureLogs(int rounds) {
  const DiskImage image = Sample();
  const std::string record(100, 'x');
  std::unique_ptr<Volume> volume;
  std::unique_ptr<Volume::Process> files;
  std::unique_ptr<LogFile> log;
  constexpr int kAppendsToAFile = 100;
  const auto renew = [&](int round) {
    if (round % kAppendsToAFile != 0) return;
    log.reset();
    files.reset();
    volume = std::make_unique<Volume>(image);
    files = volume->Start();
    log = *files->CreateLogFile("/db/new.wal");
    CHECK(log->Allocate(kWalBytes).ok());
  };
  Measure("append 100 bytes", rounds, [&](int round) {
    renew(round);
    CHECK(log->Append(record).ok());
  });
  Measure("append 100 bytes, sync, fork, hash", rounds, [&](int round) {
    renew(round);
    CHECK(log->Append(record).ok());
    CHECK(log->Sync().ok());
    const DiskImage copy = volume->current();
    checksum += copy.hash();
  });
}

}  // namespace
}  // namespace lumen::faultfs

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100'000;
  lumen::faultfs::MeasureImages(rounds);
  lumen::faultfs::MeasureVolumes(rounds);
  lumen::faultfs::MeasureLogs(rounds);
  std::printf("checksum %llu\n", static_cast<unsigned long long>(lumen::faultfs::checksum));
}
