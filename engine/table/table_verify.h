#pragma once

#include "absl/status/status.h"
#include "engine/table/table_file.h"

namespace lumen {

// TableReader::Verify: reads every byte once. OK: the file is what a builder wrote.
absl::Status VerifyTableFile(const TableFile& table);

}  // namespace lumen
