#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/file_system.h"

namespace lumen {

// A disk for tests that loses as much as engine/file_system.h allows, and fails as disks do.
//
// A power loss takes any subset of what is pending: of each directory any of the changes since its
// last sync (a rename whole), of each file any earlier version of each 512-byte sector written
// since its last sync; beyond the synced size also zeros or an earlier end; of a WAL segment also
// garbage. A failed sync forgets what was pending: it stays readable, but no later sync makes it
// durable. Not thread-safe.
class TornDisk : public FileSystem {
 public:
  enum class Effect : uint8_t {
    kNone,   // the operation fails and does nothing; an append has written a part
    kWhole,  // the operation fails but was done
  };
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

  TornDisk();
  ~TornDisk() override;

  // Operations that change something are counted. The one with index `operation` fails, once.
  void FailAt(uint64_t operation, Effect effect) { failures_[operation] = effect; }
  // The n-th directory sync from now on fails, once.
  void FailDirectorySync(uint64_t n) { failing_directory_syncs_.insert(directory_syncs_ + n); }
  void FailNoMore() { failures_.clear(), failing_directory_syncs_.clear(); }
  // Operations that did.
  uint64_t failed() const { return failed_; }
  // From that operation on everything fails, until the machine comes back.
  void DieAt(uint64_t operation) { die_at_ = operation; }
  bool dead() const { return operations_ >= die_at_; }
  uint64_t operations() const { return operations_; }

  // A new process finds what the old one left; what was pending still is.
  void Restart() { die_at_ = kNever; }
  // The machine comes back with what the power loss left, all of it durable.
  void LosePower(std::mt19937_64& random);

  absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<ReadFile>> OpenReadFile(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& existing, const std::string& added) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status CreateDirectory(const std::string& path) override;
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status SyncDirectory(const std::string& directory) override;
  absl::StatusOr<bool> Exists(const std::string& path) override;
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override;
  absl::StatusOr<uint64_t> FreeSpace(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                 std::string_view owner) override;

 private:
  struct Node;
  class TornLogFile;
  class TornReadFile;
  class TornLock;
  using NodePointer = std::shared_ptr<Node>;
  using Names = std::map<std::string, NodePointer>;
  // What one operation did to a directory: names with what they lead to from then on; null: gone.
  using Change = std::vector<std::pair<std::string, NodePointer>>;
  // A name in a directory that exists.
  struct Place {
    NodePointer directory;
    std::string name;
    NodePointer node;  // null: there is no such name
  };

  // How the operation goes that is about to happen.
  struct Turn {
    absl::Status status;
    bool done = true;  // whether it has its effect
  };
  Turn Next(const std::string& path);
  absl::StatusOr<Place> Find(const std::string& path) const;
  absl::StatusOr<NodePointer> FindNode(const std::string& path) const;
  absl::Status Alter(const std::string& path, const Place& place, Change change);

  NodePointer root_;
  uint64_t operations_ = 0;
  uint64_t die_at_ = kNever;
  std::map<uint64_t, Effect> failures_;
  uint64_t directory_syncs_ = 0;
  std::set<uint64_t> failing_directory_syncs_;
  uint64_t failed_ = 0;
};

}  // namespace lumen
