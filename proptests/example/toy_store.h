#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proptests/example/toy_log.h"
#include "proptests/oracle.h"

namespace lumen::example {

// What the oracle wants to see of a ToyLog.
class ToyStore final : public crash::Store {
 public:
  explicit ToyStore(std::unique_ptr<ToyLog> log) : log_(std::move(log)) {}

  absl::StatusOr<std::optional<std::string>> Get(const std::string& key) override {
    const auto found = log_->content().find(key);
    if (found == log_->content().end()) return std::nullopt;
    return found->second;
  }
  absl::Status Scan(bool reverse, const Visit& visit) override {
    const auto& content = log_->content();
    if (reverse) {
      for (auto entry = content.rbegin(); entry != content.rend(); ++entry) {
        visit(entry->first, entry->second);
      }
    } else {
      for (const auto& [key, value] : content) visit(key, value);
    }
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> Put(const std::string& key, const std::string& value) override {
    RETURN_IF_ERROR(log_->Put(key, value));
    return 0;  // a toy has no sequence numbers
  }
  absl::Status Exercise() override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<std::string>> Orphans() override { return std::vector<std::string>(); }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  const std::unique_ptr<ToyLog> log_;
};

inline crash::Opener ToyOpener(ToyLog::Bug bug) {
  return [bug](FileSystem& files, uint64_t) -> absl::StatusOr<std::unique_ptr<crash::Store>> {
    ASSIGN_OR_RETURN(std::unique_ptr<ToyLog> log, ToyLog::Open(files, bug));
    return std::make_unique<ToyStore>(std::move(log));
  };
}

}  // namespace lumen::example
