#include "engine/core/torn_disk_testing.h"

#include <algorithm>
#include <span>

#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/format/frame.h"

namespace lumen {

struct TornDisk::Node {
  bool is_directory = false;

  Names names;
  Names durable_names;
  std::vector<Change> pending;  // since the last sync, without what a failed one forgot

  std::string bytes;
  uint64_t append_at = 0;
  uint64_t durable_bytes = 0;  // size
  bool size_pending = false;
  // Of each sector that is not as it is on the disk its contents since then, the durable one first;
  // only that one where a failed sync forgot the others.
  std::map<uint64_t, std::vector<std::string>> sectors;
  bool is_wal = false;
  bool locked = false;

  void Write(std::string_view data);
  void Grow(uint64_t size_bytes);
  void Sync();
  void FailSync();
  void LosePower(std::mt19937_64& random);
  void LosePowerOfDirectory(std::mt19937_64& random);

 private:
  std::string Sector(uint64_t index) const {
    const uint64_t begin = std::min<uint64_t>(index * kSectorBytes, bytes.size());
    std::string content = bytes.substr(begin, kSectorBytes);
    content.resize(kSectorBytes, '\0');
    return content;
  }
};

void TornDisk::Node::Grow(uint64_t size_bytes) {
  if (size_bytes <= bytes.size()) return;
  bytes.resize(size_bytes, '\0');
  size_pending = true;
}

void TornDisk::Node::Write(std::string_view data) {
  if (data.empty()) return;
  const uint64_t first = append_at / kSectorBytes;
  const uint64_t last = (append_at + data.size() - 1) / kSectorBytes;
  for (uint64_t i = first; i <= last; ++i) {
    if (auto& versions = sectors[i]; versions.empty()) versions.push_back(Sector(i));
  }
  Grow(append_at + data.size());
  bytes.replace(append_at, data.size(), data);
  append_at += data.size();
  for (uint64_t i = first; i <= last; ++i) sectors[i].push_back(Sector(i));
}

void TornDisk::Node::Sync() {
  std::erase_if(sectors, [](const auto& sector) { return sector.second.size() > 1; });
  if (size_pending) durable_bytes = bytes.size();
  size_pending = false;
}

void TornDisk::Node::FailSync() {
  for (auto& [index, versions] : sectors) versions.resize(1);
  size_pending = false;
}

void TornDisk::Node::LosePower(std::mt19937_64& random) {
  for (const auto& [index, versions] : sectors) {
    std::string outcome = versions[random() % versions.size()];
    const bool unsynced = versions.size() > 1;
    if (unsynced && is_wal && random() % 4 == 0) {
      for (char& byte : outcome) byte = static_cast<char>(random());
    } else if (unsynced && index * kSectorBytes >= durable_bytes && random() % 4 == 0) {
      outcome.assign(kSectorBytes, '\0');
    }
    outcome.resize(std::min<uint64_t>(kSectorBytes, bytes.size() - index * kSectorBytes));
    bytes.replace(index * kSectorBytes, outcome.size(), outcome);
  }
  sectors.clear();
  if (!size_pending) {
    bytes.resize(durable_bytes);
  } else if (random() % 2 == 0) {
    bytes.resize(durable_bytes + random() % (bytes.size() - durable_bytes + 1));
  }
  durable_bytes = bytes.size();
  size_pending = false;
  locked = false;
}

void TornDisk::Node::LosePowerOfDirectory(std::mt19937_64& random) {
  // All, none, a prefix as a journal keeps it, or any subset.
  const uint64_t fashion = random() % 4;
  const uint64_t prefix = random() % (pending.size() + 1);
  for (size_t i = 0; i < pending.size(); ++i) {
    const bool kept =
        fashion == 0 || (fashion == 2 && i < prefix) || (fashion == 3 && random() % 2 == 0);
    if (!kept) continue;
    for (const auto& [name, node] : pending[i]) {
      if (node != nullptr) {
        durable_names[name] = node;
      } else {
        durable_names.erase(name);
      }
    }
  }
  pending.clear();
  names = durable_names;
}

class TornDisk::TornLogFile final : public LogFile {
 public:
  TornLogFile(TornDisk& disk, std::string path, NodePointer node)
      : disk_(disk), path_(std::move(path)), node_(std::move(node)) {}

