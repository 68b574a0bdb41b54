#include "faultfs/profile.h"

namespace lumen::faultfs {
namespace {

struct Description {
  Profile profile;
  std::string_view name;
  std::string_view summary;
};

constexpr std::array<Description, kProfiles.size()> kDescriptions = {{
    {Profile::kKill, "kill", "the process dies, the machine does not: nothing is lost"},
    {Profile::kDropUnsynced, "drop-unsynced", "exactly what was synced survives"},
    {Profile::kExt4Ordered, "ext4-ordered",
     "one journal; data reaches the disk before the size that shows it"},
    {Profile::kExt4Writeback, "ext4-writeback",
     "one journal; sizes may lead, over zeros, stale or random bytes"},
    {Profile::kXfs, "xfs", "one journal; unwritten tails are zeros"},
    {Profile::kBtrfs, "btrfs", "a tree for each directory; appends are there whole or not at all"},
    {Profile::kStrictPosix, "strict-posix",
     "whatever POSIX does not forbid: any subset, in any order"},
    {Profile::kTornPage, "torn-page", "ext4-ordered, and overwritten sectors mix at 8 bytes"},
    {Profile::kLyingDisk, "lying-disk", "from some operation on, syncs say OK and do nothing"},
    {Profile::kZombie, "zombie", "what lost at one crash may still land before the next"},
}};

}  // namespace

std::string_view ProfileName(Profile profile) {
  return kDescriptions[static_cast<size_t>(profile)].name;
}

std::optional<Profile> ParseProfile(std::string_view name) {
  for (const Description& description : kDescriptions) {
    if (description.name == name) return description.profile;
  }
  return std::nullopt;
}

std::string_view ProfileSummary(Profile profile) {
  return kDescriptions[static_cast<size_t>(profile)].summary;
}

}  // namespace lumen::faultfs
