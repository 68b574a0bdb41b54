#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lumen::faultfs {

// What a crash may leave of what was not synced: docs/fault_model.md, section 3.
enum class Profile : uint8_t {
  kKill,
  kDropUnsynced,
  kExt4Ordered,
  kExt4Writeback,
  kXfs,
  kBtrfs,
  kStrictPosix,
  kTornPage,
  kLyingDisk,
  kZombie,
};

inline constexpr std::array kProfiles = {
    Profile::kKill,      Profile::kDropUnsynced, Profile::kExt4Ordered, Profile::kExt4Writeback,
    Profile::kXfs,       Profile::kBtrfs,        Profile::kStrictPosix, Profile::kTornPage,
    Profile::kLyingDisk, Profile::kZombie};

// "kill", "drop-unsynced", "ext4-ordered" ...
std::string_view ProfileName(Profile profile);
std::optional<Profile> ParseProfile(std::string_view name);
// One line for people.
std::string_view ProfileSummary(Profile profile);

}  // namespace lumen::faultfs
