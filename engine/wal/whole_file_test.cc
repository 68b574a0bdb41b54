// A file is read whole or not at all: what a read leaves out is never taken for the end of the
// file. Method: a disk that says one thing about a file's size and another when it is read.
#include "engine/wal/whole_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lumen {
namespace {

using testing::HasSubstr;

class ShortFile final : public ReadFile {
 public:
  ShortFile(uint64_t size, size_t readable) : size_(size), readable_(readable) {}
  absl::StatusOr<size_t> ReadAt(uint64_t, std::span<char> out) const override {
    const size_t read = std::min(out.size(), readable_);
    std::fill_n(out.begin(), read, 'x');
    return read;
  }
  uint64_t size() const override { return size_; }

 private:
  const uint64_t size_;
  const size_t readable_;
};

class OneFile final : public FileSystem {
 public:
  OneFile(uint64_t size, size_t readable) : size_(size), readable_(readable) {}

  absl::StatusOr<std::unique_ptr<ReadFile>> OpenReadFile(const std::string&) override {
    return std::make_unique<ShortFile>(size_, readable_);
  }
  absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string&) override {
    return Unused();
  }
  absl::Status Rename(const std::string&, const std::string&) override { return Unused(); }
  absl::Status Link(const std::string&, const std::string&) override { return Unused(); }
  absl::Status Remove(const std::string&) override { return Unused(); }
  absl::Status CreateDirectory(const std::string&) override { return Unused(); }
  absl::Status RemoveDirectory(const std::string&) override { return Unused(); }
  absl::StatusOr<std::vector<std::string>> List(const std::string&) override { return Unused(); }
  absl::Status SyncDirectory(const std::string&) override { return Unused(); }
  absl::StatusOr<bool> Exists(const std::string&) override { return Unused(); }
  absl::StatusOr<uint64_t> FileSize(const std::string&) override { return Unused(); }
  absl::StatusOr<uint64_t> FreeSpace(const std::string&) override { return Unused(); }
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string&, std::string_view) override {
    return Unused();
  }

 private:
  static absl::Status Unused() { return absl::UnimplementedError("not part of this test"); }

  const uint64_t size_;
  const size_t readable_;
};

TEST(WholeFileTest, AFileIsReadWhole) {
  OneFile files(5, 5);
  EXPECT_EQ(*ReadWholeFile(files, "/f"), "xxxxx");
}

TEST(WholeFileTest, AShortReadIsNotTheEndOfTheFile) {
  OneFile files(5, 4);
  const auto bytes = ReadWholeFile(files, "/f");
  EXPECT_EQ(bytes.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(bytes.status().message()), HasSubstr("/f: read 4 of 5 bytes"));
}

TEST(WholeFileTest, ASizeThatNothingOfOursHasTakesNoMemory) {
  OneFile files((uint64_t{4} << 30) + 1, 0);
  EXPECT_EQ(ReadWholeFile(files, "/f").status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace lumen
