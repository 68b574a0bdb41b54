#include "proptests/harness/damage.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/wal_inspect.h"
#include "proptests/harness/recording.h"

namespace lumen::crash {
namespace {

using faultfs::Operation;

constexpr uint64_t kAnySize = std::numeric_limits<uint64_t>::max();

bool IsCut(const Operation& harm) { return harm.data == nullptr || harm.data->empty(); }
uint64_t Begin(const Operation& harm) { return IsCut(harm) ? harm.size : harm.offset; }

// What the frames of a segment say that can be read.
class Frames final : public DumpSink {
 public:
  void OnHeader(const DumpedHeader&) override {}
  void OnFrame(const DumpedFrame& frame) override {
    any = true;
    durable_to = std::max(durable_to, frame.durable_to);
    if (frame.good) good.push_back({frame.offset + frame.length, LastSequence(frame)});
  }
  void OnVerdict(const DumpedVerdict&) override {}

  // The highest sequence in the good frames that end at or before `offset`.
  uint64_t LastSequenceBefore(uint64_t offset) const {
    uint64_t last = 0;
    for (const auto& [end, sequence] : good) {
      if (end <= offset) last = std::max(last, sequence);
    }
    return last;
  }

  bool any = false;  // whose header verifies, at least
  uint64_t durable_to = 0;
  std::vector<std::pair<uint64_t, uint64_t>> good;  // end, last sequence

 private:
  static uint64_t LastSequence(const DumpedFrame& frame) {
    return frame.operation_count == 0 ? 0 : frame.first_sequence + frame.operation_count - 1;
  }
};

Frames FramesOf(FileSystem& files, const std::string& path) {
  Frames frames;
  // What cannot be read says nothing.
  DumpWal(files, path, frames).IgnoreError();
  return frames;
}

// The harms of one segment that cannot be told from a tear, and what is readable before them.
struct Torn {
  std::optional<uint64_t> sectors = 0;  // nothing: all there are
  uint64_t last_sequence = 0;

  bool any() const { return !sectors.has_value() || *sectors > 0; }
};

Torn TornPart(std::span<const Operation> harms, faultfs::InodeNumber inode, const Frames& frames) {
  Torn torn;
  uint64_t first = kAnySize;
  for (const Operation& harm : harms) {
    if (harm.inode != inode || Begin(harm) < frames.durable_to) continue;
    first = std::min(first, Begin(harm));
    if (IsCut(harm)) torn.sectors.reset();
    if (!torn.sectors.has_value()) continue;
    const uint64_t last = harm.offset + harm.data->size() - 1;
    *torn.sectors += last / faultfs::kSectorBytes - harm.offset / faultfs::kSectorBytes + 1;
  }
  torn.last_sequence = frames.LastSequenceBefore(first);
  return torn;
}

// A prefix ends with a write that no earlier recovery had lost.
bool IsKept(const CommittedWrite& write, const Obligations& obligations) {
  return write.lost > obligations.crash_point;
}

// How many writes come before the last `units` sync units: writes of one unit became durable at one
// time.
size_t WritesBeforeUnits(const WriteLog& log, const Obligations& obligations,
                         std::optional<uint64_t> units) {
  std::set<uint64_t> times;
  for (const CommittedWrite& write : log.writes()) {
    if (IsKept(write, obligations) && write.durable <= obligations.crash_point) {
      times.insert(write.durable);
    }
  }
  if (!units.has_value() || times.size() <= *units) return 0;
  const uint64_t until = *std::next(times.rbegin(), static_cast<ptrdiff_t>(*units));
  size_t count = 0;
  for (size_t i = 0; i < log.writes().size(); ++i) {
    const CommittedWrite& write = log.writes()[i];
    if (IsKept(write, obligations) && write.durable <= until) count = i + 1;
  }
  return count;
}

size_t WritesUpTo(const WriteLog& log, const Obligations& obligations, uint64_t sequence) {
  size_t count = 0;
  for (size_t i = 0; i < log.writes().size(); ++i) {
    const CommittedWrite& write = log.writes()[i];
    const bool up_to = write.last_sequence != 0 && write.last_sequence <= sequence;
    if (IsKept(write, obligations) && up_to) count = i + 1;
  }
  return count;
}

}  // namespace

std::vector<Operation> HarmsIn(std::span<const Operation> history,
                               std::span<const faultfs::StaleRead> stale_reads) {
  std::vector<Operation> harms;
  for (const Operation& operation : history) {
    if (operation.kind == faultfs::OperationKind::kDamage) harms.push_back(operation);
  }
  for (const faultfs::StaleRead& read : stale_reads) {
    Operation& harm = harms.emplace_back();
    harm.kind = faultfs::OperationKind::kDamage;
    harm.inode = read.inode;
    harm.offset = read.offset;
    harm.data = std::make_shared<const std::string>(read.bytes);
    harm.size = kAnySize;
  }
  return harms;
}

faultfs::DiskImage WithHarms(faultfs::DiskImage image, std::span<const Operation> harms) {
  for (const Operation& harm : harms) {
    const faultfs::FileBytes* const file = image.File(harm.inode);
    if (file == nullptr) continue;
    const uint64_t size = std::min(file->size(), harm.size);
    faultfs::FileBytes& changed = image.MutableFile(harm.inode);
    if (harm.data != nullptr && harm.offset < size) {
      changed.Write(harm.offset, harm.data->substr(0, static_cast<size_t>(size - harm.offset)));
    }
    changed.Resize(size);
  }
  return image;
}

void ExcuseTornDamage(std::span<const Operation> harms, const faultfs::DiskImage& seen,
                      const WriteLog& log, Obligations& obligations) {
  const faultfs::DiskImage::Entries* const entries = seen.Directory(seen.Find(kDatabaseDirectory));
  if (obligations.may_lose || harms.empty() || entries == nullptr) return;
  faultfs::Volume volume(seen);
  const std::unique_ptr<faultfs::Volume::Process> files = volume.Start();
  // The newest segment first.
  for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
    if (!absl::EndsWith(entry->first, ".wal")) continue;
    const Frames frames = FramesOf(*files, absl::StrCat(kDatabaseDirectory, "/", entry->first));
    const Torn torn = TornPart(harms, entry->second, frames);
    if (torn.any()) {
      const size_t kept = std::max(WritesBeforeUnits(log, obligations, torn.sectors),
                                   WritesUpTo(log, obligations, torn.last_sequence));
      if (kept >= obligations.at_least) return;
      obligations.may_lose = true;
      obligations.may_lose_to = kept;
      return;
    }
    if (frames.any) return;
  }
}

}  // namespace lumen::crash
