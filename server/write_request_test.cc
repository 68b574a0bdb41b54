// From lumen.v1's Write to the engine and back: every refusal by the field's name, every condition,
// and what is answered.
#include "server/write_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace lumen {
namespace {

using ::testing::ElementsAre;

constexpr RequestLimits kSmall = {
    .max_key_bytes = 4, .max_value_bytes = 8, .max_batch_bytes = 20, .max_batch_operations = 3};

v1::WriteRequest Puts(const std::vector<std::pair<std::string, std::string>>& puts) {
  v1::WriteRequest request;
  for (const auto& [key, value] : puts) {
    v1::Operation::Put& put = *request.add_operations()->mutable_put();
    put.set_key(key);
    put.set_value(value);
  }
  return request;
}

// "REASON: words", or empty.
std::string Check(const v1::WriteRequest& request) {
  const std::optional<Refusal> refusal = CheckWriteRequest(request, kSmall);
  if (!refusal.has_value()) return "";
  return std::string(ReasonName(refusal->reason)) + ": " + refusal->message;
}

TEST(WriteRequest, IsAcceptedAtEveryLimit) {
  EXPECT_EQ(Check(Puts({{"1234", "12345678"}, {"1234", "1234"}})), "");
  EXPECT_EQ(Check(Puts({{"1", ""}, {"2", ""}, {"3", ""}})), "");
}

TEST(WriteRequest, BadOperationsAreNamed) {
  EXPECT_EQ(Check({}), "INVALID_FIELD: operations must not be empty");
  EXPECT_EQ(Check(Puts({{"k", ""}, {"", "v"}})),
            "INVALID_FIELD: operations[1].put.key must not be empty");
  EXPECT_EQ(Check(Puts({{"12345", ""}})),
            "FIELD_TOO_LARGE: operations[0].put.key has 5 bytes; the limit is 4");
  EXPECT_EQ(Check(Puts({{"k", "123456789"}})),
            "FIELD_TOO_LARGE: operations[0].put.value has 9 bytes; the limit is 8");
  v1::WriteRequest request = Puts({{"k", "v"}});
  request.add_operations();
  EXPECT_EQ(Check(request), "INVALID_FIELD: operations[1] must hold a put or a delete");
  request.mutable_operations(1)->mutable_delete_();
  EXPECT_EQ(Check(request), "INVALID_FIELD: operations[1].delete.key must not be empty");
}

TEST(WriteRequest, BadPreconditionsAreNamed) {
  v1::WriteRequest request = Puts({{"k", "v"}});
  request.add_preconditions()->set_key("k");
  EXPECT_EQ(Check(request),
            "INVALID_FIELD: preconditions[0] must hold one of exists, last_written_at, "
            "value_equals");
  request.mutable_preconditions(0)->set_exists(true);
  EXPECT_EQ(Check(request), "");
  request.mutable_preconditions(0)->set_key("");
  EXPECT_EQ(Check(request), "INVALID_FIELD: preconditions[0].key must not be empty");
}

TEST(WriteRequest, CountsAndBytesAreLimited) {
  EXPECT_EQ(Check(Puts({{"1", ""}, {"2", ""}, {"3", ""}, {"4", ""}})),
            "LIMIT_EXCEEDED: request has 4 operations; the limit is 3");
  EXPECT_EQ(Check(Puts({{"1234", "12345678"}, {"1234", "12345"}})),
            "LIMIT_EXCEEDED: request has 21 bytes of keys and values; the limit is 20");
  v1::WriteRequest request = Puts({{"k", "v"}});
  for (int i = 0; i < 4; ++i) {
    request.add_preconditions()->set_key("k");
    request.mutable_preconditions(i)->set_exists(true);
  }
  EXPECT_EQ(Check(request), "LIMIT_EXCEEDED: request has 4 preconditions; the limit is 3");
  // What a condition compares with counts too.
  request = Puts({{"k", "v"}});
  request.add_preconditions()->set_key("k");
  request.mutable_preconditions(0)->set_value_equals(std::string(18, 'v'));
  EXPECT_EQ(Check(request),
            "LIMIT_EXCEEDED: request has 21 bytes of keys and values; the limit is 20");
}

TEST(WriteRequest, UnknownDurabilityIsRefused) {
  v1::WriteRequest request = Puts({{"k", "v"}});
  for (const auto known : {v1::DURABILITY_UNSPECIFIED, v1::DURABILITY_SYNC, v1::DURABILITY_ASYNC}) {
    request.set_durability(known);
    EXPECT_EQ(Check(request), "");
  }
  request.set_durability(static_cast<v1::Durability>(7));
  EXPECT_THAT(Check(request), testing::StartsWith("INVALID_FIELD: durability is 7; "));
  EXPECT_EQ(ToDurability(v1::DURABILITY_UNSPECIFIED), Durability::kSync);
  EXPECT_EQ(ToDurability(v1::DURABILITY_SYNC), Durability::kSync);
  EXPECT_EQ(ToDurability(v1::DURABILITY_ASYNC), Durability::kAsync);
}

TEST(WriteRequest, OperationsKeepTheirOrder) {
  v1::WriteRequest request = Puts({{"a", "1"}});
  request.add_operations()->mutable_delete_()->set_key("b");
  request.add_operations()->mutable_put()->set_key("c");
  const WriteBatch batch = ToBatch(request);
  std::vector<std::string> seen;
  BatchReader reader(batch.encoded());
  while (const auto operation = reader.Next()) {
    seen.push_back(std::string(operation->kind == EntryKind::kPut ? "put " : "delete ") +
                   std::string(operation->key) + "=" + std::string(operation->value));
  }
  EXPECT_THAT(seen, ElementsAre("put a=1", "delete b=", "put c="));
}

TEST(WriteRequest, EveryKindOfConditionReachesTheEngine) {
  v1::WriteRequest request = Puts({{"k", "v"}});
  request.set_report_existed(true);
  for (int i = 0; i < 4; ++i) request.add_preconditions()->set_key(std::to_string(i));
  request.mutable_preconditions(0)->set_exists(false);
  request.mutable_preconditions(1)->set_exists(true);
  request.mutable_preconditions(2)->set_last_written_at(17);
  request.mutable_preconditions(3)->set_value_equals("v");
  const WriteOptions options = ToWriteOptions(request);
  EXPECT_TRUE(options.report_existed);
  ASSERT_EQ(options.preconditions.size(), 4u);
  using Kind = Precondition::Kind;
  EXPECT_EQ(options.preconditions[0].kind, Kind::kAbsent);
  EXPECT_EQ(options.preconditions[1].kind, Kind::kPresent);
  EXPECT_EQ(options.preconditions[2].kind, Kind::kLastWrittenAt);
  EXPECT_EQ(options.preconditions[2].sequence, 17u);
  EXPECT_EQ(options.preconditions[3].kind, Kind::kValueEquals);
  EXPECT_EQ(options.preconditions[3].value, "v");
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(options.preconditions[i].key, std::to_string(i));
}

TEST(WriteRequest, AnAppliedWriteIsAnsweredWithItsSequencesOnly) {
  WriteResult result;
  result.sequence = 5;
  result.durable_sequence = 6;
  result.existed = {true, false};
  const v1::WriteResponse response = ToWriteResponse(std::move(result));
  EXPECT_TRUE(response.applied());
  EXPECT_EQ(response.sequence(), 5u);
  EXPECT_EQ(response.durable_sequence(), 6u);
  EXPECT_THAT(response.existed(), ElementsAre(true, false));
  EXPECT_FALSE(response.has_unmet());
}

TEST(WriteRequest, AnUnmetConditionIsAnsweredWithWhatWasThere) {
  WriteResult result;
  result.applied = false;
  result.unmet = 2;
  result.current = {.present = true, .value = "v", .sequence = 3};
  const v1::WriteResponse response = ToWriteResponse(std::move(result));
  EXPECT_FALSE(response.applied());
  EXPECT_EQ(response.unmet().index(), 2u);
  EXPECT_TRUE(response.unmet().current().found());
  EXPECT_EQ(response.unmet().current().value(), "v");
  EXPECT_EQ(response.unmet().current().sequence(), 3u);
}

}  // namespace
}  // namespace lumen