  absl::Status Allocate(uint64_t size_bytes) override {
    return Run([&] { node_->Grow(size_bytes); }, [] {});
  }
  absl::Status Append(std::string_view data) override {
    return Run([&] { node_->Write(data); }, [&] { node_->Write(data.substr(0, data.size() / 2)); });
  }
  absl::Status Sync() override {
    return Run(
        [&] {
          node_->Sync();
          durable_offset_ = node_->append_at;
        },
        [&] { node_->FailSync(); });
  }
  uint64_t offset() const override { return node_->append_at; }
  uint64_t durable_offset() const override { return durable_offset_; }

 private:
  template <typename Whole, typename Failed>
  absl::Status Run(Whole whole, Failed failed) {
    RETURN_IF_ERROR(error_);
    const bool dead = disk_.dead();
    const Turn turn = disk_.Next(path_);
    if (turn.done) {
      whole();
    } else if (!dead) {
      failed();
    }
    error_ = turn.status;
    return error_;
  }

  TornDisk& disk_;
  const std::string path_;
  const NodePointer node_;
  uint64_t durable_offset_ = 0;
  absl::Status error_;
};

class TornDisk::TornReadFile final : public ReadFile {
 public:
  TornReadFile(const TornDisk& disk, std::string path, NodePointer node)
      : disk_(disk), path_(std::move(path)), node_(std::move(node)), size_(node_->bytes.size()) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    if (disk_.dead()) return absl::InternalError(path_ + ": the machine is off");
    if (offset >= node_->bytes.size()) return size_t{0};
    return node_->bytes.copy(out.data(), out.size(), offset);
  }
  uint64_t size() const override { return size_; }

 private:
  const TornDisk& disk_;
  const std::string path_;
  const NodePointer node_;
  const uint64_t size_;
};

class TornDisk::TornLock final : public FileLock {
 public:
  explicit TornLock(NodePointer node) : node_(std::move(node)) { node_->locked = true; }
  ~TornLock() override { node_->locked = false; }
  // Nobody here moves a directory.
  absl::Status StillHeld() const override { return absl::OkStatus(); }

 private:
  const NodePointer node_;
};

TornDisk::TornDisk() : root_(std::make_shared<Node>()) { root_->is_directory = true; }
TornDisk::~TornDisk() = default;

TornDisk::Turn TornDisk::Next(const std::string& path) {
  if (dead()) return {absl::InternalError(path + ": the machine is off"), false};
  const auto failure = failures_.find(operations_++);
  if (failure == failures_.end()) return {};
  ++failed_;
  return {absl::InternalError(path + ": injected"), failure->second == Effect::kWhole};
}

void TornDisk::LosePower(std::mt19937_64& random) {
  die_at_ = kNever;
  std::vector<NodePointer> reached = {root_};
  for (size_t i = 0; i < reached.size(); ++i) {
    const NodePointer node = reached[i];
    if (node->is_directory) {
      node->LosePowerOfDirectory(random);
      for (const auto& [name, child] : node->names) {
        // A checkpoint's links lead to one file by two names.
        if (std::find(reached.begin(), reached.end(), child) == reached.end()) {
          reached.push_back(child);
        }
      }
    } else {
      node->LosePower(random);
    }
  }
}

absl::StatusOr<TornDisk::Place> TornDisk::Find(const std::string& path) const {
  if (dead()) return absl::InternalError(path + ": the machine is off");
  Place place{nullptr, "", root_};
  for (size_t at = 0; at < path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, slash - at);
    at = slash + 1;
    if (name.empty()) continue;
    if (place.node == nullptr) return absl::NotFoundError(path + ": no such directory");
    place.directory = place.node;
    place.name = name;
    const auto found = place.directory->names.find(name);
    place.node = found == place.directory->names.end() ? nullptr : found->second;
  }
  return place;
}

absl::StatusOr<TornDisk::NodePointer> TornDisk::FindNode(const std::string& path) const {
  ASSIGN_OR_RETURN(const Place place, Find(path));
  if (place.node == nullptr) return absl::NotFoundError(path + ": not there");
  return place.node;
}

absl::Status TornDisk::Alter(const std::string& path, const Place& place, Change change) {
  Turn turn = Next(path);
  if (turn.done) {
    for (const auto& [name, node] : change) {
      if (node != nullptr) {
        place.directory->names[name] = node;
      } else {
        place.directory->names.erase(name);
      }
    }
    place.directory->pending.push_back(std::move(change));
  }
  return std::move(turn.status);
}

