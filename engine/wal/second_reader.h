#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

// The second opinion on what recovery must say of damaged files: written from
// docs/file_formats.md alone, sharing nothing with the readers, not even the checksum. For tests.
namespace lumen::second {

uint32_t SlowCrc32c(std::string_view data, uint32_t seed = 0);

struct Opinion {
  bool refused = false;
  std::string rule;  // the rule that refused, by its name in the docs
  uint64_t last_sequence = 0;
  uint64_t next_sequence = 0;
  bool torn = false;
  std::map<std::string, int> ignored;  // rules that let something pass: "never-used", "torn-tail"
};

// `segments`: number -> bytes, of every segment with a number >= floor.
Opinion JudgeWal(const std::map<uint64_t, std::string>& segments, uint64_t epoch, uint64_t floor,
                 uint64_t floor_first_sequence);

struct ManifestOpinion {
  bool refused = false;
  std::string rule;
  int edits = 0;
  bool torn = false;
};
ManifestOpinion JudgeManifest(std::string_view file, uint64_t number);

// The number in a good CURRENT.
std::optional<uint64_t> ReadCurrent(std::string_view file);

// The largest durable_to that any header in the segment carries; 0 where none verifies.
uint64_t LargestPromise(std::string_view file, uint64_t epoch, uint64_t number);
bool HoldsFrame(std::string_view file, uint64_t epoch, uint64_t number);

}  // namespace lumen::second
