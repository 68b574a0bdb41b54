#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/file_system.h"

// Looking into one SSTable without an engine, for people and tools. Only reads; needs no lock,
// since a table never changes. Format: docs/file_formats.md#sstable.
namespace lumen {

struct TableDumpOptions {
  bool entries = false;  // every key-version too, not only blocks
  // Longer keys and values are shown up to here, with their full size. Bytes.
  size_t shown_bytes = 64;
};

// Gives `print` one line (without its end) after the other: footer, properties, filter, index, and
// on request the entries of every block. Bytes other than printable ASCII are shown as \xNN. A data
// block that does not verify gets a line saying so and the dump goes on; then, and where footer,
// properties, index or filter do not verify, DATA_LOSS naming the first such place.
absl::Status DumpTable(FileSystem& file_system, const std::string& path,
                       const TableDumpOptions& options,
                       const std::function<void(std::string_view)>& print);

// Reads every byte: all checksums, the order of entries, index, filter and properties against the
// entries. DATA_LOSS naming file, offset and rule.
absl::Status VerifyTable(FileSystem& file_system, const std::string& path);

}  // namespace lumen
