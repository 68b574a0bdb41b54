#include "engine/wal/wal_test_support.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/format/coding.h"
#include "engine/format/frame.h"

namespace lumen {
namespace {

int HexDigit(char c) {
  const std::string_view digits = "0123456789abcdef";
  const size_t at = digits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

bool AppendHexToken(const std::string& token, std::string& to) {
  if (token.size() < 2) return false;
  const int high = HexDigit(token[0]);
  const int low = HexDigit(token[1]);
  if (high < 0 || low < 0) return false;
  size_t times = 1;
  if (token.size() > 2) {
    if (token[2] != '*') return false;
    times = std::stoul(token.substr(3));
  }
  to.append(times, static_cast<char>(high * 16 + low));
  return true;
}

class TestLogFile : public LogFile {
 public:
  TestLogFile(TestDisk& disk, std::string path, std::shared_ptr<TestInode> inode)
      : disk_(disk), path_(std::move(path)), inode_(std::move(inode)) {}

  absl::Status Allocate(uint64_t size_bytes) override {
    RETURN_IF_ERROR(disk_.Tick("allocate " + path_));
    if (inode_->bytes.size() < size_bytes) inode_->bytes.resize(size_bytes, '\0');
    return absl::OkStatus();
  }
  absl::Status Append(std::string_view data) override {
    if (absl::Status status = disk_.Tick("append " + path_); !status.ok()) {
      inode_->Write(inode_->append_at, data.substr(0, data.size() / 2));
      return status;
    }
    inode_->Write(inode_->append_at, data);
    inode_->append_at += data.size();
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    RETURN_IF_ERROR(disk_.Tick("sync " + path_));
    inode_->unsynced.clear();
    inode_->durable_bytes = inode_->bytes.size();
    durable_offset_ = inode_->append_at;
    return absl::OkStatus();
  }
  uint64_t offset() const override { return inode_->append_at; }
  uint64_t durable_offset() const override { return durable_offset_; }

 private:
  TestDisk& disk_;
  std::string path_;
  std::shared_ptr<TestInode> inode_;
  uint64_t durable_offset_ = 0;
};

class TestReadFile : public ReadFile {
 public:
  explicit TestReadFile(std::string bytes) : bytes_(std::move(bytes)) {}
  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    if (offset >= bytes_.size()) return size_t{0};
    return bytes_.copy(out.data(), out.size(), offset);
  }
  uint64_t size() const override { return bytes_.size(); }

 private:
  std::string bytes_;
};

// Nothing, one of the versions, or by `loss` zeros or garbage.
std::string SectorOutcome(const std::vector<std::string>& versions, TestDisk::Loss loss,
                          std::mt19937_64& random) {
  const size_t extra = loss == TestDisk::Loss::kVersions ? 0 : 2;
  const size_t choice = random() % (versions.size() + extra);
  if (choice < versions.size()) return versions[choice];
  std::string sector(versions[0].size(), '\0');
  if (choice > versions.size()) {
    for (char& byte : sector) byte = static_cast<char>(random());
  }
  return sector;
}

std::string PowerLossOf(const TestInode& inode, TestDisk::Loss loss, std::mt19937_64& random) {
  std::string bytes = inode.bytes;
  for (const auto& [sector, versions] : inode.unsynced) {
    const std::string outcome = SectorOutcome(versions, loss, random);
    bytes.replace(sector * kSectorBytes, outcome.size(), outcome);
  }
  if (inode.durable_bytes < bytes.size() && random() % 2 == 0) {
    // The size has versions of its own; any part of a growth may have reached the disk.
    const uint64_t grown = (bytes.size() - inode.durable_bytes) / kSectorBytes;
    bytes.resize(inode.durable_bytes + kSectorBytes * (random() % (grown + 1)));
  }
  return bytes;
}

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

SegmentReport ReadSegmentBothWays(const std::string& file, uint64_t number,
                                  std::optional<uint64_t> epoch) {
  const SegmentReport whole = ReadSegment(file, number, epoch);
  const uint64_t data_end = file.find_last_not_of('\0') + 1;
  for (const uint64_t known_end : {data_end, RoundUp(data_end, kHeaderBlockBytes)}) {
    const uint64_t read = SegmentFrontBytes(known_end, file.size());
    SegmentBytes segment{.front = file.substr(0, static_cast<size_t>(read)),
                         .file_bytes = file.size()};
    CHECK(ReadSegment(segment, number, epoch) == whole);
    segment.ExtendTo(whole.end);
    CHECK(segment.front.size() >= std::min<uint64_t>(whole.end, file.size()));
    CHECK(file.starts_with(segment.front));
  }
  return whole;
}

std::optional<std::string> ReadHexFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::string bytes;
  for (std::string line; std::getline(file, line);) {
    std::istringstream tokens(line.substr(0, line.find('#')));
    for (std::string token; tokens >> token;) {
      if (!AppendHexToken(token, bytes)) return std::nullopt;
    }
  }
  return bytes;
}

void TestInode::Write(uint64_t at, std::string_view data) {
  if (data.empty()) return;
  const uint64_t end = at + data.size();
  if (bytes.size() < end) bytes.resize(end, '\0');
  const uint64_t first = at / kSectorBytes;
  const uint64_t last = (end - 1) / kSectorBytes;
  const auto content = [&](uint64_t sector) {
    return bytes.substr(sector * kSectorBytes, kSectorBytes);
  };
  for (uint64_t sector = first; sector <= last; ++sector) {
    auto& versions = unsynced[sector];
    if (versions.empty()) versions.push_back(content(sector));
  }
  bytes.replace(at, data.size(), data);
  for (uint64_t sector = first; sector <= last; ++sector) {
    unsynced[sector].push_back(content(sector));
  }
}

absl::Status TestDisk::Tick(const std::string& operation) {
  trace.push_back(operation);
  if (fail_at && *fail_at == trace.size() - 1) {
    return absl::InternalError(operation + ": injected fault");
  }
  return absl::OkStatus();
}

DiskImage TestDisk::PowerLoss(std::mt19937_64& random, Loss loss) const {
  std::set<std::string> names;
  for (const auto& [name, inode] : files) names.insert(name);
  for (const auto& [name, inode] : durable_names_) names.insert(name);
  DiskImage image;
  for (const std::string& name : names) {
    const auto now = files.find(name);
    const auto durable = durable_names_.find(name);
    const bool take_new = random() % 2 == 0;
    const TestInode* chosen = nullptr;
    if (take_new) {
      chosen = now == files.end() ? nullptr : now->second.get();
    } else {
      chosen = durable == durable_names_.end() ? nullptr : durable->second.get();
    }
    if (chosen != nullptr) image[name] = PowerLossOf(*chosen, loss, random);
  }
  return image;
}

DiskImage TestDisk::Killed() const {
  DiskImage image;
  for (const auto& [name, inode] : files) image[name] = inode->bytes;
  return image;
}

absl::StatusOr<std::unique_ptr<LogFile>> TestDisk::CreateLogFile(const std::string& path) {
  RETURN_IF_ERROR(Tick("create " + path));
  if (files.contains(path)) return absl::AlreadyExistsError(path + ": exists");
  auto inode = std::make_shared<TestInode>();
  files[path] = inode;
  return std::make_unique<TestLogFile>(*this, path, inode);
}

absl::StatusOr<std::unique_ptr<ReadFile>> TestDisk::OpenReadFile(const std::string& path) {
  const auto file = files.find(path);
  if (file == files.end()) return absl::NotFoundError(path + ": no such file");
  return std::make_unique<TestReadFile>(file->second->bytes);
}

absl::Status TestDisk::Rename(const std::string& from, const std::string& to) {
  RETURN_IF_ERROR(Tick("rename " + from + " " + to));
  const auto file = files.find(from);
  if (file == files.end()) return absl::NotFoundError(from + ": no such file");
  files[to] = file->second;
  files.erase(from);
  return absl::OkStatus();
}

absl::Status TestDisk::Link(const std::string& existing, const std::string& added) {
  RETURN_IF_ERROR(Tick("link " + existing + " " + added));
  files[added] = files.at(existing);
  return absl::OkStatus();
}

absl::Status TestDisk::Remove(const std::string& path) {
  RETURN_IF_ERROR(Tick("remove " + path));
  if (files.erase(path) == 0) return absl::NotFoundError(path + ": no such file");
  return absl::OkStatus();
}

absl::Status TestDisk::CreateDirectory(const std::string& path) {
  return Tick("create directory " + path);
}

absl::Status TestDisk::RemoveDirectory(const std::string& path) {
  return Tick("remove directory " + path);
}

absl::StatusOr<std::vector<std::string>> TestDisk::List(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& [path, inode] : files) {
    if (DirectoryOf(path) == directory) names.push_back(path.substr(directory.size() + 1));
  }
  return names;
}

absl::Status TestDisk::SyncDirectory(const std::string& directory) {
  RETURN_IF_ERROR(Tick("sync directory " + directory));
  durable_names_ = files;
  return absl::OkStatus();
}

absl::StatusOr<bool> TestDisk::Exists(const std::string& path) { return files.contains(path); }

absl::StatusOr<uint64_t> TestDisk::FileSize(const std::string& path) {
  return files.at(path)->bytes.size();
}

absl::StatusOr<uint64_t> TestDisk::FreeSpace(const std::string& directory) {
  (void)directory;
  return uint64_t{1} << 40;
}

absl::StatusOr<std::unique_ptr<FileLock>> TestDisk::Lock(const std::string& path,
                                                         std::string_view owner) {
  (void)owner;
  return absl::UnimplementedError(path + ": nothing here takes locks");
}

}  // namespace lumen
