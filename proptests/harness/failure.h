#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "faultfs/crash_space.h"
#include "faultfs/profile.h"
#include "proptests/harness/workload.h"
#include "proptests/oracle.h"

namespace lumen::crash {

// Everything that decides what happens in one tested state. Equal cases give equal runs, on every
// machine, with the same build of the engine.
struct Case {
  faultfs::Profile profile = faultfs::Profile::kStrictPosix;
  uint64_t seed = 0;  // of the harness: choices that are not in the case yet
  Workload workload;
  std::string faults;  // a fault plan's text; empty: none
  // The crash, and the crashes inside the recoveries after it: before which operation of the
  // history (of the workload; then of the recovery), and what survived. None: no crash, the
  // workload itself went wrong.
  struct Crash {
    uint64_t point = 0;
    faultfs::Survivors survivors;
  };
  std::vector<Crash> crashes;
  // What the recovery after the last crash meets: a fault plan's text; empty: none.
  std::string recovery_faults;
};

// What looking for the same failure under another profile came to.
struct UnderProfile {
  faultfs::Profile profile = faultfs::Profile::kStrictPosix;
  bool fails = false;   // a crash of the same workload, with the same faults, breaks the same rule
  uint64_t states = 0;  // tested on the way there, or in vain
};

// A case that breaks a rule; the content of a failure file.
struct Failure {
  Case failing;
  Violation violation;
  std::string expected;  // what was allowed, for people
  std::string got;
  std::string build;  // commit and compiler
  // Sizes before shrinking; 0: not shrunk.
  uint64_t steps_before = 0;
  uint64_t steps_after = 0;
  // The other profiles, in the order of faultfs::kProfiles; empty: nobody has looked.
  std::vector<UnderProfile> elsewhere;

  // Version 1 knew nothing of other profiles; it is still read.
  static constexpr int kFormatVersion = 2;
  static constexpr int kOldestFormatVersion = 1;
  // A self-contained, versioned text file.
  std::string ToString() const;
  // INVALID_ARGUMENT: the line and what was expected; UNIMPLEMENTED: another format version, and
  // what to do.
  static absl::StatusOr<Failure> Parse(std::string_view text);
};

// Runs a case again. The violation that it shows now, if any; DATA_LOSS never: an error means that
// the case cannot be run (its crash point is beyond the history, its survivors are not legal
// there).
struct Replayed {
  std::optional<Violation> violation;
  std::string expected;
  std::string got;
  uint64_t trace_hash = 0;  // of every file operation and image on the way
};
absl::StatusOr<Replayed> Replay(const Case& failing);

// One operation of the history as a timeline shows it.
struct TimelineEntry {
  uint64_t index = 0;
  int generation = 0;  // 0: the workload; 1: the first recovery ...
  std::string text;    // "append 00000001.wal @4096 +512"
  std::string client;  // what a client asked or was answered before it; may be empty
  // kDone: no crash came after it.
  enum class Fate : uint8_t { kDurable, kSurvived, kLost, kPartly, kSync, kDone };
  Fate fate = Fate::kDurable;
};
// The case as a story: every operation, what became of it at the crash, what recovery returned and
// what was allowed.
struct Timeline {
  std::vector<TimelineEntry> entries;
  std::vector<std::string> survivors;  // faultfs::ExplainSurvivors, one a crash
  Replayed outcome;
};
absl::StatusOr<Timeline> MakeTimeline(const Case& failing);

// Looks for the failure under every other profile: crashes its workload as the profile allows, for
// the same rule to break after as many crashes. Tests at most `kStatesElsewhere` of each, so that
// "not found" is no proof.
inline constexpr uint64_t kStatesElsewhere = 2000;
std::vector<UnderProfile> LookElsewhere(const Failure& failure);

// Makes the case smaller while it breaks the same rule: fewer steps, smaller values, fewer faults,
// an earlier crash, fewer losses. Spends at most `replays` replays.
Failure Shrink(Failure failure, uint64_t replays);

}  // namespace lumen::crash
