#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/format/frame.h"

// What recovery of WAL segments and of manifests has in common: good frames from the front, and
// what lies behind the last of them.
namespace lumen {

struct GoodFrame {
  FrameHeader header;
  std::string_view payload;  // as stored
  uint64_t next = 0;         // where the next frame would start
};
// The frame at `offset` if all of it is there, verifies and is known to format 1.
std::optional<GoodFrame> ReadGoodFrame(const FileIdentity& identity, std::string_view file,
                                       uint64_t offset);

// What the bytes from X on say; X is the first offset without a good frame.
struct FrameTail {
  std::optional<FrameHeader> bad_frame;  // a header verifies at X all the same
  bool unknown_frame = false;            // ... and format 1 does not know it
  bool is_zero = true;
  // Headers that verify behind X, at any 8-byte position.
  uint64_t frames_beyond = 0;
  std::optional<uint64_t> first_frame_beyond;
  // The largest durable_to among them that passes X, and its frame's offset.
  uint64_t promised_to = 0;
  uint64_t promise_offset = 0;
};
FrameTail ExamineTail(const FileIdentity& identity, std::string_view file, uint64_t x);

}  // namespace lumen
