#include "engine/wal/whole_file.h"

#include <memory>
#include <utility>

#include "engine/base/status.h"

namespace lumen {
namespace {

constexpr uint64_t kMostBytes = uint64_t{4} << 30;

absl::StatusOr<std::unique_ptr<ReadFile>> Open(FileSystem& file_system, const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ReadFile> file, file_system.OpenReadFile(path));
  if (file->size() > kMostBytes) {
    return absl::ResourceExhaustedError(path + ": " + std::to_string(file->size()) +
                                        " bytes are too many for a WAL segment or manifest");
  }
  return file;
}

absl::StatusOr<std::string> ReadFront(const ReadFile& file, const std::string& path,
                                      uint64_t length) {
  std::string bytes(static_cast<size_t>(length), '\0');
  ASSIGN_OR_RETURN(const size_t read, file.ReadAt(0, std::span<char>(bytes)));
  if (read != bytes.size()) {
    return absl::InternalError(path + ": read " + std::to_string(read) + " of " +
                               std::to_string(bytes.size()) + " bytes");
  }
  return bytes;
}

}  // namespace

absl::StatusOr<std::string> ReadWholeFile(FileSystem& file_system, const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ReadFile> file, Open(file_system, path));
  return ReadFront(*file, path, file->size());
}

absl::StatusOr<SegmentBytes> ReadSegmentFile(FileSystem& file_system, const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ReadFile> file, Open(file_system, path));
  SegmentBytes segment;
  segment.file_bytes = file->size();
  ASSIGN_OR_RETURN(segment.front,
                   ReadFront(*file, path, SegmentFrontBytes(file->data_end(), file->size())));
  return segment;
}

}  // namespace lumen
