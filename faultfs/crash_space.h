#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "faultfs/disk_image.h"
#include "faultfs/disk_state.h"

namespace lumen::faultfs {

// What a crash chose, in terms of the history; enough to make the image again.
struct Survivors {
  enum class Bytes : uint8_t { kBase, kVersion, kZeros, kStale, kRandom, kWords, kZombie };
  struct Sector {
    InodeNumber inode = 0;
    uint64_t sector = 0;
    Bytes bytes = Bytes::kBase;
    uint64_t index = 0;  // kVersion: the append, by its place in the history; kWords: a seed;
                         // kZombie: which
  };
  struct Size {
    InodeNumber inode = 0;
    uint64_t index = 0;    // the operation after which the file had the size it has
    uint64_t stopped = 0;  // the byte of the file, a sector end, at which that append stopped
                           // short; 0: it did not
  };
  std::vector<uint64_t> entries;  // entry operations and allocates that happened, by index
  // Files not in it have the base's size. btrfs: of appends that stopped short alone. kill: of the
  // append that was under way, where a part of it happened.
  std::vector<Size> sizes;
  std::vector<Sector> sectors;  // those not in it are as in the base
  // btrfs: appends that happened, by index.
  std::vector<uint64_t> appends;

  // One line of text and back: the form in which a failure file keeps it.
  std::string ToString() const;
  static absl::StatusOr<Survivors> Parse(std::string_view text);
};

struct CrashImage {
  DiskImage image;
  Survivors survivors;
  std::vector<DiskState::Zombie> zombies;  // profile zombie: what may still land
};

// Every image that a crash at one moment may leave. Borrows the state.
class CrashSpace {
 public:
  // `seed` decides random bytes. `unlinked`: where stale bytes come from, usually
  // state.unlinked(); null: there are none.
  CrashSpace(const DiskState& state, uint64_t seed, const FileBytes* unlinked = nullptr);
  ~CrashSpace();

  // What a choice is about: pending operations and zombies; in `kill`, the append that is under
  // way. 0: there is one image.
  size_t choices() const;

  // Each legal image once, in an order that depends on nothing but the state; false: there are more
  // than `limit`, and `take` saw that many. `take` returning false ends it (true is returned).
  bool Enumerate(uint64_t limit, const std::function<bool(const CrashImage&)>& take) const;

  // Images chosen by a plan where there are too many: all pending operations lost, all kept, all
  // zombies landed, each prefix of the history, all but one, only one, each append cut after each
  // of its sectors (its bytes, and the file's size with them) and with one of them missing, all but
  // each pair, only each pair. Legal ones
  // only: with what is kept goes what it demands, with what is lost what demands it. Each image
  // once. `take` as above.
  void Systematic(const std::function<bool(const CrashImage&)>& take) const;
  // A random one. Mixes probabilities, so that near-empty and near-full choices are as likely as
  // half ones.
  CrashImage Sample(uint64_t seed) const;

  // The image of a choice; INVALID_ARGUMENT where it is not legal here, and why.
  absl::StatusOr<CrashImage> Make(const Survivors& survivors) const;

  struct Layout;  // faultfs/crash/layout.h

 private:
  std::unique_ptr<const Layout> layout_;
};

// For people: what of the pending operations survived and what did not, in words, as in
// "`unlink(MANIFEST-3)` persisted but `rename(CURRENT.tmp -> CURRENT)` did not; before that, 3
// operations persisted; no sync of directory db took effect between operations 21 and 24".
std::string ExplainSurvivors(const DiskState& state, const Survivors& survivors);

}  // namespace lumen::faultfs
