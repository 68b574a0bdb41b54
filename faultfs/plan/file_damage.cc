#include "faultfs/plan/file_damage.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/check.h"
#include "faultfs/crash/random.h"

namespace lumen::faultfs {
namespace {

uint64_t SectorStart(uint64_t offset) { return offset / kSectorBytes * kSectorBytes; }
uint64_t SectorEnd(uint64_t offset) {
  return (offset + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
}

char Garbage(uint64_t seed, uint64_t offset) { return static_cast<char>(SplitMix(seed + offset)); }

}  // namespace

void FileDamage::Strike(const Fault& fault, uint64_t size_bytes) {
  if (size_bytes == 0) return;
  MutexLock lock(mutex_);
  if (fault.kind == FaultKind::kTruncated) {
    const uint64_t left = fault.amount % size_bytes;
    if (!end_ || left < end_->begin) end_ = Range{fault, left, left};
  } else if (fault.kind == FaultKind::kBitFlip) {
    const uint64_t byte = fault.amount / 8 % size_bytes;
    patches_.push_back({fault, byte, byte + 1});
  } else {
    CHECK(fault.kind == FaultKind::kSectorGarbage);
    const uint64_t start = fault.amount % (SectorEnd(size_bytes) / kSectorBytes) * kSectorBytes;
    patches_.push_back({fault, start, std::min(start + kSectorBytes, size_bytes)});
  }
  faults_.Changed(fault);
}

void FileDamage::Lose(const Fault& fault, uint64_t offset, uint64_t length) {
  MutexLock lock(mutex_);
  losses_.push_back({fault, offset, offset + length});
}

void FileDamage::LandLosses() {
  MutexLock lock(mutex_);
  for (const Range& loss : losses_) {
    patches_.push_back(loss);
    faults_.Changed(loss.fault);
  }
  losses_.clear();
}

void FileDamage::Stick(const Fault& fault, uint64_t offset, uint64_t length) {
  MutexLock lock(mutex_);
  stuck_.push_back({fault, SectorStart(offset), SectorEnd(offset + length)});
}

std::optional<Fault> FileDamage::StuckAt(uint64_t offset, uint64_t length) const {
  MutexLock lock(mutex_);
  for (const Range& range : stuck_) {
    if (range.Meets(offset, length)) return range.fault;
  }
  return std::nullopt;
}

uint64_t FileDamage::SizeOf(uint64_t size_bytes) const {
  MutexLock lock(mutex_);
  if (!end_ || size_bytes <= end_->begin) return size_bytes;
  faults_.Observed(end_->fault);
  return end_->begin;
}

size_t FileDamage::Overlay(uint64_t offset, std::span<char> bytes) const {
  MutexLock lock(mutex_);
  if (end_ && offset + bytes.size() > end_->begin) {
    bytes = bytes.first(end_->begin > offset ? end_->begin - offset : 0);
    faults_.Observed(end_->fault);
  }
  for (const Range& patch : patches_) {
    if (patch.Meets(offset, bytes.size()) && Patch(patch, offset, bytes)) {
      faults_.Observed(patch.fault);
    }
  }
  return bytes.size();
}

// Whether it made a difference.
bool FileDamage::Patch(const Range& patch, uint64_t offset, std::span<char> bytes) {
  bool changed = false;
  const uint64_t end = std::min(patch.end, offset + bytes.size());
  for (uint64_t at = std::max(patch.begin, offset); at < end; ++at) {
    char& byte = bytes[at - offset];
    const char before = byte;
    switch (patch.fault.kind) {
      case FaultKind::kBitFlip:
        byte = static_cast<char>(byte ^ (1 << patch.fault.amount % 8));
        break;
      case FaultKind::kSectorGarbage:
        byte = Garbage(patch.fault.seed, at);
        break;
      default:  // lost
        byte = 0;
    }
    changed = changed || byte != before;
  }
  return changed;
}

}  // namespace lumen::faultfs
