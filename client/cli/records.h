#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lumen/v1/kv.pb.h"

// The lines that `import` and `batch` read: one JSON object each. Bytes are a string, or
// {"base64":"..."}.
namespace lumen::cli {

// What `export` and `scan -o jsonl` write (EntryJson); a "sequence" is not looked at.
// INVALID_ARGUMENT says what is wrong.
absl::StatusOr<v1::Operation::Put> ParseEntry(const std::string& line);

// One line of a batch, added to the request:
//   {"put":K,"value":V}   {"delete":K}
//   {"if":K,"exists":true|false}   {"if":K,"sequence":N}   {"if":K,"value":V}
// INVALID_ARGUMENT says what is wrong; the request is then as before.
absl::Status ParseBatchLine(const std::string& line, v1::WriteRequest& to);

}  // namespace lumen::cli
