// A scan's messages, written by hand, are what protobuf reads back: for every length and number
// whose varint is about to grow.
#include "server/scan_message.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "lumen/v1/kv.pb.h"
#include "server/raw_call.h"

namespace lumen {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr size_t kLengths[] = {0, 1, 127, 128, 16'383, 16'384, 2'097'151, 2'097'152};
constexpr uint64_t kNumbers[] = {
    1, 127, 128, uint64_t{1} << 35, (uint64_t{1} << 63) - 1, std::numeric_limits<uint64_t>::max()};

void ExpectReadBack(ScanMessage message, const v1::ScanResponse& expected) {
  const grpc::ByteBuffer bytes =
      std::move(message).Take(expected.count(), expected.snapshot_sequence());
  v1::ScanResponse read;
  ASSERT_EQ(DecodeBody(bytes, RequestLimits{}, read), std::nullopt);
  EXPECT_TRUE(MessageDifferencer::Equals(read, expected));
  EXPECT_EQ(bytes.Length(), expected.ByteSizeLong());
}

void Add(const std::string& key, const std::string& value, uint64_t sequence, ScanMessage& message,
         v1::ScanResponse& expected) {
  const size_t before = message.bytes();
  message.Add(key, value, sequence);
  EXPECT_LE(message.bytes() - before, ScanMessage::EntryBytes(key, value));
  auto& entry = *expected.add_entries();
  entry.set_key(key);
  entry.set_value(value);
  entry.set_sequence(sequence);
}

TEST(ScanMessage, ProtobufReadsEveryEntryBack) {
  ScanMessage message(0);
  v1::ScanResponse expected;
  for (const size_t key_bytes : kLengths) {
    if (key_bytes == 0 || key_bytes > 65'536) continue;
    for (const size_t value_bytes : kLengths) {
      for (const uint64_t sequence : kNumbers) {
        if (value_bytes > 16'384 && sequence != 1) continue;
        Add(std::string(key_bytes, '\xff'), std::string(value_bytes, '\0'), sequence, message,
            expected);
      }
    }
  }
  expected.set_count(static_cast<uint64_t>(expected.entries_size()));
  expected.set_snapshot_sequence(std::numeric_limits<uint64_t>::max());
  ExpectReadBack(std::move(message), expected);
}

TEST(ScanMessage, MayHoldNothingButNumbers) {
  for (const uint64_t number : kNumbers) {
    v1::ScanResponse expected;
    expected.set_count(number);
    expected.set_snapshot_sequence(number);
    ExpectReadBack(ScanMessage(0), expected);
  }
}

TEST(ScanMessage, OfNothingAtAllIsReadAsSuch) {
  const grpc::ByteBuffer bytes = ScanMessage(0).Take(0, 0);
  v1::ScanResponse read;
  ASSERT_EQ(DecodeBody(bytes, RequestLimits{}, read), std::nullopt);
  EXPECT_TRUE(MessageDifferencer::Equals(read, v1::ScanResponse()));
}

}  // namespace
}  // namespace lumen
