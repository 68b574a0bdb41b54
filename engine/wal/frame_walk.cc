#include "engine/wal/frame_walk.h"

#include "engine/format/coding.h"

namespace lumen {

std::optional<GoodFrame> ReadGoodFrame(const FileIdentity& identity, std::string_view file,
                                       uint64_t offset) {
  const std::optional<FrameHeader> header = ReadFrameHeader(identity, file, offset);
  if (!header || !header->known(offset)) return std::nullopt;
  const auto payload = ReadFramePayload(identity, file, offset, *header);
  if (!payload) return std::nullopt;
  return GoodFrame{*header, *payload, NextFrameOffset(offset, header->length, header->sync())};
}

FrameTail ExamineTail(const FileIdentity& identity, std::string_view file, uint64_t x) {
  FrameTail tail;
  if (x >= file.size()) return tail;
  tail.is_zero = IsZero(file.substr(static_cast<size_t>(x)));
  if (tail.is_zero) return tail;  // the unused end of nearly every segment
  tail.bad_frame = ReadFrameHeader(identity, file, x);
  tail.unknown_frame = tail.bad_frame && !tail.bad_frame->known(x);
  uint64_t at = x;
  while ((at = NextFrameCandidate(identity, file, at + 1)) < file.size()) {
    const std::optional<FrameHeader> header = ReadFrameHeader(identity, file, at);
    if (!header) continue;
    ++tail.frames_beyond;
    if (!tail.first_frame_beyond) tail.first_frame_beyond = at;
    if (header->durable_to > x && header->durable_to > tail.promised_to) {
      tail.promised_to = header->durable_to;
      tail.promise_offset = at;
    }
  }
  return tail;
}

}  // namespace lumen
