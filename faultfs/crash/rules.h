#pragma once

#include "faultfs/profile.h"

namespace lumen::faultfs {

// What tells the profiles of docs/fault_model.md apart.
struct Rules {
  bool choice = true;        // kill, drop-unsynced: none
  bool journal = false;      // entry operations and allocates happen as a prefix
  bool ordered = false;      // data before size, and rename over
  bool sets = false;         // btrfs: appends instead of versions; one tree a directory
  bool garbage = false;      // stale and random bytes beyond the base's size
  bool random_wal = false;   // random bytes in unsynced sectors of a WAL
  bool mixed_words = false;  // 8-byte words of several versions
};

inline constexpr Rules RulesOf(Profile profile) {
  switch (profile) {
    case Profile::kKill:
    case Profile::kDropUnsynced:
      return {.choice = false};
    case Profile::kExt4Ordered:
      return {.journal = true, .ordered = true};
    case Profile::kTornPage:
      return {.journal = true, .ordered = true, .mixed_words = true};
    case Profile::kExt4Writeback:
      return {.journal = true, .garbage = true};
    case Profile::kXfs:
      return {.journal = true};
    case Profile::kBtrfs:
      return {.sets = true};
    case Profile::kStrictPosix:
      return {.garbage = true, .random_wal = true};
    case Profile::kLyingDisk:
    case Profile::kZombie:
      return {};
  }
  return {};
}

}  // namespace lumen::faultfs
