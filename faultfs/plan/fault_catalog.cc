#include "faultfs/plan/fault_catalog.h"

#include <array>
#include <string>

#include "faultfs/fault_plan.h"

namespace lumen::faultfs {
namespace {

using enum CallKind;

constexpr auto kOk = absl::StatusCode::kOk;
constexpr auto kInternal = absl::StatusCode::kInternal;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;

constexpr std::string_view kEio = "Input/output error";
constexpr std::string_view kEnospc = "No space left on device";
constexpr std::string_view kEdquot = "Disk quota exceeded";
constexpr std::string_view kEmfile = "Too many open files";
constexpr std::string_view kErofs = "Read-only file system";

constexpr std::string_view kBefore = "the call fails, and nothing happens";
constexpr std::string_view kAfter = "the call takes effect, and fails nevertheless";

constexpr uint64_t kDefaultLatencyNs = 1'000'000;
// When a volume, on which nobody waits, cancels: longer than any timer of a program that it tests.
constexpr uint64_t kHangNs = 60'000'000'000;

constexpr CallSet kNeedsSpace = {kCreate, kAllocate, kAppend,          kSync, kRename,
                                 kLink,   kRemove,   kCreateDirectory, kLock, kSyncDirectory};
constexpr CallSet kNeedsDescriptor = {kCreate, kOpen, kList, kSyncDirectory, kLock};
constexpr CallSet kNeedsWritable = {kCreate,          kAllocate,      kAppend, kSync,
                                    kRename,          kLink,          kRemove, kCreateDirectory,
                                    kRemoveDirectory, kSyncDirectory, kLock};
constexpr CallSet kSyncs = {kSync, kSyncDirectory};
// Calls about one existing file, with which damage to it can be timed.
constexpr CallSet kOfAFile = {kAllocate, kAppend, kSync, kOpen, kRead, kRename, kLink, kFileSize};

constexpr std::array kCatalog = {
    FaultEntry{"eio-before", FaultKind::kErrorBefore, kInternal, kEio, "EIO", CallSet::All(),
               AmountUnit::kNone, kBefore},
    FaultEntry{"eio-after", FaultKind::kErrorAfter, kInternal, kEio, "EIO", CallSet::All(),
               AmountUnit::kNone, kAfter},
    FaultEntry{"enospc-before", FaultKind::kErrorBefore, kExhausted, kEnospc, "ENOSPC", kNeedsSpace,
               AmountUnit::kNone, kBefore},
    FaultEntry{"enospc-after", FaultKind::kErrorAfter, kExhausted, kEnospc, "ENOSPC", kNeedsSpace,
               AmountUnit::kNone, kAfter},
    FaultEntry{"edquot-before", FaultKind::kErrorBefore, kExhausted, kEdquot, "EDQUOT", kNeedsSpace,
               AmountUnit::kNone, kBefore},
    FaultEntry{"edquot-after", FaultKind::kErrorAfter, kExhausted, kEdquot, "EDQUOT", kNeedsSpace,
               AmountUnit::kNone, kAfter},
    FaultEntry{"emfile-before", FaultKind::kErrorBefore, kExhausted, kEmfile, "EMFILE",
               kNeedsDescriptor, AmountUnit::kNone, kBefore},
    FaultEntry{"emfile-after", FaultKind::kErrorAfter, kExhausted, kEmfile, "EMFILE",
               kNeedsDescriptor, AmountUnit::kNone, kAfter},
    FaultEntry{"erofs-before", FaultKind::kErrorBefore, kDenied, kErofs, "EROFS", kNeedsWritable,
               AmountUnit::kNone, kBefore},
    FaultEntry{"erofs-after", FaultKind::kErrorAfter, kDenied, kErofs, "EROFS", kNeedsWritable,
               AmountUnit::kNone, kAfter},
    FaultEntry{"short-write",
               FaultKind::kShortWrite,
               kExhausted,
               kEnospc,
               "ENOSPC",
               {kAppend},
               AmountUnit::kBytes,
               "only a part is written, and the call fails"},
    FaultEntry{"sync-marked-clean", FaultKind::kSyncMarkedClean, kInternal, kEio, "EIO", kSyncs,
               AmountUnit::kNone,
               "the sync fails; what was pending stays readable and never reaches the disk"},
    FaultEntry{"sync-late", FaultKind::kSyncLate, kInternal, kEio, "EIO", kSyncs, AmountUnit::kNone,
               "the sync says OK, what was pending never reaches the disk, and the next sync of "
               "the same file fails"},
    FaultEntry{"sync-reverted", FaultKind::kSyncReverted, kInternal, kEio, "EIO", kSyncs,
               AmountUnit::kNone, "the sync fails, and the file goes back to what is durable"},
    FaultEntry{"sync-failed-durable", FaultKind::kSyncFailedDurable, kInternal, kEio, "EIO", kSyncs,
               AmountUnit::kNone, "the sync fails, though everything became durable"},
    FaultEntry{"sync-failed-partly", FaultKind::kSyncFailedPartly, kInternal, kEio, "EIO", kSyncs,
               AmountUnit::kNone, "the sync fails, and some sectors became durable"},
    FaultEntry{"sync-lied", FaultKind::kSyncLied, kOk, "", "", kSyncs, AmountUnit::kNone,
               "the sync says OK, and nothing became durable"},
    FaultEntry{"bit-flip", FaultKind::kBitFlip, kOk, "", "", kOfAFile, AmountUnit::kBits,
               "one bit of the file is flipped at rest"},
    FaultEntry{"sector-garbage", FaultKind::kSectorGarbage, kOk, "", "", kOfAFile,
               AmountUnit::kSectors, "one sector of the file turns into random bytes at rest"},
    FaultEntry{"truncated", FaultKind::kTruncated, kOk, "", "", kOfAFile, AmountUnit::kBytes,
               "the file loses its end at rest"},
    FaultEntry{"lost-write",
               FaultKind::kLostWrite,
               kOk,
               "",
               "",
               {kAppend},
               AmountUnit::kNone,
               "the bytes never reach the disk, though the next sync says so"},
    FaultEntry{"misdirected-write",
               FaultKind::kMisdirectedWrite,
               kOk,
               "",
               "",
               {kAppend},
               AmountUnit::kSectors,
               "the bytes land on other sectors of the file"},
    FaultEntry{"stale-read",
               FaultKind::kStaleRead,
               kOk,
               "",
               "",
               {kRead},
               AmountUnit::kNone,
               "the read sees the bytes before the newest write"},
    FaultEntry{"read-eio",
               FaultKind::kReadErrorOnce,
               kInternal,
               kEio,
               "EIO",
               {kRead},
               AmountUnit::kNone,
               "the read fails, once"},
    FaultEntry{"read-eio-sticky",
               FaultKind::kReadErrorSticky,
               kInternal,
               kEio,
               "EIO",
               {kRead},
               AmountUnit::kNone,
               "the read fails, and so does every later one of these sectors"},
    FaultEntry{"latency", FaultKind::kLatency, kOk, "", "", CallSet::All(),
               AmountUnit::kNanoseconds, "the call takes longer"},
    FaultEntry{"hang", FaultKind::kHang, kInternal, "Interrupted system call", "EINTR",
               CallSet::All(), AmountUnit::kNone,
               "the call hangs until it is cancelled, and then fails without effect"},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kCatalog.size()> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kCatalog[i].name;
  return names;
}();

constexpr std::array<std::string_view, kCallKinds> kCallNames = {
    "create", "allocate", "append", "sync",    "open",   "read", "rename", "link", "remove",
    "mkdir",  "rmdir",    "list",   "syncdir", "exists", "size", "free",   "lock"};

}  // namespace

std::string_view CallName(CallKind kind) { return kCallNames[static_cast<size_t>(kind)]; }

std::optional<CallKind> ParseCall(std::string_view name) {
  for (size_t i = 0; i < kCallNames.size(); ++i) {
    if (kCallNames[i] == name) return static_cast<CallKind>(i);
  }
  return std::nullopt;
}

std::string_view FaultName(FaultKind kind) {
  if (kind == FaultKind::kNone) return "none";
  if (kind == FaultKind::kErrorBefore) return "error-before";
  if (kind == FaultKind::kErrorAfter) return "error-after";
  for (const FaultEntry& entry : kCatalog) {
    if (entry.kind == kind) return entry.name;
  }
  return "unknown";
}

std::span<const FaultEntry> FaultCatalog() { return kCatalog; }

const FaultEntry* FindFault(std::string_view name) {
  for (const FaultEntry& entry : kCatalog) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

std::span<const std::string_view> FaultNames() { return kNames; }

std::string_view FaultSummary(std::string_view name) {
  const FaultEntry* entry = FindFault(name);
  return entry == nullptr ? "" : entry->summary;
}

bool CanMeet(std::string_view name, CallKind call) {
  const FaultEntry* entry = FindFault(name);
  return entry != nullptr && entry->calls.Has(call);
}

std::optional<FaultRule> RuleNamed(std::string_view name) {
  const FaultEntry* entry = FindFault(name);
  if (entry == nullptr) return std::nullopt;
  FaultRule rule;
  rule.name = entry->name;
  rule.fault.kind = entry->kind;
  if (entry->code != kOk) rule.fault.error = absl::Status(entry->code, std::string(entry->error));
  if (entry->amount == AmountUnit::kNanoseconds) {
    rule.fault.amount = kDefaultLatencyNs;
  } else if (entry->kind == FaultKind::kHang) {
    rule.fault.amount = kHangNs;
  } else {
    rule.random_amount = entry->amount != AmountUnit::kNone;
  }
  return rule;
}

}  // namespace lumen::faultfs
