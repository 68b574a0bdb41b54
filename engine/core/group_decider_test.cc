// Goal: preconditions and `existed` are decided on the state right before their request, whichever
// of the group's earlier requests, the memtables or an earlier reading holds it. Method: the
// decider alone, over memtables filled by hand.
#include "engine/core/group_decider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lumen {
namespace {

using testing::ElementsAre;
using Kind = Precondition::Kind;

constexpr SequenceNumber kFirst = 100;

Precondition When(Kind kind, std::string key, std::string value = "", uint64_t sequence = 0) {
  Precondition condition;
  condition.kind = kind;
  condition.key = std::move(key);
  condition.value = std::move(value);
  condition.sequence = sequence;
  return condition;
}

class GroupDeciderTest : public testing::Test {
 protected:
  GroupDeciderTest() {
    state_.version = std::make_shared<const Version>(std::vector<Level>(Version::kLevels));
    state_.immutables.push_back({std::make_shared<Memtable>(), 1, 1});
    state_.active = {std::make_shared<Memtable>(), 2, 50};
    Memtable& older = *state_.immutables[0].memtable;
    older.Insert({"old", 10, EntryKind::kPut, "immutable"});
    older.Insert({"gone", 11, EntryKind::kPut, "once"});
    older.Insert({"both", 12, EntryKind::kPut, "older"});
    Memtable& active = *state_.active.memtable;
    active.Insert({"gone", 50, EntryKind::kDelete, ""});
    active.Insert({"both", 51, EntryKind::kPut, "newer"});
  }

  // A request as a caller stages it, with its readings.
  WriteRequest& Stage(const WriteBatch& batch, std::vector<Precondition> conditions,
                      bool report_existed = false) {
    WriteRequest& request = requests_.emplace_back();
    request.owned_batch = batch;
    request.owned_options.preconditions = std::move(conditions);
    request.owned_options.report_existed = report_existed;
    request.payload = request.owned_batch.encoded();
    request.operations = batch.count();
    request.options = &request.owned_options;
    const DatabaseState::ReadPoint now{std::make_shared<ReadState>(state_), kFirst - 1};
    EXPECT_TRUE(GroupDecider::TakeReadings(now, request, /*cached_only=*/true).ok());
    return request;
  }
  WriteRequest& StagePut(std::string_view key, std::string_view value,
                         std::vector<Precondition> conditions = {}) {
    WriteBatch batch;
    batch.Put(key, value);
    return Stage(batch, std::move(conditions));
  }
  WriteRequest& StageDelete(std::string_view key, bool report_existed) {
    WriteBatch batch;
    batch.Delete(key);
    return Stage(batch, {}, report_existed);
  }
  bool Holds(Precondition condition) {
    GroupDecider decider(state_, kFirst);
    return decider.Decide(StagePut("other", "x", {std::move(condition)}));
  }

