#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "engine/file_system.h"
#include "engine/wal/wal_reader.h"

namespace lumen {

// All bytes of a file. A read error, or fewer bytes than the file has, is an error and never taken
// for an end of file. RESOURCE_EXHAUSTED: larger than 4 GiB, which nothing we write is.
absl::StatusOr<std::string> ReadWholeFile(FileSystem& file_system, const std::string& path);

// The same, less what the file system knows to be zeros at the file's end.
absl::StatusOr<SegmentBytes> ReadSegmentFile(FileSystem& file_system, const std::string& path);

}  // namespace lumen
