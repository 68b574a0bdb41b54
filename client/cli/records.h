#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lumen/v1/kv.pb.h"

// The lines of `export`, `import` and `batch`: one JSON object each. Bytes are a string, or
// {"base64":"..."}.
namespace lumen::cli {

// {"key":K,"value":V}, with a line end. Read back by ParseEntry.
std::string EntryLine(std::string_view key, std::string_view value);

// What EntryLine and `scan -o jsonl` write; a "sequence" is not looked at. INVALID_ARGUMENT says
// what is wrong.
absl::StatusOr<v1::Operation::Put> ParseEntry(const std::string& line);

// One line of a batch, added to the request:
//   {"put":K,"value":V}   {"delete":K}
//   {"if":K,"exists":true|false}   {"if":K,"sequence":N}   {"if":K,"value":V}
// INVALID_ARGUMENT says what is wrong; the request is then as before.
absl::Status ParseBatchLine(const std::string& line, v1::WriteRequest& to);

}  // namespace lumen::cli