absl::StatusOr<std::unique_ptr<LogFile>> TornDisk::CreateLogFile(const std::string& path) {
  ASSIGN_OR_RETURN(const Place place, Find(path));
  if (place.node != nullptr) return absl::AlreadyExistsError(path + ": exists");
  auto node = std::make_shared<Node>();
  node->is_wal = path.ends_with(".wal");
  RETURN_IF_ERROR(Alter(path, place, {{place.name, node}}));
  return std::make_unique<TornLogFile>(*this, path, std::move(node));
}

absl::StatusOr<std::unique_ptr<ReadFile>> TornDisk::OpenReadFile(const std::string& path) {
  ASSIGN_OR_RETURN(NodePointer node, FindNode(path));
  return std::make_unique<TornReadFile>(*this, path, std::move(node));
}

absl::Status TornDisk::Rename(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(const Place source, Find(from));
  ASSIGN_OR_RETURN(const Place target, Find(to));
  if (source.node == nullptr) return absl::NotFoundError(from + ": not there");
  CHECK(source.directory == target.directory);
  return Alter(from, source, {{source.name, nullptr}, {target.name, source.node}});
}

absl::Status TornDisk::Link(const std::string& existing, const std::string& added) {
  ASSIGN_OR_RETURN(NodePointer node, FindNode(existing));
  ASSIGN_OR_RETURN(const Place place, Find(added));
  if (place.node != nullptr) return absl::AlreadyExistsError(added + ": exists");
  return Alter(added, place, {{place.name, std::move(node)}});
}

absl::Status TornDisk::Remove(const std::string& path) {
  ASSIGN_OR_RETURN(const Place place, Find(path));
  if (place.node == nullptr) return absl::NotFoundError(path + ": not there");
  return Alter(path, place, {{place.name, nullptr}});
}

absl::Status TornDisk::CreateDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(const Place place, Find(path));
  if (place.node != nullptr) return absl::AlreadyExistsError(path + ": exists");
  auto node = std::make_shared<Node>();
  node->is_directory = true;
  return Alter(path, place, {{place.name, std::move(node)}});
}

absl::Status TornDisk::RemoveDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(const NodePointer node, FindNode(path));
  if (!node->names.empty()) return absl::InternalError(path + ": not empty");
  return Remove(path);
}

absl::StatusOr<std::vector<std::string>> TornDisk::List(const std::string& directory) {
  ASSIGN_OR_RETURN(const NodePointer node, FindNode(directory));
  std::vector<std::string> names;
  for (const auto& [name, child] : node->names) names.push_back(name);
  return names;
}

absl::Status TornDisk::SyncDirectory(const std::string& directory) {
  ASSIGN_OR_RETURN(const NodePointer node, FindNode(directory));
  if (failing_directory_syncs_.contains(++directory_syncs_)) FailAt(operations_, Effect::kNone);
  Turn turn = Next(directory);
  if (turn.done) {
    for (const Change& change : node->pending) {
      for (const auto& [name, child] : change) {
        if (child != nullptr) {
          node->durable_names[name] = child;
        } else {
          node->durable_names.erase(name);
        }
      }
    }
  }
  node->pending.clear();
  return std::move(turn.status);
}

absl::StatusOr<bool> TornDisk::Exists(const std::string& path) {
  const absl::StatusOr<Place> place = Find(path);
  if (absl::IsNotFound(place.status())) return false;
  RETURN_IF_ERROR(place.status());
  return place->node != nullptr;
}

absl::StatusOr<uint64_t> TornDisk::FileSize(const std::string& path) {
  ASSIGN_OR_RETURN(const NodePointer node, FindNode(path));
  return node->bytes.size();
}

absl::StatusOr<uint64_t> TornDisk::FreeSpace(const std::string&) { return uint64_t{1} << 40; }

// Not counted: the lock file matters to no recovery.
absl::StatusOr<std::unique_ptr<FileLock>> TornDisk::Lock(const std::string& path,
                                                         std::string_view) {
  ASSIGN_OR_RETURN(Place place, Find(path));
  if (place.node == nullptr) {
    place.node = std::make_shared<Node>();
    place.directory->names[place.name] = place.node;
  }
  if (place.node->locked) return absl::FailedPreconditionError(path + ": held");
  return std::make_unique<TornLock>(place.node);
}

}  // namespace lumen
