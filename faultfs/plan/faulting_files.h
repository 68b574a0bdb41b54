#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "faultfs/plan/injection.h"

namespace lumen::faultfs {

// As its target, with faults. What a fault would have made the target do after an error, this does:
// it repeats the error for ever.
class FaultingFileSystem::FaultingLogFile final : public LogFile {
 public:
  FaultingLogFile(std::string path, Injection& injection, std::unique_ptr<LogFile> target);

  absl::Status Allocate(uint64_t size_bytes) override;
  absl::Status Append(std::string_view data) override;
  absl::Status Sync() override;
  uint64_t offset() const override { return target_->offset(); }
  uint64_t durable_offset() const override {
    return durable_offset_.load(std::memory_order_acquire);
  }

 private:
  Call CallOf(CallKind kind, uint64_t offset, uint64_t length) const;
  absl::Status Poison(const Fault& fault);
  absl::Status AppendPart(const Fault& fault, std::string_view data);
  absl::Status SyncAndFail(const Fault& fault);
  // What an OK to the caller means to it, true or not.
  absl::Status SaySynced(uint64_t end);

  const std::string path_;
  Injection& injection_;
  const Injection::Damage damage_;
  const std::unique_ptr<LogFile> target_;
  absl::Status error_;
  std::optional<Fault> late_;  // the next Sync fails with this
  std::atomic<uint64_t> durable_offset_{0};
};

class FaultingFileSystem::FaultingReadFile final : public ReadFile {
 public:
  FaultingReadFile(std::string path, Injection& injection, std::unique_ptr<ReadFile> target);

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<char> out) const override;
  // View() stays without an answer, so that every read is a call that can meet a fault.
  uint64_t size() const override { return damage_->SizeOf(target_->size()); }

 private:
  std::optional<Fault> FailureOf(const Fault& fault, uint64_t offset, uint64_t length) const;

  const std::string path_;
  Injection& injection_;
  const Injection::Damage damage_;
  const std::unique_ptr<ReadFile> target_;
};

}  // namespace lumen::faultfs
