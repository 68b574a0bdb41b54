#include "engine/wal/framed_file_writer.h"

#include <lz4.h>

#include <utility>

#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/format/coding.h"

namespace lumen {
namespace {

constexpr size_t kCompressFromBytes = 1024;
// Buffers that one huge batch has grown are given back.
constexpr size_t kKeptBufferBytes = size_t{4} << 20;

size_t TotalBytes(std::span<const std::string_view> pieces) {
  size_t total = 0;
  for (const std::string_view piece : pieces) total += piece.size();
  return total;
}

void Shrink(std::string& buffer) {
  if (buffer.capacity() > kKeptBufferBytes) buffer = std::string();
}

}  // namespace

FramedFileWriter::FramedFileWriter(std::unique_ptr<LogFile> file, const FileIdentity& identity)
    : file_(std::move(file)), identity_(identity) {
  CHECK(file_->offset() == kHeaderBlockBytes);
}

void FramedFileWriter::BuildPayload(std::span<const std::string_view> pieces) {
  buffer_.assign(kFrameHeaderBytes, '\0');
  for (const std::string_view piece : pieces) buffer_.append(piece);
}

bool FramedFileWriter::Compress(std::span<const std::string_view> pieces,
                                uint32_t operation_count) {
  const size_t total = TotalBytes(pieces);
  if (total < kCompressFromBytes || total > LZ4_MAX_INPUT_SIZE) return false;
  std::string_view input = pieces[0];
  if (pieces.size() > 1) {
    joined_.clear();
    for (const std::string_view piece : pieces) joined_.append(piece);
    input = joined_;
  }
  constexpr size_t kPrefixBytes = sizeof(uint32_t);
  const size_t most = total - total / 8 - kPrefixBytes;
  buffer_.resize(kFrameHeaderBytes + kPrefixBytes + most);
  const int compressed =
      LZ4_compress_default(input.data(), buffer_.data() + kFrameHeaderBytes + kPrefixBytes,
                           static_cast<int>(input.size()), static_cast<int>(most));
  Shrink(joined_);
  if (compressed <= 0) return false;
  const size_t stored = kPrefixBytes + static_cast<size_t>(compressed);
  // After a crash the next sequence skips as many operations as the segment has bytes.
  if (stored < operation_count) return false;
  StoreFixed<uint32_t>(buffer_.data() + kFrameHeaderBytes, static_cast<uint32_t>(total));
  buffer_.resize(kFrameHeaderBytes + stored);
  return true;
}

absl::Status FramedFileWriter::Append(const Frame& frame, std::span<const std::string_view> pieces,
                                      bool lz4) {
  RETURN_IF_ERROR(poison_);
  CHECK(!ended_);
  CHECK(!next_sequence_ || *next_sequence_ == frame.first_sequence);

  FrameHeader header = {.type = frame.type,
                        .flags = frame.flags,
                        .operation_count = frame.operation_count,
                        .first_sequence = frame.first_sequence,
                        .durable_to = durable_to_};
  if (lz4 && Compress(pieces, frame.operation_count)) {
    header.flags |= kFrameLz4;
  } else {
    BuildPayload(pieces);
  }
  FinishFrame(identity_, offset_, header, buffer_);

  // How much of a failed append was written is unknown: a frame behind it could be promised by
  // nothing and hidden by garbage, so there is never one.
  poison_ = file_->Append(buffer_);
  RETURN_IF_ERROR(poison_);
  offset_ += buffer_.size();
  next_sequence_ = frame.first_sequence + frame.operation_count;
  last_frame_has_sync_ = header.sync();
  ended_ = frame.type == FrameType::kSeal || (frame.flags & kFrameClose) != 0;
  Shrink(buffer_);
  return absl::OkStatus();
}

absl::Status FramedFileWriter::Sync() {
  RETURN_IF_ERROR(poison_);
  CHECK(last_frame_has_sync_);
  // A failed sync may have dropped dirty pages that a retry would report as clean: never retried,
  // and durable_to stands still.
  poison_ = file_->Sync();
  RETURN_IF_ERROR(poison_);
  durable_to_ = offset_;
  return absl::OkStatus();
}

}  // namespace lumen
