#include "proptests/harness/fault_choice.h"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/env/seeded_random.h"
#include "faultfs/fault_plan.h"
#include "faultfs/file_role.h"
#include "faultfs/operation.h"
#include "proptests/harness/recording.h"

namespace lumen::crash {
namespace {

using faultfs::CallKind;
using faultfs::FaultKind;
using faultfs::FaultPlan;
using faultfs::FaultRule;
using faultfs::FaultSelector;
using faultfs::FileRole;

// Where faults matter; LOCK is not written to.
constexpr std::array kRoles = {FileRole::kWal, FileRole::kManifest, FileRole::kCurrent,
                               FileRole::kSst, FileRole::kTemp};

constexpr uint64_t kWalHeaderBytes = 4096;

// Most of a WAL segment is zeros, which no damage changes much: the amount is one that strikes what
// was written first, which begins behind the header block.
void AimAtFrames(FaultRule& rule, SeededRandom& random) {
  const uint64_t byte = kWalHeaderBytes + random.Below(uint64_t{1} << (7 + random.Below(7)));
  if (rule.fault.kind == FaultKind::kBitFlip) {
    rule.fault.amount = byte * 8 + random.Below(8);
    rule.random_amount = false;
  } else if (rule.fault.kind == FaultKind::kSectorGarbage) {
    rule.fault.amount = byte / faultfs::kSectorBytes;
    rule.random_amount = false;
  }
}

// How a sync fails under a profile: docs/fault_model.md, section 2. Empty: in any way.
std::string_view OnlySyncFailure(faultfs::Profile profile) {
  switch (profile) {
    case faultfs::Profile::kExt4Ordered:
    case faultfs::Profile::kExt4Writeback:
    case faultfs::Profile::kXfs:
      return "sync-marked-clean";
    case faultfs::Profile::kBtrfs:
      return "sync-reverted";
    default:
      return "";
  }
}

// Where it may in any way, as often as file systems have them.
std::string_view SyncFailure(faultfs::Profile profile, SeededRandom& random) {
  constexpr std::array<std::string_view, 8> kAny = {
      "sync-marked-clean", "sync-marked-clean",  "sync-marked-clean",   "sync-reverted",
      "sync-reverted",     "sync-failed-partly", "sync-failed-durable", "sync-late"};
  const std::string_view any = kAny[random.Below(kAny.size())];
  const std::string_view only = OnlySyncFailure(profile);
  return only.empty() ? any : only;
}

bool FailsSync(FaultKind kind) {
  switch (kind) {
    case FaultKind::kSyncMarkedClean:
    case FaultKind::kSyncLate:
    case FaultKind::kSyncReverted:
    case FaultKind::kSyncFailedDurable:
    case FaultKind::kSyncFailedPartly:
      return true;
    default:
      return false;
  }
}

// Files whose syncs are promises, to clients or to whoever removes what a file replaces, and how
// far from the beginning of a workload faults are spread.
struct SyncedFiles {
  FileRole role = FileRole::kWal;
  uint64_t names_of_four = 0;     // rules about the sync of the directory; the others: of the file
  uint64_t name_doublings = 1;    // from the 2nd to at most the (1 + 2^n)th
  uint64_t append_doublings = 1;  // to at most the (1 + 2 * 2^n)th
};
// What a WAL segment holds is promised sync by sync. A table has one sync of its own, and depends
// on those of a directory that every job syncs. A new manifest is rare, because it takes an open or
// a failure.
constexpr SyncedFiles kWalFiles = {
    .role = FileRole::kWal, .names_of_four = 1, .name_doublings = 4, .append_doublings = 5};
constexpr SyncedFiles kTableFiles = {
    .role = FileRole::kSst, .names_of_four = 3, .name_doublings = 4, .append_doublings = 5};
constexpr SyncedFiles kManifestFiles = {
    .role = FileRole::kManifest, .names_of_four = 2, .name_doublings = 1, .append_doublings = 3};

const SyncedFiles& ChooseSyncedFiles(SeededRandom& random) {
  constexpr std::array kChoice = {&kWalFiles, &kWalFiles, &kTableFiles, &kTableFiles,
                                  &kManifestFiles};
  return *kChoice[random.Below(kChoice.size())];
}

// A sync that fails loses what waits for it. So it is the first one after something was made, later
// than what creates the database: bytes of a file, or a name, which then is lost for its owner
// whoever syncs the directory.
FaultRule FailedSync(std::string_view failure, const SyncedFiles& files, SeededRandom& random) {
  FaultRule rule = *faultfs::RuleNamed(failure);
  FaultSelector made{.role = files.role};
  if (random.Below(4) < files.names_of_four) {
    made.calls = {CallKind::kCreate};
    made.nth = 2 + random.Below(uint64_t{2} << random.Below(files.name_doublings));
    rule.when.calls = {CallKind::kSyncDirectory};
  } else {
    made.calls = {CallKind::kAppend};
    made.nth = 2 + random.Below(uint64_t{4} << random.Below(files.append_doublings));
    rule.when.calls = {CallKind::kSync};
    rule.when.role = files.role;
  }
  rule.when.after = std::make_shared<FaultSelector>(made);
  if (random.Below(8) == 0) rule.when.times = 2 + random.Below(3);
  return rule;
}

// Several, so that what is done about one meets the next: of files of one role, and in one way,
// which is a file system's.
void AddFailedSyncs(FaultPlan& plan, faultfs::Profile profile, SeededRandom& random) {
  const std::string_view failure = SyncFailure(profile, random);
  const SyncedFiles& files = ChooseSyncedFiles(random);
  const uint64_t rules = 2 + random.Below(4);
  for (uint64_t i = 0; i < rules; ++i) plan.Add(FailedSync(failure, files, random));
}

FaultRule AnyFailedSync(faultfs::Profile profile, SeededRandom& random) {
  const std::string_view failure = SyncFailure(profile, random);
  return FailedSync(failure, ChooseSyncedFiles(random), random);
}

// Of a recovery, which has not many.
FaultRule FailedSyncOfRecovery(faultfs::Profile profile, SeededRandom& random) {
  FaultRule rule = *faultfs::RuleNamed(SyncFailure(profile, random));
  rule.when.nth = 1 + random.Below(8);
  return rule;
}

FaultRule FailedRead(SeededRandom& random) {
  constexpr std::array<std::string_view, 3> kNames = {"eio-before", "read-eio", "emfile-before"};
  constexpr std::array kRead = {FileRole::kWal, FileRole::kManifest, FileRole::kCurrent,
                                FileRole::kSst};
  FaultRule rule = *faultfs::RuleNamed(kNames[random.Below(kNames.size())]);
  if (rule.fault.kind == FaultKind::kErrorBefore) rule.when.calls = {CallKind::kOpen};
  rule.when.role = kRead[random.Below(kRead.size())];
  rule.when.nth = 1 + random.Below(4);
  return rule;
}

FaultRule AnyFault(faultfs::Profile profile, SeededRandom& random) {
  const std::span<const std::string_view> names = faultfs::FaultNames();
  FaultRule rule;
  do {
    // A sync that lies for once would excuse what every other fault does not; it is what a lying
    // disk is for.
    rule = *faultfs::RuleNamed(names[random.Below(names.size())]);
  } while (rule.fault.kind == FaultKind::kSyncLied);
  if (const auto only = OnlySyncFailure(profile); !only.empty() && FailsSync(rule.fault.kind)) {
    rule = *faultfs::RuleNamed(only);
  }
  if (random.Below(3) > 0) rule.when.role = kRoles[random.Below(kRoles.size())];
  rule.when.nth = 1 + random.Below(uint64_t{1} << random.Below(6));
  if (random.Below(6) == 0) rule.when.times = 1 + random.Below(8);
  if (rule.when.role == FileRole::kWal) AimAtFrames(rule, random);
  return rule;
}

// Without the zeros at the end.
uint64_t WrittenBytes(const faultfs::FileBytes& file) {
  std::string chunk;
  for (uint64_t end = file.data_end(); end > 0;) {
    const uint64_t begin =
        (end - 1) / faultfs::FileBytes::kChunkBytes * faultfs::FileBytes::kChunkBytes;
    chunk.resize(end - begin);
    file.Read(begin, chunk.data(), chunk.size());
    const size_t last = chunk.find_last_not_of('\0');
    if (last != std::string::npos) return begin + last + 1;
    end = begin;
  }
  return 0;
}

// Bytes of a file that damage may strike: all that were written, or those that matter.
struct Target {
  std::string path;
  uint64_t from = 0;
  uint64_t end = 0;
};

FaultRule DamageOf(const Target& target, SeededRandom& random) {
  const uint64_t byte = target.from + random.Below(target.end - target.from);
  FaultRule rule;
  if (random.Below(2) == 0) {
    rule = *faultfs::RuleNamed("bit-flip");
    rule.fault.amount = byte * 8 + random.Below(8);
  } else {
    rule = *faultfs::RuleNamed("sector-garbage");
    rule.fault.amount = byte / faultfs::kSectorBytes;
  }
  rule.random_amount = false;
  rule.when.path_glob = target.path;
  rule.when.calls = {CallKind::kOpen};
  return rule;
}

// Any file, and in it any byte or one of the last sectors.
std::optional<Target> AnyFile(const faultfs::DiskImage& image,
                              const faultfs::DiskImage::Entries& entries, SeededRandom& random) {
  constexpr uint64_t kLastSectors = 4 * faultfs::kSectorBytes;
  const auto& [name, inode] = entries[random.Below(entries.size())];
  const faultfs::FileBytes* const file = image.File(inode);
  const uint64_t written = file != nullptr ? WrittenBytes(*file) : 0;
  if (written == 0) return std::nullopt;
  const uint64_t from = random.Below(2) == 0 && written > kLastSectors ? written - kLastSectors : 0;
  return Target{absl::StrCat(kDatabaseDirectory, "/", name), from, written};
}

// The frames of a WAL segment, which are what was promised and the evidence for it. Of a
// directory's files these are few, and least of all those behind which another segment goes on,
// where a loss leaves a hole.
std::optional<Target> FramesOfWal(const faultfs::DiskImage& image,
                                  const faultfs::DiskImage::Entries& entries,
                                  SeededRandom& random) {
  std::vector<Target> segments;
  for (const auto& [name, inode] : entries) {
    if (faultfs::RoleOf(name) != FileRole::kWal) continue;
    const faultfs::FileBytes* const file = image.File(inode);
    const uint64_t written = file != nullptr ? WrittenBytes(*file) : 0;
    if (written <= kWalHeaderBytes) continue;
    segments.push_back({absl::StrCat(kDatabaseDirectory, "/", name), kWalHeaderBytes, written});
  }
  if (segments.empty()) return std::nullopt;
  return segments[random.Below(segments.size())];
}

std::optional<FaultRule> ChooseDamage(const faultfs::DiskImage& image, SeededRandom& random) {
  const auto* const entries = image.Directory(image.Find(kDatabaseDirectory));
  if (entries == nullptr || entries->empty()) return std::nullopt;
  std::optional<Target> target;
  if (random.Below(3) > 0) target = FramesOfWal(image, *entries, random);
  if (!target.has_value()) target = AnyFile(image, *entries, random);
  if (!target.has_value()) return std::nullopt;
  return DamageOf(*target, random);
}

std::string LyingFrom(uint64_t nth_sync) {
  FaultPlan plan;
  FaultRule rule = *faultfs::RuleNamed("sync-lied");
  rule.when.nth = nth_sync;
  rule.when.times = 0;
  plan.Add(rule);
  return plan.ToString();
}

}  // namespace

std::string ChooseFaults(faultfs::Profile profile, uint64_t seed) {
  SeededRandom random(seed);
  if (profile == faultfs::Profile::kLyingDisk) return LyingFrom(1 + random.Below(40));
  FaultPlan plan;
  const uint64_t choice = random.Below(8);
  if (choice < 4) AddFailedSyncs(plan, profile, random);
  const uint64_t others = choice < 4 || choice == 7 ? 0 : 1 + random.Below(4);
  for (uint64_t i = 0; i < others; ++i) {
    plan.Add(random.Below(4) == 0 ? AnyFailedSync(profile, random) : AnyFault(profile, random));
  }
  return plan.ToString();
}

std::string ChooseRecoveryFault(faultfs::Profile profile, const faultfs::DiskImage& image,
                                uint64_t seed) {
  SeededRandom random(seed);
  std::optional<FaultRule> rule;
  const uint64_t choice = random.Below(4);
  if (choice < 2) rule = ChooseDamage(image, random);
  if (choice == 2) rule = FailedRead(random);
  if (!rule.has_value() && random.Below(3) == 0) {
    rule = FailedSyncOfRecovery(profile, random);
  }
  if (!rule.has_value()) {
    rule = AnyFault(profile, random);
    rule->when.nth = 1 + random.Below(16);
  }
  FaultPlan plan;
  plan.Add(*rule);
  return plan.ToString();
}

}  // namespace lumen::crash
