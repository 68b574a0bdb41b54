#include "engine/env/posix_log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include "engine/base/status.h"
#include "engine/env/posix_descriptor.h"
#include "engine/errno_status.h"

namespace lumen {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kWriteBackBytes = 1 << 20;
// The first write to a preallocated block makes the next fdatasync convert the extent, which costs
// it a second write. In a file that is synced often, zeros go ahead of the appends, so that one
// sync in many pays for all (docs/decisions/0009-zero-ahead-of-synced-appends.md).
constexpr uint64_t kZeroAheadBytes = 256 << 10;

class PosixLogFile final : public LogFile {
 public:
  PosixLogFile(std::string path, PosixDescriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}

  absl::Status Allocate(uint64_t size_bytes) override;
  absl::Status Append(std::string_view data) override;
  absl::Status Sync() override;
  uint64_t offset() const override { return offset_.load(std::memory_order_relaxed); }
  uint64_t durable_offset() const override {
    return durable_offset_.load(std::memory_order_acquire);
  }

 private:
  absl::Status Poison(std::string_view operation, int error_number);
  absl::Status MakeLonger(uint64_t size_bytes);
  absl::Status StartWriteBack();
  int ZeroAhead();

  const std::string path_;
  const PosixDescriptor file_;
  absl::Status error_;  // the first failure, which every later call repeats
  uint64_t write_back_offset_ = 0;
  bool write_back_works_ = true;
  uint64_t allocated_ = 0;  // preallocated: the file has this size
  uint64_t written_ = 0;    // end of what was written, zeros included
  bool synced_ = false;     // since the last zeros
  std::atomic<uint64_t> offset_{0};
  std::atomic<uint64_t> durable_offset_{0};
};

absl::Status PosixLogFile::Poison(std::string_view operation, int error_number) {
  error_ = ErrnoStatus(path_, operation, error_number);
  return error_;
}

absl::Status PosixLogFile::Allocate(uint64_t size_bytes) {
  RETURN_IF_ERROR(error_);
  if (size_bytes == 0) return absl::OkStatus();
  int result;
  do {
    result = ::fallocate(file_.number(), 0, 0, static_cast<off_t>(size_bytes));
  } while (result != 0 && errno == EINTR);
  if (result == 0) {
    allocated_ = size_bytes;
    return absl::OkStatus();
  }
  if (errno == EOPNOTSUPP) return MakeLonger(size_bytes);
  return Poison("allocate", errno);
}

absl::Status PosixLogFile::MakeLonger(uint64_t size_bytes) {
  struct stat status;
  if (::fstat(file_.number(), &status) != 0) return Poison("allocate", errno);
  if (static_cast<uint64_t>(status.st_size) >= size_bytes) return absl::OkStatus();
  if (::ftruncate(file_.number(), static_cast<off_t>(size_bytes)) != 0) {
    return Poison("allocate", errno);
  }
  return absl::OkStatus();
}

absl::Status PosixLogFile::Append(std::string_view data) {
  RETURN_IF_ERROR(error_);
  if (const int error_number = WriteFully(file_.number(), data, offset())) {
    return Poison("append", error_number);
  }
  offset_.store(offset() + data.size(), std::memory_order_relaxed);
  if (offset() > written_) {
    if (const int error_number = ZeroAhead()) return Poison("append", error_number);
  }
  return offset() - write_back_offset_ >= kWriteBackBytes ? StartWriteBack() : absl::OkStatus();
}

// 0, or the errno. Without a sync since the last time the zeros would be written for nothing.
int PosixLogFile::ZeroAhead() {
  static constexpr std::array<char, kZeroAheadBytes> kZeros = {};
  written_ = offset();
  if (!std::exchange(synced_, false) || written_ >= allocated_) return 0;
  const uint64_t end = std::min(allocated_, (written_ / kZeroAheadBytes + 1) * kZeroAheadBytes);
  if (const int error_number =
          WriteFully(file_.number(), {kZeros.data(), end - written_}, written_)) {
    return error_number;
  }
  written_ = end;
  return 0;
}

// Whole pages only: the last one is likely to change again, and a page under write-back would make
// the next Append to it wait.
absl::Status PosixLogFile::StartWriteBack() {
  const uint64_t end = offset() / kPageBytes * kPageBytes;
  const uint64_t begin = std::exchange(write_back_offset_, end);
  if (!write_back_works_) return absl::OkStatus();
  if (::sync_file_range(file_.number(), static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                        SYNC_FILE_RANGE_WRITE) == 0) {
    return absl::OkStatus();
  }
  // A disk that fails here would fail the Sync as well, but a report may be given only once.
  if (errno == EIO || errno == ENOSPC || errno == EDQUOT) return Poison("append", errno);
  write_back_works_ = false;
  return absl::OkStatus();
}

absl::Status PosixLogFile::Sync() {
  RETURN_IF_ERROR(error_);
  const uint64_t end = offset();
  // A failed fdatasync may have dropped dirty pages that a retry would then report as clean, so it
  // is never repeated, not even after EINTR.
  if (::fdatasync(file_.number()) != 0) return Poison("sync", errno);
  durable_offset_.store(end, std::memory_order_release);
  synced_ = true;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogFile>> CreatePosixLogFile(const std::string& path) {
  PosixDescriptor file = OpenDescriptor(path.c_str(), O_WRONLY | O_CREAT | O_EXCL);
  if (file.number() < 0) return ErrnoStatus(path, "create", errno);
  return std::make_unique<PosixLogFile>(path, std::move(file));
}

}  // namespace lumen
