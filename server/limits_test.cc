// Each limit at its bound and one beyond; and that whatever the limits allow reaches us, and
// whatever we answer reaches a client with stock settings.
#include "server/limits.h"

#include <gtest/gtest.h>

#include <string>

#include "lumen/v1/kv.pb.h"

namespace lumen {
namespace {

constexpr size_t kStockReplyBytes = size_t{4} << 20;
constexpr size_t kSlackBytes = size_t{64} << 10;

std::string Words(const std::optional<Refusal>& refusal) {
  if (!refusal.has_value()) return "";
  return std::string(ReasonName(refusal->reason)) + ": " + refusal->message;
}

TEST(Limits, HoldAtTheirBoundAndNameTheFieldBeyondIt) {
  const RequestLimits limits = {
      .max_key_bytes = 4, .max_value_bytes = 8, .max_batch_bytes = 100, .max_batch_operations = 3};
  EXPECT_EQ(Words(CheckKey("1234", "key", limits)), "");
  EXPECT_EQ(Words(CheckKey("12345", "key", limits)),
            "FIELD_TOO_LARGE: key has 5 bytes; the limit is 4");
  EXPECT_EQ(Words(CheckKey("", "keys[3]", limits)), "INVALID_FIELD: keys[3] must not be empty");
  EXPECT_EQ(Words(CheckValue("", "value", limits)), "");
  EXPECT_EQ(Words(CheckValue("12345678", "value", limits)), "");
  EXPECT_EQ(Words(CheckValue("123456789", "value", limits)),
            "FIELD_TOO_LARGE: value has 9 bytes; the limit is 8");
  EXPECT_EQ(Words(CheckCount(3, "keys", limits)), "");
  EXPECT_EQ(Words(CheckCount(4, "keys", limits)),
            "LIMIT_EXCEEDED: request has 4 keys; the limit is 3");
  EXPECT_EQ(Words(CheckBatchBytes(100, limits)), "");
  EXPECT_EQ(Words(CheckBatchBytes(101, limits)),
            "LIMIT_EXCEEDED: request has 101 bytes of keys and values; the limit is 100");
}

// The batch with the most framing: as many operations and preconditions as there may be, all of the
// kind with most tags, and all bytes that there may be.
v1::WriteRequest LargestWrite(const RequestLimits& limits) {
  v1::WriteRequest request;
  request.set_durability(v1::DURABILITY_ASYNC);
  request.set_report_existed(true);
  const size_t each = limits.max_batch_bytes / (2 * limits.max_batch_operations) / 2;
  for (uint32_t i = 0; i < limits.max_batch_operations; ++i) {
    v1::Operation::Put& put = *request.add_operations()->mutable_put();
    put.set_key(std::string(each, 'k'));
    put.set_value(std::string(each, 'v'));
    v1::Precondition& condition = *request.add_preconditions();
    condition.set_key(std::string(each, 'k'));
    condition.set_value_equals(std::string(each, 'v'));
  }
  return request;
}

TEST(Limits, TheLargestWriteAndSixtyFourKiBMoreReachUs) {
  const RequestLimits limits;
  EXPECT_LE(LargestWrite(limits).ByteSizeLong() + kSlackBytes, limits.max_message_bytes());
}

TEST(Limits, AValueBeyondItsLimitReachesUsWithTheLargestKey) {
  RequestLimits limits;
  limits.max_value_bytes = size_t{16} << 20;
  limits.max_batch_bytes = limits.max_value_bytes + limits.max_key_bytes;
  v1::PutRequest request;
  request.set_key(std::string(limits.max_key_bytes, 'k'));
  request.set_value(std::string(limits.max_value_bytes + kSlackBytes, 'v'));
  EXPECT_LE(request.ByteSizeLong(), limits.max_message_bytes());
}

TEST(Limits, TheLargestScanEntryIsReadWithStockSettings) {
  const RequestLimits limits;
  v1::ScanResponse response;
  auto& entry = *response.add_entries();
  entry.set_key(std::string(limits.max_key_bytes, 'k'));
  entry.set_value(std::string(limits.max_value_bytes, 'v'));
  entry.set_sequence(~uint64_t{0});
  response.set_count(~uint64_t{0});
  response.set_snapshot_sequence(~uint64_t{0});
  EXPECT_LE(response.ByteSizeLong(), kStockReplyBytes);
  EXPECT_LE(limits.max_reply_bytes(), kStockReplyBytes);
}

TEST(Limits, AnAnswerHoldsOneOfTheLargestValues) {
  RequestLimits limits;
  limits.max_value_bytes = size_t{16} << 20;
  v1::MultiGetResponse response;
  response.add_results()->set_value(std::string(limits.max_value_bytes, 'v'));
  EXPECT_LE(response.ByteSizeLong(), limits.max_reply_bytes());
}

}  // namespace
}  // namespace lumen
