#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "client/cli/output.h"
#include "lumen/v1/kv.pb.h"

namespace lumen::cli {

// Prints entries as they come: as "text", "json", "jsonl", "table" or "raw". Holds one message at a
// time. Not thread-safe.
class EntryPrinter {
 public:
  // `keys_only`: without values.
  EntryPrinter(std::string format, bool keys_only, Output& out);

  // False: nobody takes them any more.
  bool Print(const v1::ScanResponse& message);
  // Behind the last message.
  void End();

 private:
  bool PrintEntry(const v1::ScanResponse::Entry& entry);
  std::optional<std::string_view> ValueOf(const v1::ScanResponse::Entry& entry) const;
  bool PrintPair(const std::string& key, const std::string& value);
  void BeginTable(const v1::ScanResponse& message);
  bool PrintRow(const v1::ScanResponse::Entry& entry);
  bool PrintColumns(const std::string& key, const std::string& sequence, const std::string& bytes,
                    const std::string& value);

  const std::string format_;
  const bool keys_only_;
  Output& out_;
  bool began_ = false;
  size_t key_columns_ = 0;
  size_t value_columns_ = 0;
};

}  // namespace lumen::cli
