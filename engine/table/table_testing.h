#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/check.h"
#include "engine/file_system.h"
#include "engine/table/table.h"

// Tables in strings, for tests: no file system, every byte at hand.
namespace lumen::table_testing {

class StringLogFile final : public LogFile {
 public:
  absl::Status Allocate(uint64_t) override { return absl::OkStatus(); }
  absl::Status Append(std::string_view data) override {
    if (data.size() > room_bytes) return absl::ResourceExhaustedError("t.sst: no room");
    room_bytes -= data.size();
    bytes.append(data);
    ++appends;
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  uint64_t offset() const override { return bytes.size(); }
  uint64_t durable_offset() const override { return bytes.size(); }

  std::string bytes;
  int appends = 0;
  uint64_t room_bytes = ~uint64_t{0};
};

struct ReadCounters {
  uint64_t reads = 0;
  uint64_t longest_read_bytes = 0;
  bool fail = false;
};

class StringReadFile final : public ReadFile {
 public:
  StringReadFile(std::string bytes, bool lends, ReadCounters* counters = nullptr)
      : bytes_(std::move(bytes)), lends_(lends), counters_(counters) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    if (counters_ != nullptr) {
      if (counters_->fail) return absl::InternalError("t.sst: input/output error");
      ++counters_->reads;
      counters_->longest_read_bytes = std::max<uint64_t>(counters_->longest_read_bytes, out.size());
    }
    if (offset >= bytes_.size()) return size_t{0};
    const std::string_view found = std::string_view(bytes_).substr(offset, out.size());
    std::copy(found.begin(), found.end(), out.begin());
    return found.size();
  }
  std::optional<std::string_view> View(uint64_t offset, size_t length) const override {
    if (!lends_ || offset > bytes_.size() || length > bytes_.size() - offset) return std::nullopt;
    return std::string_view(bytes_).substr(offset, length);
  }
  uint64_t size() const override { return bytes_.size(); }

 private:
  const std::string bytes_;
  const bool lends_;
  ReadCounters* const counters_;
};

struct OwnedEntry {
  std::string key;
  SequenceNumber sequence = 0;
  EntryKind kind = EntryKind::kPut;
  std::string value;

  Entry view() const { return {key, sequence, kind, value}; }
  friend bool operator<(const OwnedEntry& a, const OwnedEntry& b) {
    return CompareEntries(a.key, a.sequence, b.key, b.sequence) < 0;
  }
  friend bool operator==(const OwnedEntry& a, const OwnedEntry& b) = default;
};

inline OwnedEntry Own(const Entry& entry) {
  return {std::string(entry.key), entry.sequence, entry.kind, std::string(entry.value)};
}

struct BuiltTable {
  std::string bytes;
  TableSummary summary;
};

// `entries` in order.
inline BuiltTable BuildTable(const std::vector<OwnedEntry>& entries, const TableOptions& options) {
  StringLogFile file;
  TableBuilder builder(file, options);
  for (const OwnedEntry& entry : entries) CHECK(builder.Add(entry.view()).ok());
  absl::StatusOr<TableSummary> summary = builder.Finish();
  CHECK(summary.ok());
  return {std::move(file.bytes), *std::move(summary)};
}

inline absl::StatusOr<std::unique_ptr<TableReader>> OpenTable(std::string bytes, BlockCache& cache,
                                                              bool lends = false,
                                                              ReadCounters* counters = nullptr) {
  return TableReader::Open(std::make_unique<StringReadFile>(std::move(bytes), lends, counters),
                           "t.sst", 1, cache);
}

}  // namespace lumen::table_testing