  ReadState state_;
  std::deque<WriteRequest> requests_;
};

TEST_F(GroupDeciderTest, ConditionsLookAtTheNewestVersionInMemory) {
  EXPECT_TRUE(Holds(When(Kind::kAbsent, "never")));
  EXPECT_TRUE(Holds(When(Kind::kAbsent, "gone")));
  EXPECT_FALSE(Holds(When(Kind::kAbsent, "old")));
  EXPECT_TRUE(Holds(When(Kind::kPresent, "old")));
  EXPECT_FALSE(Holds(When(Kind::kPresent, "gone")));
  EXPECT_TRUE(Holds(When(Kind::kValueEquals, "both", "newer")));
  EXPECT_FALSE(Holds(When(Kind::kValueEquals, "both", "older")));
  EXPECT_FALSE(Holds(When(Kind::kValueEquals, "gone", "once")));
  EXPECT_FALSE(Holds(When(Kind::kValueEquals, "never", "")));
  EXPECT_TRUE(Holds(When(Kind::kLastWrittenAt, "both", "", 51)));
  EXPECT_FALSE(Holds(When(Kind::kLastWrittenAt, "both", "", 12)));
  EXPECT_FALSE(Holds(When(Kind::kLastWrittenAt, "gone", "", 50)));
  EXPECT_FALSE(Holds(When(Kind::kLastWrittenAt, "never", "", 0)));
}

TEST_F(GroupDeciderTest, AnUnmetConditionSaysWhichAndWhatIsThere) {
  GroupDecider decider(state_, kFirst);
  WriteRequest& request =
      StagePut("x", "y", {When(Kind::kPresent, "old"), When(Kind::kAbsent, "both")});
  EXPECT_FALSE(decider.Decide(request));
  EXPECT_TRUE(request.status.ok());
  EXPECT_FALSE(request.result.applied);
  EXPECT_EQ(request.result.unmet, 1u);
  EXPECT_TRUE(request.result.current.present);
  EXPECT_EQ(request.result.current.value, "newer");
  EXPECT_EQ(request.result.current.sequence, 51u);
  EXPECT_EQ(request.result.sequence, kFirst - 1);
}

TEST_F(GroupDeciderTest, EarlierRequestsOfTheGroupCount) {
  GroupDecider decider(state_, kFirst);
  EXPECT_TRUE(decider.Decide(StagePut("k", "first")));
  WriteRequest& second = StagePut("k", "second", {When(Kind::kAbsent, "k")});
  EXPECT_FALSE(decider.Decide(second));
  EXPECT_EQ(second.result.current.value, "first");
  EXPECT_EQ(second.result.current.sequence, kFirst);
  EXPECT_TRUE(
      decider.Decide(StagePut("k", "third", {When(Kind::kLastWrittenAt, "k", "", kFirst)})));
  EXPECT_TRUE(decider.Decide(StagePut("k", "fourth", {When(Kind::kValueEquals, "k", "third")})));
  EXPECT_TRUE(decider.Decide(StageDelete("k", /*report_existed=*/false)));
  EXPECT_TRUE(decider.Decide(StagePut("k", "fifth", {When(Kind::kAbsent, "k")})));
}

TEST_F(GroupDeciderTest, ARequestThatIsNotAppliedLeavesNoTrace) {
  GroupDecider decider(state_, kFirst);
  EXPECT_FALSE(decider.Decide(StagePut("k", "no", {When(Kind::kPresent, "never")})));
  WriteRequest& next = StagePut("k", "yes", {When(Kind::kAbsent, "k")});
  EXPECT_TRUE(decider.Decide(next));
  EXPECT_EQ(next.result.sequence, kFirst);
}

TEST_F(GroupDeciderTest, TheLastOperationOfABatchOnAKeyWins) {
  GroupDecider decider(state_, kFirst);
  WriteBatch batch;
  batch.Put("k", "1");
  batch.Delete("k");
  batch.Put("m", "1");
  batch.Put("m", "2");
  EXPECT_TRUE(decider.Decide(Stage(batch, {})));
  EXPECT_TRUE(decider.Decide(StagePut("z", "z",
                                      {When(Kind::kAbsent, "k"), When(Kind::kValueEquals, "m", "2"),
                                       When(Kind::kLastWrittenAt, "m", "", kFirst + 3)})));
}

TEST_F(GroupDeciderTest, ExistedIsAnsweredForEveryDeleteInOrder) {
  GroupDecider decider(state_, kFirst);
  WriteBatch batch;
  batch.Delete("old");   // in a memtable
  batch.Delete("old");   // by then deleted by this batch
  batch.Delete("gone");  // a tombstone
  batch.Put("made", "x");
  batch.Delete("made");  // put by this batch
  batch.Delete("never");
  WriteRequest& request = Stage(batch, {}, /*report_existed=*/true);
  EXPECT_TRUE(decider.Decide(request));
  EXPECT_THAT(request.result.existed, ElementsAre(true, false, false, true, false));
  EXPECT_FALSE(decider.Decide(StagePut("x", "y", {When(Kind::kPresent, "old")})));
}

TEST_F(GroupDeciderTest, OfTwoDeletesInAGroupTheFirstFindsTheKey) {
  GroupDecider decider(state_, kFirst);
  WriteRequest& first = StageDelete("both", /*report_existed=*/true);
  WriteRequest& second = StageDelete("both", /*report_existed=*/true);
  EXPECT_TRUE(decider.Decide(first));
  EXPECT_TRUE(decider.Decide(second));
  EXPECT_THAT(first.result.existed, ElementsAre(true));
  EXPECT_THAT(second.result.existed, ElementsAre(false));
}

TEST_F(GroupDeciderTest, AReadingHoldsUntilAFlushHasMovedNewerVersionsIntoTables) {
  WriteRequest& request = StagePut("x", "y", {When(Kind::kAbsent, "table")});
  // As if the caller had found the key in a table.
  request.readings[0] = {.present = true, .sequence = 3, .value = "read", .as_of = 20};
  {
    GroupDecider decider(state_, kFirst);  // everything after 0 is in memory
    EXPECT_FALSE(decider.Decide(request));
    EXPECT_EQ(request.result.current.value, "read");
  }
  // Everything up to 49 has left the memory meanwhile: the tables, here none, are asked again.
  state_.immutables.clear();
  GroupDecider decider(state_, kFirst);
  EXPECT_TRUE(decider.Decide(request));
}

TEST_F(GroupDeciderTest, ReadingsKeepNoValueButTheFirstUnmetOnes) {
  const WriteRequest& all_hold =
      StagePut("x", "y", std::vector<Precondition>(1000, When(Kind::kPresent, "old")));
  for (const KeyReading& reading : all_hold.readings) {
    ASSERT_TRUE(reading.holds);
    ASSERT_EQ(reading.value, std::nullopt);
  }
  const WriteRequest& none_holds =
      StagePut("x", "y", {When(Kind::kAbsent, "old"), When(Kind::kAbsent, "both")});
  EXPECT_EQ(none_holds.readings[0].value, "immutable");
  EXPECT_EQ(none_holds.readings[1].value, std::nullopt);
}

}  // namespace
}  // namespace lumen
