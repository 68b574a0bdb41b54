#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "faultfs/operation.h"

// Sections 1 and 2 of docs/fault_model.md, written from that page and from nothing else: what a
// history leaves durable, and what pending. Includes nothing of faultfs but operation.h, and only
// the standard library beside it (ci/check-layers). Made to be compared with the page by eye, so
// everything is copied, and nothing is fast.
namespace lumen::faultfs::verify {

// What a disk holds.
struct Disk {
  std::map<InodeNumber, std::string> files;
  std::map<InodeNumber, std::map<std::string, InodeNumber>> directories = {{kRootInode, {}}};
};

// The rules of the page that can be switched off, for tests that must notice that.
enum class Rule {
  kNone,
  kEntryOrder,      // section 3: a subset closed under the order
  kAllocateOrder,   // section 3: sizes and the allocates in the journal
  kDataBeforeSize,  // section 3
  kRenameOver,      // section 3
  kGrowingAppends,  // section 3: a prefix of them, in btrfs
  kWithinAppends,   // sections 1 and 3: without the rule an append happened whole or not
  kTornWords,       // section 3
  kGarbage,         // section 3: without the rule nobody has stale or random bytes
  kWalGarbage,      // section 3: likewise, inside a WAL
  kMarkedClean,     // section 2: data that never reaches the disk
  kLostNames,       // section 2: entry operations that never reach the disk
  kComesBack,       // section 2: a lost one happens with what needs it
  kOwnBytes,        // section 2: what was marked clean, in btrfs
  kSyncCommits,     // section 3: what sync makes durable beside data
  kNeverOlder,      // section 3: a zombie is newer than what landed
};
inline constexpr std::array kRules = {
    Rule::kEntryOrder,     Rule::kAllocateOrder, Rule::kDataBeforeSize, Rule::kRenameOver,
    Rule::kGrowingAppends, Rule::kWithinAppends, Rule::kTornWords,      Rule::kGarbage,
    Rule::kWalGarbage,     Rule::kMarkedClean,   Rule::kLostNames,      Rule::kComesBack,
    Rule::kOwnBytes,       Rule::kSyncCommits,   Rule::kNeverOlder};
std::string_view RuleName(Rule rule);

// Profiles by name, and what the page says of groups of them.
bool HasJournal(std::string_view profile);  // prefixes; any sync commits
bool OrdersData(std::string_view profile);  // data before size, rename over
bool MayHaveGarbage(std::string_view profile);

// An operation of the history that is pending, or one part of it.
struct Pending {
  uint64_t index = 0;  // in the history
  Operation operation;
  bool entry = false;        // an entry operation
  bool size = false;         // a size operation, to operation.size
  uint64_t size_before = 0;  // the size that the file had
  // Of sectors; empty if not a data operation, or lost.
  std::map<uint64_t, std::string> versions = {};
  bool lost = false;  // an entry operation that happens only with a later one that needs it

  bool Is(OperationKind kind) const { return operation.kind == kind; }
};

using Sector = std::pair<InodeNumber, uint64_t>;

class Remains {
 public:
  Remains(std::string profile, Disk start, Rule ignored = Rule::kNone);
  void Apply(const Operation& operation);

  const Disk& base() const { return base_; }
  const std::map<InodeNumber, std::string>& page_cache() const { return page_cache_; }
  // With what is lost but may come back.
  const std::vector<Pending>& pending() const { return pending_; }
  // Those of which the base has a byte from an append of the history.
  const std::set<Sector>& appended() const { return appended_; }
  // Those that any append or damage of the history touched.
  const std::set<Sector>& touched() const { return touched_; }
  // The file that the last unlink named or the last rename replaced, as it was then.
  const std::optional<std::string>& unlinked() const { return unlinked_; }
  // The name with which the history created the file; empty: it did not.
  std::string CreatedAs(InodeNumber inode) const;

  // Whether `later`, to have happened, needs `earlier` to have: one line of section 3's table, that
  // of strict-posix where one of them is lost.
  bool Needs(const Pending& later, const Pending& earlier) const;

 private:
  void Append(const Operation& operation);
  void Allocate(const Operation& operation);
  void Damage(const Operation& operation);
  void Sync(const Operation& operation);
  void SyncDirectory(const Operation& operation);

  void MarkClean(InodeNumber inode);
  void Revert(InodeNumber inode);
  void DataBecomesDurable(const Operation& sync);
  void FilePartBecomesDurable(const Pending& pending, const Operation* partly);
  void BytesBecomeDurable(const Pending& pending, uint64_t sector, const std::string& version);
  void WhatSyncMakesDurableBesides(InodeNumber inode);
  void NameBecomesDurable(InodeNumber inode);
  void JournalCommits();
  bool InJournal(const Pending& pending) const;
  bool NeedsInStrictPosix(const Pending& later, const Pending& earlier) const;
  void FlushRenamedOver(const Pending& rename);
  // With what comes before them.
  void EntriesBecomeDurable(std::set<uint64_t> indexes);
  std::set<uint64_t> PendingIn(InodeNumber directory) const;
  void LoseEntriesOf(InodeNumber directory);
  void ForgetDone();

  const std::string profile_;
  const Rule ignored_;
  uint64_t applied_ = 0;
  Disk base_;
  std::map<InodeNumber, std::string> page_cache_;
  std::vector<Pending> pending_;
  std::set<Sector> appended_;
  std::set<Sector> touched_;
  std::optional<std::string> unlinked_;
  std::unique_ptr<Remains> posix_;  // whose base a reverted sync goes back to; null: this one
  std::map<InodeNumber, std::string> created_as_;
};

// Changes the entries of `disk` as the entry operation says.
void ApplyEntry(const Operation& operation, Disk& disk);

}  // namespace lumen::faultfs::verify
