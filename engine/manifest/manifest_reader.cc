#include <utility>

#include "engine/base/status.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/frame_walk.h"

namespace lumen {
namespace {

// Reads one manifest front to back.
class Reader {
 public:
  Reader(std::string_view file, uint64_t number) : file_(file) {
    identity_ = {.kind = FramedFileKind::kManifest, .number = number};
    state_.manifest_number = number;
  }

  absl::StatusOr<ManifestState> Read() {
    RETURN_IF_ERROR(ReadHeader());
    while (const std::optional<GoodFrame> frame = ReadGoodFrame(identity_, file_, at_)) {
      RETURN_IF_ERROR(Take(*frame));
      at_ = frame->next;
    }
    RETURN_IF_ERROR(CheckTail());
    if (const std::string overlap = state_.OverlappingTables(); !overlap.empty()) {
      return Refuse("end of frames", "bad-edit", overlap);
    }
    return std::move(state_);
  }

 private:
  std::string Where(uint64_t offset, std::string_view kind, std::string_view rule) const {
    return ManifestFileName(identity_.number) + ": offset " + std::to_string(offset) + ": " +
           std::string(kind) + ": rule " + std::string(rule) + ": ";
  }

  absl::Status Refuse(std::string_view kind, std::string_view rule, const std::string& what) const {
    const std::string name = ManifestFileName(identity_.number);
    return absl::DataLossError(
        Where(at_, kind, rule) + what + "; last good edit " + std::to_string(state_.edits) + "; " +
        std::to_string(file_.size() > at_ ? file_.size() - at_ : 0) + " bytes follow");
  }

  absl::Status RefuseNewer(std::string_view kind, const std::string& what) const {
    return absl::UnimplementedError(Where(at_, kind, "newer-format") + what +
                                    "; this program knows format " +
                                    std::to_string(kFormatVersion));
  }

  absl::Status ReadHeader() {
    const FileHeaderReading reading =
        ReadFileHeader(file_, FramedFileKind::kManifest, identity_.number);
    if (reading.state == FileHeaderState::kNewerFormat) {
      return RefuseNewer("header block",
                         "written in format " + std::to_string(reading.format_version));
    }
    if (reading.state == FileHeaderState::kBad) {
      return Refuse("header block", "bad-header", "does not verify, and CURRENT names this file");
    }
    identity_.epoch = state_.epoch = reading.header.identity.epoch;
    at_ = kHeaderBlockBytes;
    return absl::OkStatus();
  }

  absl::Status Take(const GoodFrame& frame) {
    // Other frames than synced edits are not written here by format 1.
    if (frame.header.type != FrameType::kData || frame.header.flags != kFrameSync ||
        frame.header.operation_count != 1) {
      return RefuseNewer(FrameTypeName(frame.header.type) + " frame",
                         "a frame that format 1 manifests do not have");
    }
    if (frame.header.first_sequence != state_.edits + 1) {
      return Refuse("DATA frame", "sequence-gap",
                    "is edit " + std::to_string(frame.header.first_sequence) + ", expected " +
                        std::to_string(state_.edits + 1));
    }
    const absl::StatusOr<VersionEdit> edit = VersionEdit::Decode(frame.payload);
    if (edit.status().code() == absl::StatusCode::kUnimplemented) {
      return RefuseNewer("DATA frame", std::string(edit.status().message()));
    }
    if (!edit.ok()) return Refuse("DATA frame", "bad-edit", std::string(edit.status().message()));
    if (state_.edits == 0 &&
        (!edit->wal_floor || !edit->next_file_number || !edit->next_sequence)) {
      return Refuse("DATA frame", "bad-edit", "the snapshot lacks a floor or a next number");
    }
    if (const absl::Status status = state_.Apply(*edit); !status.ok()) {
      return Refuse("DATA frame", "bad-edit", std::string(status.message()));
    }
    ++state_.edits;
    return absl::OkStatus();
  }

  absl::Status CheckTail() {
    const FrameTail tail = ExamineTail(identity_, file_, at_);
    const std::string kind = tail.bad_frame ? FrameTypeName(tail.bad_frame->type) + " frame"
                             : tail.is_zero ? "end of frames"
                                            : "no frame that verifies";
    if (tail.unknown_frame) {
      return RefuseNewer(kind, "a frame verifies that format 1 does not have");
    }
    if (tail.promised_to > at_) {
      return Refuse(kind, "durable-promise",
                    "the frame at offset " + std::to_string(tail.promise_offset) +
                        " was appended when everything before offset " +
                        std::to_string(tail.promised_to) + " was durable");
    }
    if (state_.edits == 0) {
      return Refuse(kind, "first-frame-missing",
                    "the snapshot was durable before CURRENT named this file");
    }
    state_.torn_tail = !tail.is_zero;
    return absl::OkStatus();
  }

  std::string_view file_;
  FileIdentity identity_;
  uint64_t at_ = 0;
  ManifestState state_;
};

}  // namespace

absl::StatusOr<ManifestState> ReadManifest(std::string_view file, uint64_t number) {
  return Reader(file, number).Read();
}

}  // namespace lumen
