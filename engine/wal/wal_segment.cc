#include "engine/wal/wal_segment.h"

#include <limits>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/format/coding.h"

namespace lumen {
namespace {

constexpr uint32_t kSealFrameBytes = kFrameHeaderBytes + sizeof(uint64_t);
constexpr uint64_t kSegmentGranuleBytes = 4096;

// End of a SEAL behind a frame at `offset` that is a sync unit of its own: the farthest it can be.
uint64_t SealEnd(uint64_t offset, uint64_t payload_bytes) {
  CHECK(payload_bytes <= std::numeric_limits<uint32_t>::max() - kFrameHeaderBytes);
  const auto length = static_cast<uint32_t>(kFrameHeaderBytes + payload_bytes);
  return NextFrameOffset(NextFrameOffset(offset, length, true), kSealFrameBytes, true);
}

}  // namespace

std::string WalFileName(uint64_t number) {
  std::string name = std::to_string(number);
  if (name.size() < kFileNameDigits) name.insert(0, kFileNameDigits - name.size(), '0');
  return name += ".wal";
}

uint64_t WalSegmentBytesFor(uint64_t payload_bytes) {
  return RoundUp(SealEnd(kHeaderBlockBytes, payload_bytes), kSegmentGranuleBytes);
}

bool WalFrameFits(uint64_t offset, uint64_t payload_bytes, uint64_t segment_bytes) {
  return SealEnd(offset, payload_bytes) <= segment_bytes;
}

std::string EncodeSuccessor(uint64_t successor) {
  std::string payload;
  AppendFixed<uint64_t>(payload, successor);
  return payload;
}

WalSegmentMaker::WalSegmentMaker(FileSystem& file_system, std::string directory,
                                 const FileIdentity& identity, uint64_t bytes)
    : file_system_(file_system),
      directory_(std::move(directory)),
      identity_(identity),
      bytes_(bytes) {
  CHECK(identity_.kind == FramedFileKind::kWal);
  CHECK(bytes_ >= WalSegmentBytesFor(0));
}

absl::StatusOr<bool> WalSegmentMaker::Advance() {
  switch (stage_) {
    case Stage::kCreate: {
      ASSIGN_OR_RETURN(
          file_, file_system_.CreateLogFile(directory_ + "/" + WalFileName(identity_.number)));
      stage_ = Stage::kAllocate;
      return false;
    }
    case Stage::kAllocate:
      RETURN_IF_ERROR(file_->Allocate(bytes_));
      stage_ = Stage::kSyncAllocation;
      return false;
    case Stage::kSyncAllocation:
      // Before the header: so a header that verifies on a shorter file is corruption, not a crash.
      RETURN_IF_ERROR(file_->Sync());
      stage_ = Stage::kHeader;
      return false;
    case Stage::kHeader:
      RETURN_IF_ERROR(
          file_->Append(EncodeFileHeader({.identity = identity_, .file_bytes = bytes_})));
      stage_ = Stage::kSyncHeader;
      return false;
    case Stage::kSyncHeader:
      RETURN_IF_ERROR(file_->Sync());
      stage_ = Stage::kSyncDirectory;
      return false;
    case Stage::kSyncDirectory:
      // Before the first acknowledgement: a file's sync does not make its name durable.
      RETURN_IF_ERROR(file_system_.SyncDirectory(directory_));
      stage_ = Stage::kDone;
      return true;
    case Stage::kDone:
      return true;
  }
  return true;
}

std::unique_ptr<FramedFileWriter> WalSegmentMaker::TakeWriter() {
  CHECK(stage_ == Stage::kDone);
  CHECK(file_ != nullptr);
  return std::make_unique<FramedFileWriter>(std::move(file_), identity_);
}

}  // namespace lumen
