#include "engine/wal/frame_mender.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "engine/format/coding.h"
#include "engine/format/crc32c.h"

namespace lumen {
namespace {

constexpr size_t kBlockChecksumAt = kHeaderBlockBytes - 4;

uint32_t Seed(const FileIdentity& identity, uint64_t offset) {
  std::string bytes;
  AppendFixed<uint64_t>(bytes, identity.epoch);
  AppendFixed<uint64_t>(bytes, identity.number);
  AppendFixed<uint64_t>(bytes, static_cast<uint64_t>(identity.kind));
  AppendFixed<uint64_t>(bytes, offset);
  return Crc32c(bytes);
}

// The frame's end, or 0 where its length leads out of the file.
uint64_t MendFrame(const FileIdentity& identity, uint64_t at, std::string& file) {
  char* const header = file.data() + at;
  const auto length = LoadFixed<uint32_t>(header + 8);
  if (length < kFrameHeaderBytes || length > file.size() - at) return 0;
  const uint32_t seed = Seed(identity, at);
  StoreFixed<uint32_t>(header + 20, static_cast<uint32_t>(identity.epoch ^ identity.number));
  const std::string_view frame = std::string_view(file).substr(at, length);
  StoreFixed<uint32_t>(header + 4, Crc32c(frame.substr(kFrameHeaderBytes), seed));
  StoreFixed<uint32_t>(header, Crc32c(frame.substr(4, kFrameHeaderBytes - 4), seed));
  return NextFrameOffset(at, length, (header[13] & kFrameSync) != 0);
}

}  // namespace

void MendFile(FramedFileKind kind, uint64_t number, uint64_t epoch, std::string& file) {
  if (file.size() < kHeaderBlockBytes) return;
  StoreFixed<uint32_t>(file.data() + kBlockChecksumAt,
                       Crc32c(std::string_view(file).substr(0, kBlockChecksumAt)));
  const FileIdentity identity = {.kind = kind, .epoch = epoch, .number = number};
  uint64_t at = kHeaderBlockBytes;
  while (at != 0 && at < file.size() && file.size() - at >= kFrameHeaderBytes) {
    at = MendFrame(identity, at, file);
  }
}

std::string PackFiles(const std::vector<std::string>& files) {
  std::string input;
  for (const std::string& file : files) {
    AppendFixed<uint32_t>(input, static_cast<uint32_t>(file.size()));
    input.append(file);
  }
  return input;
}

std::vector<std::string> UnpackFiles(std::string_view input, size_t most_files) {
  std::vector<std::string> files;
  uint32_t length = 0;
  while (files.size() < most_files && TakeFixed(input, length)) {
    const size_t size = std::min<size_t>(length, input.size());
    files.emplace_back(input.substr(0, size));
    input.remove_prefix(size);
  }
  return files;
}

void WriteSeed(int argc, char** argv, const std::string& name, const std::string& input) {
  const std::filesystem::path corpus = argv[argc - 1];
  if (argc < 2 || !std::filesystem::is_directory(corpus)) return;
  std::ofstream(corpus / name, std::ios::binary) << input;
}

}  // namespace lumen
