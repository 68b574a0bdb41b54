#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "faultfs/verify/comparison.h"
#include "faultfs/verify/enumerator.h"
#include "faultfs/verify/history_script_testing.h"

// Images in a short notation: "a:xx0 d/" is a file "a" of two sectors of 'x' and one of zeros ('S'
// stale, 'R' random bytes), and an empty directory.
namespace lumen::faultfs::verify {

inline constexpr uint64_t kSeed = 7;
inline constexpr char kStaleByte = 's';

inline std::string Letter(const std::string& sector) {
  if (sector.find_first_not_of(sector[0]) == std::string::npos) {
    if (sector[0] == kStaleByte) return "S";
    return sector[0] == '\0' ? "0" : sector.substr(0, 1);
  }
  for (InodeNumber inode = 1; inode < 16; ++inode) {
    for (uint64_t i = 0; i < 8; ++i) {
      if (RandomSector(kSeed, inode, i).substr(0, sector.size()) == sector) return "R";
    }
  }
  return "(" + ShowImage({{"", sector}}) + ")";
}

inline std::string Short(const PlainImage& image) {
  std::string text;
  for (const auto& [path, content] : image) {
    text += (text.empty() ? "" : " ") + path.substr(1) + (content ? ":" : "/");
    for (size_t i = 0; content && i < content->size(); i += kSectorBytes) {
      text += Letter(content->substr(i, kSectorBytes));
    }
  }
  return text;
}

inline Question Ask(const std::string& profile, const std::vector<Operation>& history) {
  return {.profile = profile, .start = {}, .history = history, .seed = kSeed, .zombies = {}};
}

inline std::set<std::string> Images(const std::string& profile, const Script& script) {
  std::set<std::string> images;
  const auto answer = LegalImages(Ask(profile, script.history));
  if (!answer) return {"too many"};
  for (const auto& [image, losers] : *answer) images.insert(Short(image));
  return images;
}

}  // namespace lumen::faultfs::verify
