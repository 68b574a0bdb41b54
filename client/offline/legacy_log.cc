#include "client/offline/legacy_log.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace lumen {
namespace {

constexpr uint64_t kHeaderBytes = 21;
constexpr uint64_t kChecksumEnd = 5;  // it covers the op before it and all behind it
constexpr uint64_t kMostRecordBytes =
    kHeaderBytes + LegacyLog::kMostKeyBytes + LegacyLog::kMostValueBytes;
constexpr uint64_t kReadAheadBytes = uint64_t{1} << 20;

uint64_t BigEndian(std::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

uint32_t Crc32(std::string_view bytes, uint32_t before) {
  return crc32_gzip_refl(before, reinterpret_cast<const unsigned char*>(bytes.data()),
                         bytes.size());
}

// A whole record is at the front of `bytes`. Fills in how long it is.
bool Verifies(std::string_view bytes, uint64_t& length) {
  if (bytes.size() < kHeaderBytes || (bytes[0] != 1 && bytes[0] != 2)) return false;
  const uint64_t key_bytes = BigEndian(bytes.substr(kChecksumEnd, 8));
  const uint64_t value_bytes = BigEndian(bytes.substr(kChecksumEnd + 8, 8));
  const uint64_t rest = bytes.size() - kHeaderBytes;
  if (key_bytes > rest || value_bytes > rest - key_bytes) return false;
  length = kHeaderBytes + key_bytes + value_bytes;
  const uint32_t checksum =
      Crc32(bytes.substr(kChecksumEnd, length - kChecksumEnd), Crc32(bytes.substr(0, 1), 0));
  return checksum == BigEndian(bytes.substr(1, 4));
}

}  // namespace

absl::StatusOr<LegacyLog> LegacyLog::Open(FileSystem& file_system, const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ReadFile> file, file_system.OpenReadFile(path));
  return LegacyLog(std::move(file), path);
}

absl::StatusOr<std::string_view> LegacyLog::Read(uint64_t offset, uint64_t length) {
  if (offset < buffer_offset_ || offset + length > buffer_offset_ + buffer_.size()) {
    buffer_.resize(std::min(std::max(length, kReadAheadBytes), file_->size() - offset));
    buffer_offset_ = offset;
    ASSIGN_OR_RETURN(const size_t read, file_->ReadAt(offset, std::span<char>(buffer_)));
    if (read != buffer_.size()) {
      return absl::InternalError(absl::StrCat(path_, ": shrank while it was read"));
    }
  }
  return std::string_view(buffer_).substr(offset - buffer_offset_, length);
}

absl::StatusOr<std::optional<LegacyLog::Record>> LegacyLog::Next() {
  if (ended_) return std::optional<Record>();
  absl::StatusOr<std::optional<Record>> record = ReadRecord();
  ended_ = !record.ok() || !record->has_value();
  return record;
}

absl::StatusOr<std::optional<LegacyLog::Record>> LegacyLog::ReadRecord() {
  const uint64_t left = file_->size() - offset_;
  if (left == 0) return std::optional<Record>();
  if (left < kHeaderBytes) return EndHere("its header is cut short");
  ASSIGN_OR_RETURN(const std::string_view header, Read(offset_, kHeaderBytes));
  const auto op = static_cast<unsigned char>(header[0]);
  if (op != 1 && op != 2) {
    return EndHere(
        absl::StrCat("its operation is ", static_cast<int>(op), ", neither put nor delete"));
  }
  const uint64_t key_bytes = BigEndian(header.substr(kChecksumEnd, 8));
  const uint64_t value_bytes = BigEndian(header.substr(kChecksumEnd + 8, 8));
  if (key_bytes > left - kHeaderBytes || value_bytes > left - kHeaderBytes - key_bytes) {
    return EndHere(absl::StrCat("its key of ", key_bytes, " bytes and value of ", value_bytes,
                                " bytes pass the end of the file"));
  }
  const uint64_t length = kHeaderBytes + key_bytes + value_bytes;
  if (length > kMostRecordBytes) {
    return absl::FailedPreconditionError(absl::StrCat(path_, ": offset ", offset_, ": a record of ",
                                                      length, " bytes, more than LumenKV takes"));
  }
  ASSIGN_OR_RETURN(const std::string_view bytes, Read(offset_, length));
  uint64_t verified = 0;
  if (!Verifies(bytes, verified)) return Damaged("its checksum does not match");
  if (key_bytes == 0 || key_bytes > kMostKeyBytes || value_bytes > kMostValueBytes) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": offset ", offset_, ": a key of ", key_bytes,
                     " bytes with a value of ", value_bytes, " bytes; LumenKV takes keys of 1 to ",
                     kMostKeyBytes, " bytes and values of up to ", kMostValueBytes));
  }
  offset_ += length;
  return std::optional<Record>({.kind = op == 1 ? EntryKind::kPut : EntryKind::kDelete,
                                .key = bytes.substr(kHeaderBytes, key_bytes),
                                .value = bytes.substr(kHeaderBytes + key_bytes)});
}

// A torn tail, unless something behind the record's start tells that the file went on.
absl::StatusOr<std::optional<LegacyLog::Record>> LegacyLog::EndHere(const std::string& why) {
  const uint64_t left = file_->size() - offset_;
  if (left > kMostRecordBytes) return Damaged(why);
  ASSIGN_OR_RETURN(const std::string_view rest, Read(offset_, left));
  const bool zeros = rest.find_first_not_of('\0') == std::string_view::npos;
  const bool cut_short = rest[0] == 1 || rest[0] == 2;
  if (!zeros && !cut_short) return Damaged(why);
  for (uint64_t at = 1; at < rest.size(); ++at) {
    uint64_t length = 0;
    if (Verifies(rest.substr(at), length)) {
      return Damaged(absl::StrCat(why, ", but a record verifies at offset ", offset_ + at));
    }
  }
  torn_ = true;
  return std::optional<Record>();
}

absl::Status LegacyLog::Damaged(const std::string& why) const {
  return absl::DataLossError(absl::StrCat(path_, ": offset ", offset_, ": the record is damaged: ",
                                          why, "; ", file_->size() - offset_, " bytes follow"));
}

}  // namespace lumen
