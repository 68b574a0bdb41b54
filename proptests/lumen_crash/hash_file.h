#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proptests/lumen_crash/run_report.h"

// What a shard leaves for `merge`: its counts, and the hash of every distinct state, so that
// "distinct" of all shards is counted and not added up. Text, but for the hashes (8 bytes each,
// little-endian, ascending), each section of which says how many there are. The last line says that
// the file is whole.
namespace lumen::crash {

std::string WriteHashFile(const RunReport& report);

// Of a failure, the parts that a merged report shows: profile, rule, what, file. INVALID_ARGUMENT:
// what was expected, and where; UNIMPLEMENTED: another version.
absl::StatusOr<RunReport> ReadHashFile(std::string_view content);

// All shards as one run. INVALID_ARGUMENT where they are not the shards of one run: other build,
// seed or configuration; a shard that is missing, or there twice. `names` are for messages, one a
// part.
absl::StatusOr<RunReport> MergeShards(std::vector<RunReport> parts,
                                      const std::vector<std::string>& names);

}  // namespace lumen::crash
