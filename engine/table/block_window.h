#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/table/table_file.h"

namespace lumen {

enum class ScanDirection : uint8_t { kForward, kBackward };

// Stored data blocks for a reader that walks through a table without a cache: reads whole runs of
// blocks, longer ones as long as the walk goes on in one direction. Holds one run. Where the file
// lends its bytes there is nothing to read. Not thread-safe.
class BlockWindow {
 public:
  static constexpr size_t kFirstReadBytes = size_t{32} << 10;
  static constexpr size_t kLongestReadBytes = size_t{512} << 10;

  explicit BlockWindow(const TableFile& table) : table_(table) {}

  // Good until the next call.
  absl::StatusOr<std::string_view> Stored(uint32_t block, ScanDirection direction);
  // Gives the memory back.
  void Release();

 private:
  absl::Status Read(uint32_t block, ScanDirection direction);

  const TableFile& table_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_bytes_ = 0;
  uint64_t begin_ = 0;  // offsets in the file
  uint64_t end_ = 0;
  size_t read_bytes_ = kFirstReadBytes;  // aim of the next read
};

}  // namespace lumen
