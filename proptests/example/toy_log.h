#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/file_system.h"

namespace lumen::example {

// A toy to be crashed: a map in one append-only file, which every open writes anew. The file:
// [generation: 8] then records [key bytes: 1][value bytes: 1][key][value][checksum: 8].
class ToyLog {
 public:
  // The planted one is famous from ext4's first years.
  enum class Bug { kNone, kRenameWithoutSync };

  static absl::StatusOr<std::unique_ptr<ToyLog>> Open(FileSystem& files, Bug bug) {
    auto log = std::make_unique<ToyLog>();
    RETURN_IF_ERROR(log->Load(files));
    RETURN_IF_ERROR(log->Rewrite(files, bug));
    return log;
  }

  // At most 255 bytes each. OK: it survives a power loss.
  absl::Status Put(const std::string& key, const std::string& value) {
    RETURN_IF_ERROR(file_->Append(Record(key, value)));
    RETURN_IF_ERROR(file_->Sync());
    content_[key] = value;
    return absl::OkStatus();
  }

  const std::map<std::string, std::string>& content() const { return content_; }

 private:
  static constexpr char kName[] = "/toy.log";
  static constexpr char kNewName[] = "/toy.log.tmp";
  // Not 0, with which a file of zeros would be full of records.
  static constexpr uint64_t kChainStart = 0xcbf29ce484222325;

  absl::Status Load(FileSystem& files) {
    ASSIGN_OR_RETURN(const bool exists, files.Exists(kName));
    if (!exists) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto file, files.OpenReadFile(kName));
    std::string bytes(file->size(), '\0');
    RETURN_IF_ERROR(file->ReadAt(0, {bytes.data(), bytes.size()}).status());
    Replay(bytes);
    return absl::OkStatus();
  }

  // Up to the first record that is not whole: a crash has cut it, so nobody was told of it.
  void Replay(std::string_view bytes) {
    if (bytes.size() < sizeof(generation_)) return;
    std::memcpy(&generation_, bytes.data(), sizeof(generation_));
    chain_ = kChainStart ^ generation_;
    for (bytes.remove_prefix(sizeof(chain_)); bytes.size() >= 2;) {
      const size_t value_at = std::min<size_t>(2 + static_cast<uint8_t>(bytes[0]), bytes.size());
      const std::string key(bytes.substr(2, value_at - 2));
      const std::string value(bytes.substr(value_at, static_cast<uint8_t>(bytes[1])));
      const std::string record = Record(key, value);
      if (!bytes.starts_with(record)) return;
      content_[key] = value;
      bytes.remove_prefix(record.size());
    }
  }

  absl::Status Rewrite(FileSystem& files, Bug bug) {
    ASSIGN_OR_RETURN(const bool left_over, files.Exists(kNewName));
    if (left_over) RETURN_IF_ERROR(files.Remove(kNewName));
    ASSIGN_OR_RETURN(file_, files.CreateLogFile(kNewName));
    chain_ = kChainStart ^ ++generation_;
    std::string bytes(reinterpret_cast<const char*>(&generation_), sizeof(generation_));
    for (const auto& [key, value] : content_) bytes += Record(key, value);
    RETURN_IF_ERROR(file_->Append(bytes));
    // The rename may reach the disk before the bytes do, and would then replace them by nothing.
    if (bug == Bug::kNone) RETURN_IF_ERROR(file_->Sync());
    RETURN_IF_ERROR(files.Rename(kNewName, kName));
    return files.SyncDirectory("/");
  }

  // The checksum goes on from the record before it and from the generation, so that no record of
  // another file, or of another place, passes for this one. (FNV-1a.)
  std::string Record(std::string_view key, std::string_view value) {
    std::string record = {static_cast<char>(key.size()), static_cast<char>(value.size())};
    record.append(key).append(value);
    for (const char c : record) chain_ = (chain_ ^ static_cast<uint8_t>(c)) * 0x100000001b3;
    return record.append(reinterpret_cast<const char*>(&chain_), sizeof(chain_));
  }

  uint64_t generation_ = 0, chain_ = 0;
  std::map<std::string, std::string> content_;
  std::unique_ptr<LogFile> file_;
};

}  // namespace lumen::example
