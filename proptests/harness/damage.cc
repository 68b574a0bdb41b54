#include "proptests/harness/damage.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/wal_inspect.h"
#include "faultfs/volume.h"
#include "proptests/harness/recording.h"

namespace lumen::crash {
namespace {

class Promises final : public DumpSink {
 public:
  void OnHeader(const DumpedHeader&) override {}
  void OnFrame(const DumpedFrame& frame) override {
    any_frame = true;
    durable_to = std::max(durable_to, frame.durable_to);
  }
  void OnVerdict(const DumpedVerdict&) override {}

  bool any_frame = false;
  uint64_t durable_to = 0;
};

Promises PromisesOf(FileSystem& files, const std::string& path) {
  Promises promises;
  // What cannot be read promises nothing.
  DumpWal(files, path, promises).IgnoreError();
  return promises;
}

// Nothing: all of a file, where it was cut.
std::optional<uint64_t> DamagedSectors(std::span<const faultfs::Operation> history) {
  uint64_t sectors = 0;
  for (const faultfs::Operation& damage : history) {
    if (damage.kind != faultfs::OperationKind::kDamage) continue;
    if (damage.data == nullptr || damage.data->empty()) return std::nullopt;
    const uint64_t last = damage.offset + damage.data->size() - 1;
    sectors += last / faultfs::kSectorBytes - damage.offset / faultfs::kSectorBytes + 1;
  }
  return sectors;
}

// How many writes come before the last `units` sync units: writes of one unit became durable at one
// time.
size_t WritesBeforeUnits(const WriteLog& log, const Obligations& obligations,
                         std::optional<uint64_t> units) {
  std::set<uint64_t> times;
  for (const CommittedWrite& write : log.writes()) {
    if (write.durable <= obligations.crash_point) times.insert(write.durable);
  }
  if (!units.has_value() || times.size() <= *units) return 0;
  const uint64_t until = *std::next(times.rbegin(), static_cast<ptrdiff_t>(*units));
  size_t count = 0;
  for (size_t i = 0; i < log.writes().size(); ++i) {
    if (log.writes()[i].durable <= until) count = i + 1;
  }
  return std::min(count, obligations.at_least);
}

}  // namespace

bool LooksTorn(const faultfs::DiskImage& image, const std::string& segment_path, uint64_t offset) {
  faultfs::Volume volume(image);
  const std::unique_ptr<faultfs::Volume::Process> files = volume.Start();
  if (PromisesOf(*files, segment_path).durable_to > offset) return false;
  const absl::StatusOr<std::vector<std::string>> names = files->List(kDatabaseDirectory);
  if (!names.ok()) return false;
  return std::none_of(names->begin(), names->end(), [&](const std::string& name) {
    const std::string path = absl::StrCat(kDatabaseDirectory, "/", name);
    return absl::EndsWith(name, ".wal") && path > segment_path &&
           PromisesOf(*files, path).any_frame;
  });
}

bool DamageLooksTorn(std::span<const faultfs::Operation> history, const faultfs::DiskImage& image) {
  const faultfs::DiskImage::Entries* const entries =
      image.Directory(image.Find(kDatabaseDirectory));
  if (entries == nullptr) return false;
  for (const faultfs::Operation& damage : history) {
    if (damage.kind != faultfs::OperationKind::kDamage) continue;
    const bool shortens = damage.data == nullptr || damage.data->empty();
    for (const auto& [name, inode] : *entries) {
      if (inode == damage.inode && absl::EndsWith(name, ".wal") &&
          LooksTorn(image, absl::StrCat(kDatabaseDirectory, "/", name),
                    shortens ? damage.size : damage.offset)) {
        return true;
      }
    }
  }
  return false;
}

void ExcuseTornDamage(std::span<const faultfs::Operation> history, const faultfs::DiskImage& image,
                      const WriteLog& log, Obligations& obligations) {
  if (obligations.may_lose || !DamageLooksTorn(history, image)) return;
  obligations.may_lose = true;
  obligations.may_lose_to = WritesBeforeUnits(log, obligations, DamagedSectors(history));
}

}  // namespace lumen::crash
