#include <charconv>
#include <optional>

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

std::optional<uint64_t> ParseNumber(std::string_view digits) {
  uint64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::string ManifestFileName(uint64_t number) {
  return std::string(kManifestPrefix) + std::to_string(number);
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
  std::string_view digits;
  if (name.starts_with(kManifestPrefix)) {
    parsed.kind = FileKind::kManifest;
    digits = name.substr(kManifestPrefix.size());
  } else if (name.ends_with(kWalSuffix)) {
    parsed.kind = FileKind::kWal;
    digits = name.substr(0, name.size() - kWalSuffix.size());
  } else if (name.ends_with(kTableSuffix)) {
    parsed.kind = FileKind::kTable;
    digits = name.substr(0, name.size() - kTableSuffix.size());
  }
  const std::optional<uint64_t> number = ParseNumber(digits);
  if (!number || *number == 0) return {};
  parsed.number = *number;
  // "7.wal" is nobody's: every file has one name.
  const std::string canonical = parsed.kind == FileKind::kManifest ? ManifestFileName(*number)
                                : parsed.kind == FileKind::kWal    ? WalFileName(*number)
                                                                   : TableFileName(*number);
  return name == canonical ? parsed : ParsedName{};
}

}  // namespace lumen
