#include "faultfs/volume/volume_faults.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "engine/base/check.h"
#include "engine/errno_status.h"
#include "faultfs/volume/mixing.h"

namespace lumen::faultfs {
namespace {

constexpr uint64_t kBitsPerByte = 8;

// Where a fault of a kind has nothing to do, an injector has made a mistake: a fault that does
// nothing proves nothing.
bool Fits(FaultKind fault, CallKind call) {
  switch (fault) {
    case FaultKind::kShortWrite:
    case FaultKind::kLostWrite:
    case FaultKind::kMisdirectedWrite:
      return call == CallKind::kAppend;
    case FaultKind::kSyncMarkedClean:
    case FaultKind::kSyncLate:
    case FaultKind::kSyncReverted:
    case FaultKind::kSyncFailedDurable:
    case FaultKind::kSyncFailedPartly:
    case FaultKind::kSyncLied:
      return call == CallKind::kSync || call == CallKind::kSyncDirectory;
    case FaultKind::kStaleRead:
    case FaultKind::kReadErrorOnce:
    case FaultKind::kReadErrorSticky:
      return call == CallKind::kRead;
    default:
      return true;
  }
}

bool FailsBefore(FaultKind kind) {
  return kind == FaultKind::kErrorBefore || kind == FaultKind::kHang ||
         kind == FaultKind::kReadErrorOnce || kind == FaultKind::kReadErrorSticky;
}

bool FailsAfter(FaultKind kind) {
  return kind == FaultKind::kErrorAfter || kind == FaultKind::kShortWrite ||
         kind == FaultKind::kSyncMarkedClean || kind == FaultKind::kSyncReverted ||
         kind == FaultKind::kSyncFailedDurable || kind == FaultKind::kSyncFailedPartly;
}

SyncEffect SyncEffectOf(FaultKind kind) {
  switch (kind) {
    case FaultKind::kErrorAfter:
    case FaultKind::kSyncFailedDurable:
      return SyncEffect::kFailedDurable;
    case FaultKind::kSyncMarkedClean:
    case FaultKind::kSyncLate:
      return SyncEffect::kMarkedClean;
    case FaultKind::kSyncReverted:
      return SyncEffect::kReverted;
    case FaultKind::kSyncFailedPartly:
      return SyncEffect::kFailedPartly;
    case FaultKind::kSyncLied:
      return SyncEffect::kLied;
    default:
      return SyncEffect::kDurable;
  }
}

CallEffect EffectOf(const Fault& fault, const Call& call) {
  CallEffect effect{.sync = SyncEffectOf(fault.kind), .seed = fault.seed};
  if (fault.kind == FaultKind::kShortWrite) {
    effect.append_bytes = call.length == 0 ? 0 : static_cast<size_t>(fault.amount % call.length);
  }
  return effect;
}

bool IsTrue(SyncEffect effect) {
  return effect == SyncEffect::kDurable || effect == SyncEffect::kFailedDurable;
}

uint64_t FloorSector(uint64_t offset) { return offset / kSectorBytes * kSectorBytes; }
uint64_t CeilSector(uint64_t offset) { return FloorSector(offset + kSectorBytes - 1); }

// Zeros where there is nothing.
std::string BytesAt(const FileBytes& bytes, uint64_t begin, uint64_t end) {
  std::string text(static_cast<size_t>(end - begin), '\0');
  bytes.Read(begin, text.data(), text.size());
  return text;
}

std::string Garbage(uint64_t seed, size_t length) {
  std::string bytes(length, '\0');
  for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<char>(Mix(seed, i));
  return bytes;
}

}  // namespace

void VolumeFaults::SetInjector(FaultInjector* injector) {
  injector_ = injector;
  for (std::vector<Spot>* spots : {&unreadable_, &late_, &lost_, &damaged_}) spots->clear();
}

void VolumeFaults::PassTime(const Fault& fault) const {
  if (pass_time_) pass_time_(static_cast<int64_t>(fault.amount));
}

absl::Status VolumeFaults::Refuse(const Fault& fault, const Request& request) {
  injector_->Observed(fault);
  const std::string path(request.call.path);
  if (fault.error.ok()) return ErrnoStatus(path, request.verb, EIO);
  return absl::Status(fault.error.code(), path + ": " + std::string(fault.error.message()));
}

// Whether leaving the call out makes a difference to the disk.
bool VolumeFaults::ChangesDisk(const Request& request) const {
  switch (request.call.kind) {
    case CallKind::kOpen:
    case CallKind::kRead:
    case CallKind::kList:
    case CallKind::kExists:
    case CallKind::kFileSize:
    case CallKind::kFreeSpace:
      return false;
    case CallKind::kLock:
      return request.inode == 0;  // which creates the file
    case CallKind::kSync:
      return tree_.IsDirty(request.inode);
    case CallKind::kSyncDirectory:
      return tree_.HasUnsyncedNames(request.inode);
    default:
      return true;
  }
}

std::optional<Fault> VolumeFaults::Waiting(const Request& request) {
  const Call& call = request.call;
  if (call.kind == CallKind::kRead) {
    for (const Spot& spot : unreadable_) {
      const bool meets = call.offset < spot.end && call.offset + call.length > spot.begin;
      if (spot.inode != request.inode || !meets) continue;
      Fault fault = spot.fault;
      fault.kind = FaultKind::kReadErrorOnce;  // its sectors are known by now
      return fault;
    }
  }
  if (call.kind != CallKind::kSync && call.kind != CallKind::kSyncDirectory) return std::nullopt;
  const auto late = std::find_if(late_.begin(), late_.end(),
                                 [&](const Spot& spot) { return spot.inode == request.inode; });
  if (late == late_.end()) return std::nullopt;
  // What was lost is lost; what is pending now reaches the disk.
  Fault fault = late->fault;
  fault.kind = FaultKind::kSyncFailedDurable;
  late_.erase(late);
  return fault;
}

absl::Status VolumeFaults::Run(Request& request,
                               const std::function<absl::Status(const CallEffect&)>& act) {
  if (request.inode == 0) (void)tree_.Find(request.call.path, &request.inode);
  request.call.role = RoleOf(request.call.path);
  const Fault fault = injector_->Decide(request.call);
  CHECK(Fits(fault.kind, request.call.kind));
  Strike(fault, request);
  // Of two that fail the call, the new one: it would never be met otherwise.
  if (FailsBefore(fault.kind)) return RunWith(fault, request, act);
  return RunWith(Waiting(request).value_or(fault), request, act);
}

absl::Status VolumeFaults::RunWith(const Fault& fault, Request& request,
                                   const std::function<absl::Status(const CallEffect&)>& act) {
  if (fault.kind == FaultKind::kLatency || fault.kind == FaultKind::kHang) PassTime(fault);
  const CallEffect effect = EffectOf(fault, request.call);
  const bool changes = ChangesDisk(request) && (!IsTrue(effect.sync) || FailsBefore(fault.kind) ||
                                                fault.kind == FaultKind::kShortWrite);
  if (FailsBefore(fault.kind)) {
    if (changes) injector_->Changed(fault);
    if (fault.kind == FaultKind::kReadErrorSticky) unreadable_.push_back(SectorsOf(fault, request));
    return Refuse(fault, request);
  }
  const bool places_lost = request.call.kind == CallKind::kSync && !lost_.empty();
  const FileBytes before =
      places_lost ? tree_.PastOf(request.inode, tree_.history().size()).durable : FileBytes();
  if (absl::Status status = act(effect); !status.ok()) return status;
  if (changes) injector_->Changed(fault);
  if (places_lost) AfterSync(request.inode, effect.sync, before);
  LieInWait(fault, request);
  if (fault.kind == FaultKind::kStaleRead && MakeStale(request)) injector_->Observed(fault);
  TellOfDamage(request);
  return FailsAfter(fault.kind) ? Refuse(fault, request) : absl::OkStatus();
}

VolumeFaults::Spot VolumeFaults::SectorsOf(const Fault& fault, const Request& request) {
  return {fault, request.inode, FloorSector(request.call.offset),
          CeilSector(request.call.offset + request.call.length)};
}

// Keeps a fault that shows later.
void VolumeFaults::LieInWait(const Fault& fault, const Request& request) {
  if (fault.kind == FaultKind::kSyncLate) late_.push_back({fault, request.inode});
  if (fault.kind == FaultKind::kLostWrite || fault.kind == FaultKind::kMisdirectedWrite) {
    lost_.push_back(SectorsOf(fault, request));
  }
}

void VolumeFaults::Damage(const Fault& fault, InodeNumber inode, uint64_t offset, std::string data,
                          uint64_t size_bytes) {
  const uint64_t end = std::max(offset + data.size(), tree_.current().File(inode)->size());
  const uint64_t changed_end =
      size_bytes < tree_.current().File(inode)->size() ? end : offset + data.size();
  damaged_.push_back({fault, inode, offset, changed_end});
  tree_.Damage(inode, offset, std::move(data), size_bytes);
  injector_->Changed(fault);
}

// Damage at rest. Bytes that are still pending are not at rest.
void VolumeFaults::Strike(const Fault& fault, const Request& request) {
  const FileBytes* bytes = tree_.current().File(request.inode);
  if (bytes == nullptr || bytes->size() == 0 || tree_.IsDirty(request.inode)) return;
  const uint64_t size = bytes->size();
  if (fault.kind == FaultKind::kBitFlip) {
    const uint64_t bit = fault.amount % (size * kBitsPerByte);
    const uint64_t at = bit / kBitsPerByte;
    std::string data = BytesAt(*bytes, at, at + 1);
    data[0] = static_cast<char>(data[0] ^ (1 << bit % kBitsPerByte));
    Damage(fault, request.inode, at, std::move(data), size);
  } else if (fault.kind == FaultKind::kSectorGarbage) {
    const uint64_t sector = fault.amount % (CeilSector(size) / kSectorBytes);
    const uint64_t at = sector * kSectorBytes;
    const auto length = static_cast<size_t>(std::min(kSectorBytes, size - at));
    Damage(fault, request.inode, at, Garbage(fault.seed, length), size);
  } else if (fault.kind == FaultKind::kTruncated) {
    Damage(fault, request.inode, fault.amount % size, "", fault.amount % size);
  }
}

// Puts the sectors of a lost append back to `before`, which the disk had before the sync; a
// misdirected one lands elsewhere in the file.
void VolumeFaults::Place(const Spot& lost, const FileBytes& before) {
  const uint64_t size = tree_.current().File(lost.inode)->size();
  const uint64_t sectors = CeilSector(size) / kSectorBytes;
  const bool misdirected = lost.fault.kind == FaultKind::kMisdirectedWrite;
  if (lost.begin >= size || (misdirected && lost.fault.amount % sectors == 0)) return;
  const uint64_t begin = lost.begin;
  const uint64_t end = std::min(lost.end, size);
  std::string written = BytesAt(*tree_.current().File(lost.inode), begin, end);
  std::string kept = BytesAt(before, begin, end);
  if (kept != written) Damage(lost.fault, lost.inode, begin, std::move(kept), size);
  if (!misdirected) return;
  const uint64_t target =
      (begin / kSectorBytes + lost.fault.amount % sectors) % sectors * kSectorBytes;
  written.resize(static_cast<size_t>(std::min<uint64_t>(written.size(), size - target)));
  Damage(lost.fault, lost.inode, target, std::move(written), size);
}

void VolumeFaults::AfterSync(InodeNumber inode, SyncEffect effect, const FileBytes& before) {
  if (effect == SyncEffect::kLied) return;
  const std::vector<Spot> all = std::exchange(lost_, {});
  for (const Spot& spot : all) {
    if (spot.inode != inode) {
      lost_.push_back(spot);
    } else if (IsTrue(effect) || effect == SyncEffect::kFailedPartly) {
      Place(spot, before);
    }
  }
}

// What was read becomes what was there before the newest append to these sectors. Of what the start
// image held nobody knows the appends: there it is the last sector in use, which was zeros before.
// False: that was the same.
bool VolumeFaults::MakeStale(const Request& request) {
  const uint64_t begin = request.call.offset;
  const uint64_t end = begin + request.answer;
  for (size_t index = tree_.history().size(); index-- > 0;) {
    const Operation& operation = tree_.history()[index];
    if (operation.kind != OperationKind::kAppend || operation.inode != request.inode) continue;
    const uint64_t from = std::max(begin, FloorSector(operation.offset));
    const uint64_t to = std::min(end, CeilSector(operation.offset + operation.data->size()));
    if (from >= to) continue;
    return ReadAsBefore(request, from, BytesAt(tree_.PastOf(request.inode, index).seen, from, to));
  }
  const std::string_view read(request.out.data(), static_cast<size_t>(request.answer));
  const size_t last = read.find_last_not_of('\0');
  if (last == std::string_view::npos) return false;
  const uint64_t from = std::max(begin, FloorSector(begin + last));
  const uint64_t to = std::min(end, CeilSector(begin + last + 1));
  return ReadAsBefore(request, from, std::string(static_cast<size_t>(to - from), '\0'));
}

bool VolumeFaults::ReadAsBefore(const Request& request, uint64_t from, std::string_view old) {
  char* const out = request.out.data() + (from - request.call.offset);
  // What is the same is not stale.
  size_t begin = 0;
  size_t end = old.size();
  while (begin < end && out[begin] == old[begin]) ++begin;
  while (end > begin && out[end - 1] == old[end - 1]) --end;
  if (begin == end) return false;
  std::memcpy(out, old.data(), old.size());
  stale_reads_.push_back({tree_.history().size(), request.inode, from + begin,
                          std::string(old.substr(begin, end - begin))});
  return true;
}

void VolumeFaults::TellOfDamage(const Request& request) {
  const Call& call = request.call;
  const auto is_told = [&](const Spot& spot) {
    if (spot.inode != request.inode) return false;
    if (call.kind == CallKind::kRead) {
      return call.offset < spot.end && call.offset + call.length > spot.begin;
    }
    const bool tells_size = call.kind == CallKind::kOpen || call.kind == CallKind::kFileSize;
    return tells_size && spot.fault.kind == FaultKind::kTruncated;
  };
  for (const Spot& spot : damaged_) {
    if (is_told(spot)) injector_->Observed(spot.fault);
  }
  std::erase_if(damaged_, is_told);
}

}  // namespace lumen::faultfs
