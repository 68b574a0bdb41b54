#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/status.h"
#include "faultfs/crash/absl_text.h"
#include "faultfs/crash_space.h"

// "entries=3,5-9 sizes=4@17,5@19:1536 sectors=4/0-2=v17,4/3=stale appends=12"; what is empty is
// left out, and "none" is all of it left out. Ranges are of operations, and of sectors with the
// same content; 1536 is the byte at which an append stopped short.
namespace lumen::faultfs {
namespace {

using Bytes = Survivors::Bytes;

constexpr std::array<std::string_view, 7> kBytesNames = {"base",   "v",     "zeros", "stale",
                                                         "random", "words", "zombie"};
constexpr uint64_t kMostListed = uint64_t{1} << 24;  // of one kind: a limit for what is read

template <typename... Args>
absl::Status Malformed(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat("survivors: ", AbslText(args)...));
}

std::string RangeText(uint64_t first, uint64_t last) {
  return first == last ? absl::StrCat(first) : absl::StrCat(first, "-", last);
}

std::string IndicesText(const std::vector<uint64_t>& indices) {
  std::string text;
  for (size_t i = 0; i < indices.size();) {
    size_t end = i + 1;
    while (end < indices.size() && indices[end] == indices[end - 1] + 1 && indices[end] != 0) ++end;
    absl::StrAppend(&text, text.empty() ? "" : ",", RangeText(indices[i], indices[end - 1]));
    i = end;
  }
  return text;
}

// "v17", "stale", "words123".
std::string BytesText(const Survivors::Sector& sector) {
  std::string text(kBytesNames[static_cast<size_t>(sector.bytes)]);
  const bool counts = sector.index != 0 || sector.bytes == Bytes::kVersion ||
                      sector.bytes == Bytes::kWords || sector.bytes == Bytes::kZombie;
  if (counts) absl::StrAppend(&text, sector.index);
  return text;
}

bool Continues(const Survivors::Sector& before, const Survivors::Sector& next) {
  return next.inode == before.inode && next.sector == before.sector + 1 && next.sector != 0 &&
         next.bytes == before.bytes && next.index == before.index;
}

std::string SectorsText(const std::vector<Survivors::Sector>& sectors) {
  std::string text;
  for (size_t i = 0; i < sectors.size();) {
    size_t end = i + 1;
    while (end < sectors.size() && Continues(sectors[end - 1], sectors[end])) ++end;
    absl::StrAppend(&text, text.empty() ? "" : ",", sectors[i].inode, "/",
                    RangeText(sectors[i].sector, sectors[end - 1].sector), "=",
                    BytesText(sectors[i]));
    i = end;
  }
  return text;
}

std::string SizesText(const std::vector<Survivors::Size>& sizes) {
  std::string text;
  for (const Survivors::Size& size : sizes) {
    absl::StrAppend(&text, text.empty() ? "" : ",", size.inode, "@", size.index);
    if (size.stopped != 0) absl::StrAppend(&text, ":", size.stopped);
  }
  return text;
}

void AddPart(std::string_view key, const std::string& value, std::string& text) {
  if (!value.empty()) absl::StrAppend(&text, text.empty() ? "" : " ", AbslText(key), "=", value);
}

bool ParseNumber(std::string_view text, uint64_t& number) {
  // SimpleAtoi would take blanks and signs.
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return false;
  return absl::SimpleAtoi(AbslText(text), &number);
}

struct Range {
  uint64_t first = 0;
  uint64_t last = 0;
};

std::optional<Range> ParseRange(std::string_view text, size_t already) {
  Range range;
  const size_t dash = text.find('-');
  if (!ParseNumber(text.substr(0, dash), range.first)) return std::nullopt;
  range.last = range.first;
  if (dash != text.npos && !ParseNumber(text.substr(dash + 1), range.last)) return std::nullopt;
  if (range.last < range.first || range.last - range.first >= kMostListed - already) {
    return std::nullopt;
  }
  return range;
}

bool ParseInode(std::string_view text, InodeNumber& inode) {
  uint64_t number = 0;
  if (!ParseNumber(text, number) || number > ~InodeNumber{0}) return false;
  inode = static_cast<InodeNumber>(number);
  return true;
}

bool ParseBytes(std::string_view text, Survivors::Sector& sector) {
  const size_t digits = std::min(text.find_first_of("0123456789"), text.size());
  for (size_t i = 0; i < kBytesNames.size(); ++i) {
    if (text.substr(0, digits) != kBytesNames[i]) continue;
    sector.bytes = static_cast<Bytes>(i);
    return digits == text.size() || ParseNumber(text.substr(digits), sector.index);
  }
  return false;
}

absl::Status ParseIndices(std::string_view item, std::vector<uint64_t>& indices) {
  const auto range = ParseRange(item, indices.size());
  if (!range) return Malformed("expected an operation or a range of them, found '", item, "'");
  for (uint64_t i = 0; i <= range->last - range->first; ++i) indices.push_back(range->first + i);
  return absl::OkStatus();
}

absl::Status ParseSize(std::string_view item, std::vector<Survivors::Size>& sizes) {
  const size_t at = item.find('@');
  const size_t colon = std::min(item.find(':'), item.size());
  Survivors::Size size;
  bool whole = at < colon && ParseInode(item.substr(0, at), size.inode) &&
               ParseNumber(item.substr(at + 1, colon - at - 1), size.index);
  if (colon < item.size()) {
    whole = whole && ParseNumber(item.substr(colon + 1), size.stopped) && size.stopped != 0;
  }
  if (!whole)
    return Malformed("expected inode@operation or inode@operation:byte, found '", item, "'");
  sizes.push_back(size);
  return absl::OkStatus();
}

absl::Status ParseSectors(std::string_view item, std::vector<Survivors::Sector>& sectors) {
  const size_t slash = item.find('/');
  const size_t equals = item.find('=');
  Survivors::Sector sector;
  const bool shape = slash != item.npos && equals != item.npos && slash < equals;
  const auto range =
      shape ? ParseRange(item.substr(slash + 1, equals - slash - 1), sectors.size()) : std::nullopt;
  if (!range || !ParseInode(item.substr(0, slash), sector.inode) ||
      !ParseBytes(item.substr(equals + 1), sector)) {
    return Malformed("expected inode/sectors=bytes, found '", item, "'");
  }
  for (uint64_t i = 0; i <= range->last - range->first; ++i) {
    sector.sector = range->first + i;
    sectors.push_back(sector);
  }
  return absl::OkStatus();
}

absl::Status ParsePart(std::string_view key, std::string_view value, Survivors& survivors) {
  for (const absl::string_view part : absl::StrSplit(AbslText(value), ',')) {
    const std::string_view item(part.data(), part.size());
    if (key == "entries") {
      RETURN_IF_ERROR(ParseIndices(item, survivors.entries));
    } else if (key == "appends") {
      RETURN_IF_ERROR(ParseIndices(item, survivors.appends));
    } else if (key == "sizes") {
      RETURN_IF_ERROR(ParseSize(item, survivors.sizes));
    } else if (key == "sectors") {
      RETURN_IF_ERROR(ParseSectors(item, survivors.sectors));
    } else {
      return Malformed("expected entries, sizes, sectors or appends, found '", key, "'");
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string Survivors::ToString() const {
  std::string text;
  AddPart("entries", IndicesText(entries), text);
  AddPart("sizes", SizesText(sizes), text);
  AddPart("sectors", SectorsText(sectors), text);
  AddPart("appends", IndicesText(appends), text);
  return text.empty() ? "none" : text;
}

absl::StatusOr<Survivors> Survivors::Parse(std::string_view text) {
  Survivors survivors;
  if (text == "none") return survivors;
  for (const absl::string_view word : absl::StrSplit(AbslText(text), ' ')) {
    const std::string_view part(word.data(), word.size());
    const size_t equals = part.find('=');
    if (equals == part.npos) return Malformed("expected 'key=', found '", part, "'");
    RETURN_IF_ERROR(ParsePart(part.substr(0, equals), part.substr(equals + 1), survivors));
  }
  return survivors;
}

}  // namespace lumen::faultfs
