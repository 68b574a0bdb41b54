// Too many fields are refused before they are decoded, wherever they are in a message, by a count
// that no request within the limits reaches.
#include "server/field_counts.h"

#include <gtest/gtest.h>

#include <string>

#include "grpcpp/support/slice.h"
#include "lumen/v1/kv.pb.h"
#include "server/raw_call.h"

namespace lumen {
namespace {

constexpr RequestLimits kLimits = {.max_batch_operations = 1000};

std::string Repeat(const std::string& bytes, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all += bytes;
  return all;
}

// A field of bytes that holds `bytes`.
std::string Field(int number, const std::string& bytes) {
  std::string field(1, static_cast<char>(number << 3 | 2));
  for (size_t length = bytes.size(); true; length >>= 7) {
    field.push_back(static_cast<char>(length >= 0x80 ? (length & 0x7f) | 0x80 : length));
    if (length < 0x80) return field + bytes;
  }
}

// In slices, as a large message arrives.
template <typename Request>
std::string Decode(const std::string& bytes) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < bytes.size(); at += 8191) slices.emplace_back(bytes.substr(at, 8191));
  Request request;
  const std::optional<Refusal> refusal =
      DecodeBody(grpc::ByteBuffer(slices.data(), slices.size()), kLimits, request);
  return refusal.has_value() ? std::string(ReasonName(refusal->reason)) + ": " + refusal->message
                             : "";
}

const std::string kEmptyOperation = Field(v1::WriteRequest::kOperationsFieldNumber, "");
const std::string kEmptyPrecondition = Field(v1::WriteRequest::kPreconditionsFieldNumber, "");
const std::string kEmptyKey = Field(v1::MultiGetRequest::kKeysFieldNumber, "");
const std::string kGarbage = "\xff\xff\xff";

TEST(FieldCounts, ListsAreCountedBeforeAnythingIsDecoded) {
  // What follows is no message, which whoever decodes it says first.
  EXPECT_EQ(Decode<v1::WriteRequest>(Repeat(kEmptyOperation, 1001) + kGarbage),
            "LIMIT_EXCEEDED: request has 1001 operations; the limit is 1000");
  EXPECT_EQ(Decode<v1::WriteRequest>(Repeat(kEmptyPrecondition, 70'000) + kGarbage),
            "LIMIT_EXCEEDED: request has 70000 preconditions; the limit is 1000");
  EXPECT_EQ(Decode<v1::MultiGetRequest>(Repeat(kEmptyKey, 5000) + kGarbage),
            "LIMIT_EXCEEDED: request has 5000 keys; the limit is 1000");
}

TEST(FieldCounts, WhatIsWithinTheLimitIsDecoded) {
  EXPECT_EQ(Decode<v1::WriteRequest>(Repeat(kEmptyOperation + kEmptyPrecondition, 1000)), "");
  EXPECT_EQ(Decode<v1::WriteRequest>(Repeat(kEmptyOperation, 1000) + kGarbage),
            "MALFORMED_REQUEST: request body is not a lumen.v1.WriteRequest: malformed protobuf");
}

TEST(FieldCounts, EveryKindOfFieldThatWeDoNotKnowCounts) {
  const std::string number("\x78\x01");  // a varint
  const std::string bytes = Field(15, "");
  const std::string group("\x7b\x7c");  // its begin and its end
  for (const std::string& unknown : {number, bytes, group}) {
    const std::string many = Repeat(unknown, 9'001);
    const std::string refused = "LIMIT_EXCEEDED: request has ";
    EXPECT_EQ(Decode<v1::GetRequest>(many).substr(0, refused.size()), refused);
    EXPECT_EQ(Decode<v1::GetRequest>(many + kGarbage).substr(0, refused.size()), refused);
    EXPECT_EQ(Decode<v1::GetRequest>(Repeat(unknown, 4'000)), "");
    // In a put in an operation.
    EXPECT_EQ(Decode<v1::WriteRequest>(Field(1, Field(1, many))).substr(0, refused.size()),
              refused);
    // In a group.
    EXPECT_EQ(Decode<v1::GetRequest>("\x7b" + many + "\x7c").substr(0, refused.size()), refused);
  }
  EXPECT_EQ(
      Decode<v1::GetRequest>(Repeat(number, 9'001)),
      "LIMIT_EXCEEDED: request has 9001 protobuf fields; a lumen.v1.GetRequest may have 9000");
}

TEST(FieldCounts, NoRequestWithinTheLimitsHasAsMany) {
  v1::WriteRequest request;
  request.set_durability(v1::DURABILITY_ASYNC);
  request.set_report_existed(true);
  for (uint32_t i = 0; i < kLimits.max_batch_operations; ++i) {
    v1::Operation::Put& put = *request.add_operations()->mutable_put();
    put.set_key("k");
    put.set_value("v");
    v1::Precondition& condition = *request.add_preconditions();
    condition.set_key("k");
    condition.set_value_equals("v");
  }
  EXPECT_EQ(Decode<v1::WriteRequest>(request.SerializeAsString()), "");
}

// A message inside that ends too early, or that is longer than what holds it.
TEST(FieldCounts, BrokenMessagesInsideAreMalformed) {
  const std::string filler = Repeat(Field(15, "0123456789"), 500);
  for (const std::string& broken :
       {filler + Field(1, kGarbage), filler + std::string("\x0a\x7f\x0a"), filler + "\x0a",
        filler + Field(1, std::string(1, '\0'))}) {
    EXPECT_EQ(Decode<v1::WriteRequest>(broken),
              "MALFORMED_REQUEST: request body is not a lumen.v1.WriteRequest: malformed protobuf");
  }
}

}  // namespace
}  // namespace lumen
