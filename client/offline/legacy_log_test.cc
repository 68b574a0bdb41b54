// Goal: every record of the original's log is read, a torn tail is told from damage, and damage is
// never passed over. Method: logs made here byte by byte, cut and flipped at every place.
#include "client/offline/legacy_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/memory_file_system.h"

namespace lumen {
namespace {

using testing::HasSubstr;

// Bit by bit, as the polynomial says.
uint32_t SlowCrc32(const std::string& bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

std::string BigEndian(uint64_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(number >> (8 * i));
  return text;
}

std::string Record(char op, const std::string& key, const std::string& value) {
  const std::string behind = BigEndian(key.size(), 8) + BigEndian(value.size(), 8) + key + value;
  return op + BigEndian(SlowCrc32(op + behind), 4) + behind;
}

struct Reading {
  std::vector<std::string> records;
  uint64_t end = 0;
  bool torn = false;
  absl::Status status;
};

Reading ReadAll(const std::string& bytes) {
  MemoryFileSystem files;
  EXPECT_TRUE(files.WriteWhole("/wal.log", bytes).ok());
  absl::StatusOr<LegacyLog> log = LegacyLog::Open(files, "/wal.log");
  EXPECT_TRUE(log.ok());
  Reading reading;
  while (true) {
    const auto record = log->Next();
    reading.status = record.status();
    if (!record.ok() || !record->has_value()) break;
    const std::string op = (*record)->kind == EntryKind::kPut ? "put " : "delete ";
    reading.records.push_back(op + std::string((*record)->key) + "=" +
                              std::string((*record)->value));
  }
  reading.end = log->offset();
  reading.torn = log->torn();
  EXPECT_FALSE(log->Next().value_or(std::nullopt).has_value());
  return reading;
}

const char kBinary[] = "\x01\xff\0x";

std::string Three() {
  return Record(1, "a", "1") + Record(2, "a", "") + Record(1, std::string(kBinary, 4), "");
}

TEST(LegacyLogTest, EveryRecordComesBack) {
  const Reading reading = ReadAll(Three());
  EXPECT_TRUE(reading.status.ok()) << reading.status;
  EXPECT_EQ(reading.records, (std::vector<std::string>{
                                 "put a=1", "delete a=", "put " + std::string(kBinary, 4) + "="}));
  EXPECT_EQ(reading.end, Three().size());
  EXPECT_FALSE(reading.torn);
  EXPECT_TRUE(ReadAll("").records.empty());
}

TEST(LegacyLogTest, ALogCutAnywhereIsTornThere) {
  const size_t second = Record(1, "a", "1").size();
  const size_t third = second + Record(2, "a", "").size();
  for (size_t cut = 1; cut < Three().size(); ++cut) {
    const Reading reading = ReadAll(Three().substr(0, cut));
    ASSERT_TRUE(reading.status.ok()) << cut << ": " << reading.status;
    EXPECT_EQ(reading.records.size(), cut < second ? 0 : cut < third ? 1 : 2);
    EXPECT_EQ(reading.torn, cut != second && cut != third) << cut;
  }
}

TEST(LegacyLogTest, AFlippedBitBeforeTheLastRecordIsDamage) {
  const size_t third = Record(1, "a", "1").size() + Record(2, "a", "").size();
  for (size_t bit = 0; bit < third * 8; ++bit) {
    std::string damaged = Three();
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    const Reading reading = ReadAll(damaged);
    ASSERT_EQ(reading.status.code(), absl::StatusCode::kDataLoss) << bit;
    EXPECT_EQ(reading.end, reading.records.empty() ? 0 : Record(1, "a", "1").size());
    EXPECT_THAT(std::string(reading.status.message()),
                HasSubstr("/wal.log: offset " + std::to_string(reading.end) + ": "));
  }
}

TEST(LegacyLogTest, ALastRecordThatIsAllThereAndDoesNotVerifyIsDamage) {
  std::string damaged = Three();
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_EQ(ReadAll(damaged).status.code(), absl::StatusCode::kDataLoss);
}

TEST(LegacyLogTest, ZerosToTheEndAreATornTail) {
  const Reading reading = ReadAll(Three() + std::string(500, '\0'));
  EXPECT_TRUE(reading.status.ok()) << reading.status;
  EXPECT_EQ(reading.records.size(), 3u);
  EXPECT_TRUE(reading.torn);
  EXPECT_EQ(ReadAll(Three() + std::string(500, '\0') + "x").status.code(),
            absl::StatusCode::kDataLoss);
}

TEST(LegacyLogTest, LongLogsAreReadPieceByPiece) {
  std::string log;
  for (int i = 0; i < 40; ++i) log += Record(1, "key", std::string(100'000, 'v'));
  EXPECT_EQ(ReadAll(log).records.size(), 40u);
}

TEST(LegacyLogTest, WhatLumenDoesNotTakeIsNoDamage) {
  for (const std::string& record :
       {Record(1, "", "v"), Record(1, std::string(LegacyLog::kMostKeyBytes + 1, 'k'), "v"),
        Record(1, "k", std::string(LegacyLog::kMostValueBytes + 1, 'v'))}) {
    const Reading reading = ReadAll(Record(1, "a", "1") + record);
    EXPECT_EQ(reading.status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(reading.end, Record(1, "a", "1").size());
  }
}

}  // namespace
}  // namespace lumen
