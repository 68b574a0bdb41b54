#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "faultfs/file_role.h"
#include "faultfs/operation.h"

// What a file system asks before it does anything, so that faults can be injected without the file
// system knowing where they come from. The faults: docs/fault_model.md, section 4.
namespace lumen::faultfs {

enum class CallKind : uint8_t {
  kCreate,
  kAllocate,
  kAppend,
  kSync,
  kOpen,
  kRead,
  kRename,
  kLink,
  kRemove,
  kCreateDirectory,
  kRemoveDirectory,
  kList,
  kSyncDirectory,
  kExists,
  kFileSize,
  kFreeSpace,
  kLock,
};
inline constexpr int kCallKinds = static_cast<int>(CallKind::kLock) + 1;
// As in a fault plan and a trace: "create", "syncdir" ...
std::string_view CallName(CallKind kind);

struct Call {
  CallKind kind = CallKind::kCreate;
  FileRole role = FileRole::kOther;
  std::string_view path = {};     // of a rename or a link: the old name
  std::string_view to_path = {};  // of a rename or a link: the new name
  uint64_t offset = 0;            // append, read
  uint64_t length = 0;            // append, read, allocate
};

enum class FaultKind : uint8_t {
  kNone,
  kErrorBefore,  // `error`, and nothing happened
  kErrorAfter,   // it happened, and `error`
  kShortWrite,   // of an append: the first `amount` bytes, modulo its length, and `error`
  kSyncMarkedClean,
  kSyncLate,
  kSyncReverted,
  kSyncFailedDurable,
  kSyncFailedPartly,
  kSyncLied,
  kBitFlip,  // of a synced file at rest, before this call: bit `amount`, counted modulo its bits
  kSectorGarbage,     // sector `amount`, modulo its sectors
  kTruncated,         // to `amount` bytes, modulo its size
  kLostWrite,         // of an append: nothing reaches the disk, sync says OK
  kMisdirectedWrite,  // of an append: it lands on the sectors `amount` further, modulo the file
  kStaleRead,         // of a read: the bytes before the newest append to these sectors
  kReadErrorOnce,
  kReadErrorSticky,  // of a read; sticky: every later read of a sector that it touches
  kLatency,          // `amount` nanoseconds of virtual time
  kHang,             // until cancelled (a volume: after `amount` ns), then `error`
};
// Without its error: "error-before", "short-write", "sync-late" ...
std::string_view FaultName(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::kNone;
  // "append: Input/output error (injected)": the file system puts the path and ": " in front.
  absl::Status error = {};
  uint64_t amount = 0;
  uint64_t seed = 0;  // for what is random in it
  int rule = -1;      // of the plan
  // Which of an injector's faults this is, so that Changed and Observed can tell those of one rule
  // apart.
  uint64_t firing = 0;
};

class FaultInjector {
 public:
  virtual ~FaultInjector() = default;
  // Asked once before each call, in the order of the calls. Must not use the file system.
  virtual Fault Decide(const Call& call) = 0;
  // The fault made a difference to what the disk holds, or may hold after a crash. This and
  // Observed are said each time: a misdirected write damages two places, a sector stays unreadable.
  virtual void Changed(const Fault& fault) = 0;
  // The program was told: an error status, or bytes that are not the true ones.
  virtual void Observed(const Fault& fault) = 0;
};

}  // namespace lumen::faultfs
