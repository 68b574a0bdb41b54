#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "proptests/oracle.h"

namespace lumen::crash {

// What a FakeStore's image would hold, and every way in which it can be wrong.
struct FakeDisk {
  std::map<std::string, std::string> content;
  uint64_t sequence = 0;  // the last one handed out

  int opens = 0;
  absl::Status refusal = {};     // of an open ...
  int refuses_from = 1;          // ... from this one on, counted from 1
  absl::Status read_error = {};  // of gets of `broken_key`, and of scans that come to it
  absl::Status write_error = {};
  absl::Status close_error = {};
  absl::Status exercise_error = {};
  std::string broken_key = {};
  bool get_disagrees = false;        // gets of `broken_key` find nothing
  bool get_finds_ghost = false;      // gets of `broken_key` find a value that scans do not see
  bool reverse_skips_first = false;  // backward scans stop one too early
  bool forward_out_of_order = false;
  bool write_is_not_read = false;
  bool write_vanishes = false;      // at the next open
  bool reopen_loses_key = false;    // `broken_key`, at the next open
  bool sequence_restarts = false;   // at the next open
  bool exercise_loses_key = false;  // `broken_key`
  std::vector<std::string> orphans = {};
};

class FakeStore final : public Store {
 public:
  explicit FakeStore(FakeDisk& disk) : disk_(disk) {}

  absl::StatusOr<std::optional<std::string>> Get(const std::string& key) override {
    if (key == disk_.broken_key) {
      if (!disk_.read_error.ok()) return disk_.read_error;
      if (disk_.get_disagrees) return std::nullopt;
      if (disk_.get_finds_ghost) return "ghost";
    }
    const auto found = disk_.content.find(key);
    if (found == disk_.content.end()) return std::nullopt;
    return found->second;
  }

  absl::Status Scan(bool reverse, const Visit& visit) override {
    Content content(disk_.content.begin(), disk_.content.end());
    if (disk_.forward_out_of_order && content.size() > 1) std::swap(content[0], content[1]);
    if (reverse) {
      content = {disk_.content.rbegin(), disk_.content.rend()};
      if (disk_.reverse_skips_first && !content.empty()) content.pop_back();
    }
    for (const auto& [key, value] : content) {
      if (key == disk_.broken_key && !disk_.read_error.ok()) return disk_.read_error;
      visit(key, value);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Put(const std::string& key, const std::string& value) override {
    if (!disk_.write_error.ok()) return disk_.write_error;
    if (!disk_.write_is_not_read) disk_.content[key] = value;
    written_ = key;
    return ++disk_.sequence;
  }

  absl::Status Exercise() override {
    if (disk_.exercise_loses_key) disk_.content.erase(disk_.broken_key);
    return disk_.exercise_error;
  }
  absl::StatusOr<std::vector<std::string>> Orphans() override { return disk_.orphans; }

  absl::Status Close() override {
    if (disk_.write_vanishes) disk_.content.erase(written_);
    if (disk_.reopen_loses_key) disk_.content.erase(disk_.broken_key);
    if (disk_.sequence_restarts) disk_.sequence = 0;
    return disk_.close_error;
  }

 private:
  FakeDisk& disk_;
  std::string written_;
};

inline Opener OpenerOf(FakeDisk& disk) {
  return [&disk](FileSystem&, uint64_t) -> absl::StatusOr<std::unique_ptr<Store>> {
    if (++disk.opens >= disk.refuses_from && !disk.refusal.ok()) return disk.refusal;
    return std::make_unique<FakeStore>(disk);
  };
}

}  // namespace lumen::crash
