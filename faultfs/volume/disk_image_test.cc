// Goal: copies of an image never see one another's changes, whatever they share, and a hash says
// what a program could see and nothing else.

#include "faultfs/disk_image.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "faultfs/volume/mixing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen::faultfs {
namespace {

constexpr uint64_t kWalBytes = 64 << 10;

FileBytes Bytes(std::string_view text) {
  FileBytes bytes;
  bytes.Write(0, text);
  return bytes;
}

TEST(FileBytes, HolesReadAsZerosAndHashAsThem) {
  FileBytes hole, written;
  hole.Resize(kWalBytes);
  written.Write(0, std::string(kWalBytes, '\0'));
  EXPECT_EQ(hole.ToString(), written.ToString());
  EXPECT_EQ(hole.hash(), written.hash());
  hole.Write(40'000, "x");
  EXPECT_NE(hole.hash(), written.hash());
  written.Write(40'000, "x");
  EXPECT_EQ(hole.hash(), written.hash());
}

TEST(FileBytes, TheHashTellsSizesAndPlacesApart) {
  std::map<uint64_t, std::string> seen;
  FileBytes bytes;
  for (const uint64_t size : {0u, 1u, 512u, 513u, 4096u, 65536u}) {
    bytes.Resize(size);
    EXPECT_TRUE(seen.emplace(bytes.hash(), "size " + std::to_string(size)).second) << size;
  }
  for (uint64_t at = 0; at < kWalBytes; at += 8) {
    FileBytes marked = bytes;
    marked.Write(at, "x");
    EXPECT_TRUE(seen.emplace(marked.hash(), "x at " + std::to_string(at)).second) << at;
  }
}

TEST(FileBytes, WhatWasCutOffDoesNotComeBack) {
  FileBytes bytes = Bytes(std::string(10'000, 'x'));
  bytes.Resize(5000);
  bytes.Resize(10'000);
  EXPECT_EQ(bytes.ToString(), std::string(5000, 'x') + std::string(5000, '\0'));
  FileBytes fresh = Bytes(std::string(5000, 'x'));
  fresh.Resize(10'000);
  EXPECT_EQ(bytes.hash(), fresh.hash());
}

TEST(FileBytes, AViewIsTheBytesOrNothing) {
  FileBytes bytes = Bytes(std::string(5000, 'x'));
  bytes.Resize(20'000);
  EXPECT_EQ(bytes.View(0, 4096), std::string(4096, 'x'));
  EXPECT_EQ(bytes.View(4096, 904), std::string(904, 'x'));
  EXPECT_EQ(bytes.View(16'000, 4000), std::string(4000, '\0'));
  EXPECT_EQ(bytes.View(20'000, 0), "");
  EXPECT_EQ(bytes.View(4000, 200), std::nullopt);     // crosses a chunk
  EXPECT_EQ(bytes.View(19'000, 1001), std::nullopt);  // passes the end
  EXPECT_EQ(bytes.View(20'001, 0), std::nullopt);
}

// Against the simplest thing that has bytes: a string.
TEST(FileBytes, DoesWhatAStringDoes) {
  uint64_t random = 1;
  const auto below = [&](uint64_t limit) { return (random = Mix(random, 7)) % limit; };
  std::vector<std::pair<FileBytes, std::string>> copies(1);
  for (int step = 0; step < 20'000; ++step) {
    auto& [bytes, text] = copies[below(copies.size())];
    const uint64_t offset = below(12'000);
    const std::string data(below(3000), static_cast<char>(below(3)));
    switch (below(8)) {
      case 0:
        bytes.Resize(offset);
        text.resize(offset);
        break;
      case 1:
        if (copies.size() < 8) copies.emplace_back(bytes, text);
        break;
      case 2:
        copies[below(copies.size())] = copies[below(copies.size())];
        break;
      case 3:
        bytes.hash();
        break;
      default:
        if (data.empty()) break;
        text.resize(std::max<size_t>(text.size(), offset + data.size()));
        text.replace(offset, data.size(), data);
        bytes.Write(offset, data);
    }
    const auto& [checked, expected] = copies[below(copies.size())];
    ASSERT_EQ(checked.size(), expected.size());
    ASSERT_LE(expected.find_last_not_of('\0') + 1, checked.data_end());
    ASSERT_EQ(checked.ToString(), expected);
    FileBytes fresh;
    fresh.Resize(expected.size());
    fresh.Write(0, expected);
    ASSERT_EQ(checked.hash(), fresh.hash()) << step;
  }
}

DiskImage Sample() {
  return DiskImage::FromPlain({{"/db", std::nullopt},
                               {"/db/CURRENT", "MANIFEST-1"},
                               {"/db/MANIFEST-1", std::string(300, 'm')},
                               {"/db/sub", std::nullopt},
                               {"/db/sub/x", ""}});
}

TEST(DiskImage, PlainAndBackIsTheSame) {
  const DiskImage image = Sample();
  EXPECT_EQ(DiskImage::FromPlain(image.Plain()).Plain(), image.Plain());
  EXPECT_EQ(image.Plain().size(), 5u);
  EXPECT_EQ(image.Plain().at("/db/CURRENT"), "MANIFEST-1");
  EXPECT_EQ(image.Plain().at("/db/sub"), std::nullopt);
}

TEST(DiskImage, FindsByPath) {
  const DiskImage image = Sample();
  EXPECT_EQ(image.Find("/"), kRootInode);
  EXPECT_EQ(image.File(image.Find("/db/CURRENT"))->ToString(), "MANIFEST-1");
  EXPECT_EQ(image.Find("db//./sub/x"), image.Entry(image.Find("/db/sub"), "x"));
  EXPECT_EQ(image.Find("/db/absent"), 0u);
  EXPECT_EQ(image.Find("/db/CURRENT/x"), 0u);
  EXPECT_EQ(image.File(image.Find("/db")), nullptr);
  EXPECT_EQ(image.Directory(image.Find("/db/CURRENT")), nullptr);
}

TEST(DiskImage, CopiesChangeApart) {
  const DiskImage image = Sample();
  const uint64_t hash = image.hash();
  DiskImage copy = image;
  copy.MutableFile(copy.Find("/db/CURRENT")).Write(9, "2");
  copy.SetEntry(copy.Find("/db/sub"), "x", 0);
  EXPECT_EQ(image.hash(), hash);
  EXPECT_EQ(image.Plain(), Sample().Plain());
  EXPECT_NE(copy.hash(), hash);
  EXPECT_EQ(copy.Plain().at("/db/CURRENT"), "MANIFEST-2");
}

TEST(DiskImage, ASharedFileStaysAsItWas) {
  DiskImage image = Sample();
  const InodeNumber inode = image.Find("/db/CURRENT");
  const auto shared = image.ShareFile(inode);
  image.MutableFile(inode).Write(9, "2");
  EXPECT_EQ(shared->ToString(), "MANIFEST-1");
  image.DropInode(inode);
  EXPECT_EQ(shared->ToString(), "MANIFEST-1");
}

TEST(DiskImage, TheHashIsOfNamesAndBytesNotOfInodes) {
  DiskImage other;
  other.AddDirectory(90);
  other.SetEntry(kRootInode, "db", 90);
  other.AddDirectory(7);
  other.SetEntry(90, "sub", 7);
  for (const auto& [name, text, inode] : {std::tuple("MANIFEST-1", std::string(300, 'm'), 30),
                                          std::tuple("CURRENT", std::string("MANIFEST-1"), 31)}) {
    other.AddFile(static_cast<InodeNumber>(inode), Bytes(text));
    other.SetEntry(90, name, static_cast<InodeNumber>(inode));
  }
  other.AddFile(5);
  other.SetEntry(7, "x", 5);
  EXPECT_EQ(other.hash(), Sample().hash());
  other.AddFile(200, Bytes("no name leads here"));
  EXPECT_EQ(other.hash(), Sample().hash());
  other.DropUnreachable();
  EXPECT_EQ(other.next_inode(), 91u);
  EXPECT_EQ(other.Plain(), Sample().Plain());
}

TEST(DiskImage, TheHashTellsWhatAProgramCanTell) {
  std::map<uint64_t, int> seen;
  int number = 0;
  const auto add = [&](const PlainImage& plain) {
    const auto [at, is_new] = seen.emplace(DiskImage::FromPlain(plain).hash(), number++);
    EXPECT_TRUE(is_new) << "images " << at->second << " and " << number - 1;
  };
  add({});
  add({{"/a", ""}});
  add({{"/a", std::nullopt}});
  add({{"/b", ""}});
  add({{"/a", ""}, {"/b", ""}});
  add({{"/a", "x"}, {"/b", ""}});
  add({{"/a", ""}, {"/b", "x"}});
  add({{"/a", std::string(1, '\0')}});
  add({{"/a", std::nullopt}, {"/a/b", ""}});
  add({{"/a", std::nullopt}, {"/a/b", std::nullopt}});
  add({{"/a", std::nullopt}, {"/b", ""}});
}

}  // namespace
}  // namespace lumen::faultfs
