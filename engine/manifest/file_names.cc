#include <charconv>

#include "engine/format/crc32c.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/wal_segment.h"

namespace lumen {
namespace {

constexpr std::string_view kManifestPrefix = "MANIFEST-";
constexpr std::string_view kWalSuffix = ".wal";
constexpr std::string_view kTableSuffix = ".sst";

std::string HexChecksum(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const uint32_t checksum = Crc32c(bytes);
  std::string hex;
  for (int shift = 28; shift >= 0; shift -= 4) hex += kDigits[(checksum >> shift) & 0xf];
  return hex;
}

// A number in decimal, with leading zeros where it has fewer digits than `width` and only there:
// "7.wal" is nobody's, because every file has one name. 0: it is none, and never a file's.
uint64_t ParseNumber(std::string_view digits, size_t width) {
  uint64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || stop != end) return 0;
  const bool canonical = digits.size() == width || (digits.size() > width && digits[0] != '0');
  return canonical ? number : 0;
}

}  // namespace

std::string ManifestFileName(uint64_t number) {
  return std::string(kManifestPrefix) + std::to_string(number);
}

std::string DirectoryPath(std::string directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  return directory;
}

std::string TableFileName(uint64_t number) {
  std::string name = WalFileName(number);
  name.resize(name.size() - kWalSuffix.size());
  return name + std::string(kTableSuffix);
}

std::string EncodeCurrent(uint64_t manifest_number) {
  const std::string name = ManifestFileName(manifest_number);
  return name + " " + HexChecksum(name) + "\n";
}

absl::StatusOr<uint64_t> DecodeCurrent(std::string_view file) {
  const std::string_view name = file.substr(0, file.find(' '));
  const ParsedName parsed = ParseFileName(name);
  // One number has one encoding, so comparing it checks everything at once.
  if (parsed.kind != FileKind::kManifest || file != EncodeCurrent(parsed.number)) {
    return absl::DataLossError("CURRENT: offset 0: rule current-checksum: its " +
                               std::to_string(file.size()) +
                               " bytes are not a manifest's name and the name's checksum");
  }
  return parsed.number;
}

ParsedName ParseFileName(std::string_view name) {
  if (name == "CURRENT") return {.kind = FileKind::kCurrent};
  if (name == "CURRENT.tmp") return {.kind = FileKind::kTemporary};
  if (name == "LOCK") return {.kind = FileKind::kLock};
  ParsedName parsed;
  if (name.starts_with(kManifestPrefix)) {
    parsed.kind = FileKind::kManifest;
    parsed.number = ParseNumber(name.substr(kManifestPrefix.size()), 1);
  } else if (name.ends_with(kWalSuffix)) {
    parsed.kind = FileKind::kWal;
    parsed.number = ParseNumber(name.substr(0, name.size() - kWalSuffix.size()), kFileNameDigits);
  } else if (name.ends_with(kTableSuffix)) {
    parsed.kind = FileKind::kTable;
    parsed.number = ParseNumber(name.substr(0, name.size() - kTableSuffix.size()), kFileNameDigits);
  }
  return parsed.number == 0 ? ParsedName{} : parsed;
}

}  // namespace lumen
