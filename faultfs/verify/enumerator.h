#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "faultfs/operation.h"
#include "faultfs/verify/remains.h"

// Section 3 of docs/fault_model.md by brute force: every subset of the pending operations and every
// content of every sector is tried, and what the page forbids is thrown away. For histories with a
// handful of pending operations. Includes what remains.h may include.
namespace lumen::faultfs::verify {

// A sector version that lost at the crash before and may land at the next one.
struct Loser {
  InodeNumber inode = 0;
  uint64_t sector = 0;
  std::string bytes;  // below the size that the file was left with, and only if that is visible

  auto operator<=>(const Loser&) const = default;
};
using Losers = std::set<Loser>;

struct Question {
  std::string profile = {};  // by its name
  Disk start = {};
  std::vector<Operation> history = {};  // up to the crash
  std::optional<Operation> next = {};   // what the process was killed in, where it was
  uint64_t seed = 0;                    // of random bytes
  std::vector<Loser> zombies = {};      // of the crash that left `start`
  Rule ignored = Rule::kNone;
  uint64_t limit = 100'000;
};

// Each legal image, and in profile zombie the sets of losers that it may carry. Nothing where the
// choices, before equal ones are merged, may be more than the limit.
using Answer = std::map<PlainImage, std::set<Losers>>;
std::optional<Answer> LegalImages(const Question& question);

// Of the page's section 3: kSectorBytes of garbage.
std::string RandomSector(uint64_t seed, InodeNumber inode, uint64_t sector);

}  // namespace lumen::faultfs::verify
