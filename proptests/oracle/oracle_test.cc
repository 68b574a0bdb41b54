// The oracle rejects every wrong recovery, by the rule that it breaks, and accepts every right one.
// Method: stores made by hand, each wrong in one way, judged against one log of writes; then random
// logs, whose every legal state is accepted, and compared with a judge that builds all of them.

#include "proptests/oracle.h"

#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/memory_file_system.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proptests/oracle/fake_store_testing.h"

namespace lumen::crash {
namespace {

using testing::HasSubstr;
using Change = CommittedWrite::Change;

constexpr uint64_t kCrash = 100;

// Issued, acknowledged and durable at times that follow from its place.
CommittedWrite SyncedWrite(std::vector<Change> changes, uint64_t time, uint64_t sequence) {
  return {.changes = std::move(changes),
          .issued = time,
          .acknowledged = time + 1,
          .durable = time + 1,
          .last_sequence = sequence};
}
CommittedWrite AsyncWrite(std::vector<Change> changes, uint64_t time, uint64_t sequence) {
  CommittedWrite write = SyncedWrite(std::move(changes), time, sequence);
  write.durable = CommittedWrite::kNever;
  return write;
}

class OracleTest : public testing::TestWithParam<uint64_t> {
 protected:
  // 0 a=1 · 1 b=1 c=1 · 2 delete a · 3 b=2, all durable · 4 d=1 · 5 b=3 e=1 · 6 delete c, not
  // durable.
  OracleTest() {
    log_.Add(SyncedWrite({{"a", "1"}}, 10, 1));
    log_.Add(SyncedWrite({{"b", "1"}, {"c", "1"}}, 20, 3));
    log_.Add(SyncedWrite({{"a", std::nullopt}}, 30, 4));
    log_.Add(SyncedWrite({{"b", "2"}}, 40, 5));
    log_.Add(AsyncWrite({{"d", "1"}}, 50, 6));
    log_.Add(AsyncWrite({{"b", "3"}, {"e", "1"}}, 60, 8));
    log_.Add(AsyncWrite({{"c", std::nullopt}}, 70, 9));
    Recover(7);
  }

  // The right recovery of the first `count` writes.
  void Recover(size_t count) { Hold(log_.StateAfter(count)); }
  void Hold(std::map<std::string, std::string> content) {
    disk_ = {.content = std::move(content), .sequence = 1000};
  }

  std::optional<Violation> Judge(bool exercise = true) {
    return Check(OpenerOf(disk_), files_, GetParam(), log_, obligations(), {.exercise = exercise},
                 &recovered_);
  }
  Obligations obligations() const {
    Obligations made = ObligationsAt(log_, crash_point_, process_crash_);
    made.may_refuse = may_refuse_;
    made.may_lose = may_lose_;
    made.may_lose_to = may_lose_to_;
    return made;
  }
  void ExpectAccepted() {
    const auto violation = Judge();
    EXPECT_FALSE(violation.has_value()) << violation->rule << ": " << violation->what;
  }
  void ExpectRejected(int rule, const std::string& why) {
    const auto violation = Judge();
    ASSERT_TRUE(violation.has_value()) << "accepted, though: " << why;
    EXPECT_EQ(violation->rule, rule) << violation->what;
    EXPECT_THAT(violation->what, HasSubstr(why));
  }

  MemoryFileSystem files_;
  WriteLog log_;
  FakeDisk disk_;
  Recovered recovered_;
  uint64_t crash_point_ = kCrash;
  bool process_crash_ = false;
  bool may_refuse_ = false;
  bool may_lose_ = false;
  size_t may_lose_to_ = 0;
};

// The new write goes beside the old entries or over one of them.
INSTANTIATE_TEST_SUITE_P(Probes, OracleTest, testing::Values(0, 1, 3, 5, 7, 9));

// ---- what is right

TEST_P(OracleTest, AcceptsEveryPrefixThatHoldsTheDurableWrites) {
  for (size_t count = 4; count <= 7; ++count) {
    Recover(count);
    ExpectAccepted();
    EXPECT_EQ(recovered_.prefix, count);
    const auto state = log_.StateAfter(count);
    EXPECT_EQ(recovered_.content, Content(state.begin(), state.end()));
  }
}

TEST_P(OracleTest, AProcessCrashKeepsWhatWasAcknowledged) {
  process_crash_ = true;
  Recover(7);
  ExpectAccepted();
  Recover(6);
  ExpectRejected(2, "write 6 (delete \"c\"; sequence 9)");
}

TEST_P(OracleTest, AWriteThatWasNotAnsweredMayBeThereOrNot) {
  crash_point_ = 41;  // the acknowledgement of write 3
  Recover(4);
  ExpectAccepted();
  Recover(3);
  ExpectRejected(2, "acknowledged write is lost");
  crash_point_ = 40;  // write 3 had done nothing yet
  Recover(3);
  ExpectAccepted();
  Recover(4);
  ExpectRejected(2, "written only after the crash");
}

TEST_P(OracleTest, AWriteInDoubtMayBeThereOrNotWhereverItIs) {
  CommittedWrite doubtful{.changes = {{"x", "1"}, {"b", "4"}}, .issued = 80, .in_doubt = true};
  log_.Add(doubtful);
  log_.Add(SyncedWrite({{"y", "1"}}, 90, 12));
  Recover(9);
  ExpectAccepted();
  EXPECT_THAT(recovered_.skipped, testing::IsEmpty());
  Hold(log_.StateAfter(9, {7}));
  ExpectAccepted();
  EXPECT_THAT(recovered_.skipped, testing::ElementsAre(7));
  EXPECT_EQ(recovered_.prefix, 9u);
}

TEST_P(OracleTest, AWriteInDoubtIsThereOnceAndWhole) {
  log_.Add({.changes = {{"x", "1"}, {"b", "4"}}, .issued = 80, .in_doubt = true});
  log_.Add(SyncedWrite({{"b", "5"}}, 90, 12));
  Hold(log_.StateAfter(9));
  ExpectAccepted();
  Hold(log_.StateAfter(9));
  disk_.content["b"] = "4";  // after write 8, which came later
  ExpectRejected(2, "write 8");
  log_.Add(SyncedWrite({{"z", "5"}}, 95, 13));
  Hold(log_.StateAfter(10, {7}));
  disk_.content["x"] = "1";
  ExpectAccepted();
  Hold(log_.StateAfter(10));
  disk_.content["x"] = "2";
  ExpectRejected(2, "which no write ever gave it");
}

TEST_P(OracleTest, WhatARecoveryHasSettledStaysSo) {
  Recovered served{.content = {}, .prefix = 5};
  log_.Resolve(served, 80);
  log_.Add(AsyncWrite({{"f", "1"}}, 85, 12));
  Recover(5);
  ExpectAccepted();
  Recover(8);
  ExpectAccepted();
  EXPECT_EQ(recovered_.prefix, 8u);
  Recover(4);
  ExpectRejected(2, "write 4 (d=\"1\"; sequence 6)");
  Recover(5);
  disk_.content["e"] = "1";
  disk_.content["b"] = "3";
  ExpectRejected(2, "which an earlier recovery had shown as lost");
  // Before the recovery was served everything was open.
  crash_point_ = 75;
  for (size_t count = 4; count <= 7; ++count) {
    std::map<std::string, std::string> content = log_.StateAfter(count, {}, 75);
    Hold(content);
    ExpectAccepted();
    EXPECT_EQ(recovered_.prefix, count);
  }
}

TEST_P(OracleTest, TwoRecoveriesInARowChangeNothingBeforeTheFirst) {
  log_.Resolve({.content = {}, .prefix = 0}, 80);
  log_.Resolve({.content = {}, .prefix = 0}, 90);
  crash_point_ = 75;
  for (size_t count = 4; count <= 7; ++count) {
    Hold(log_.StateAfter(count, {}, 75));
    ExpectAccepted();
    EXPECT_EQ(recovered_.prefix, count);
  }
}

TEST_P(OracleTest, ALostSequenceStaysTaken) {
  log_.Resolve({.content = {}, .prefix = 5}, 80);
  Recover(5);
  disk_.sequence = 6;
  ExpectRejected(6, "got sequence 7, but 9 was handed out before");
  Recover(5);
  disk_.sequence = 9;
  ExpectAccepted();
}

// ---- rule 1

TEST_P(OracleTest, RejectsARefusalWithoutDamage) {
  disk_.refusal = absl::DataLossError("/db/CURRENT: offset 0: bad");
  ExpectRejected(1, "/db/CURRENT");
}

TEST_P(OracleTest, AcceptsARefusalAfterDamageThatNamesAFile) {
  may_refuse_ = true;
  disk_.refusal = absl::DataLossError("/db/CURRENT: offset 0: bad");
  ExpectAccepted();
  EXPECT_TRUE(recovered_.refused);
  EXPECT_THAT(recovered_.refusal, HasSubstr("/db/CURRENT: offset 0"));
}

TEST_P(OracleTest, RejectsARefusalThatNamesNoFileOrNoCause) {
  may_refuse_ = true;
  for (const char* message : {"", "something is wrong", "bad / worse", "/db/CURRENT", "/db/1: "}) {
    Recover(7);
    disk_.refusal = absl::DataLossError(message);
    ExpectRejected(1, "names no file");
  }
}

TEST_P(OracleTest, RejectsADamageWithoutAnOffset) {
  may_refuse_ = true;
  for (const char* message :
       {"/db/CURRENT: bad", "/db/1.sst: offset: bad", "/db/1.sst: offset x: bad"}) {
    Recover(7);
    disk_.refusal = absl::DataLossError(message);
    ExpectRejected(1, "it names no offset of the damage");
  }
}

TEST_P(OracleTest, AcceptsARefusalOfWhatHasNoOffset) {
  may_refuse_ = true;
  for (const absl::Status& refusal :
       {absl::DataLossError("/db/3.sst: the manifest names this table, but it is missing"),
        absl::DataLossError("/db/3.sst: a table, but the directory has no CURRENT file"),
        absl::UnavailableError("read /db/CURRENT: Input/output error")}) {
    Recover(7);
    disk_.refusal = refusal;
    ExpectAccepted();
  }
}

// ---- rule 2

TEST_P(OracleTest, RejectsALostAcknowledgedWrite) {
  Recover(3);
  ExpectRejected(2, "the first one missing is write 3 (b=\"2\"; sequence 5)");
  Recover(0);
  ExpectRejected(2, "the first one missing is write 0");
}

TEST_P(OracleTest, RejectsAResurrectedDelete) {
  disk_.content["a"] = "1";
  ExpectRejected(2, "a hole: write 2 (delete \"a\"; sequence 4)");
  disk_.content["a"] = "1";
  ExpectRejected(2, "but a later write is; the deleted key \"a\" has returned");
  Recover(2);
  ExpectRejected(2, "write 2 (delete \"a\"; sequence 4); the deleted key \"a\" has returned");
}

TEST_P(OracleTest, RejectsAHoleAmongWritesThatMayBeLost) {
  Hold(log_.StateAfter(7, {4}));
  ExpectRejected(2, "a hole: write 4 (d=\"1\"; sequence 6)");
  Hold(log_.StateAfter(7, {5}));
  ExpectRejected(2, "a hole: write 5");
}

TEST_P(OracleTest, RejectsAValueThatWasNeverWritten) {
  disk_.content["b"] = "17";
  ExpectRejected(2, "b=\"17\", which no write ever gave it");
  Recover(7);
  disk_.content["stranger"] = "1";
  ExpectRejected(2, "stranger=\"1\", a key that was never written");
}

TEST_P(OracleTest, RejectsAWriteOfTheFuture) {
  crash_point_ = 55;
  Recover(6);
  ExpectRejected(2, "written only after the crash");
  crash_point_ = 70;
  Recover(7);  // a delete, which leaves no value
  ExpectRejected(2, "only 6 had been issued");
}

// ---- rule 3

TEST_P(OracleTest, RejectsHalfABatch) {
  Recover(5);
  disk_.content["b"] = "3";
  ExpectRejected(3, "a part of the batch that is write 5 (b=\"3\", e=\"1\"; sequence 8)");
  Recover(5);
  disk_.content["e"] = "1";
  ExpectRejected(3, "a part of the batch that is write 5");
}

TEST_P(OracleTest, RejectsHalfABatchWithLaterWritesThere) {
  disk_.content.erase("e");
  ExpectRejected(3, "some of a batch's changes");
}

// ---- rule 4

TEST_P(OracleTest, RejectsAGetThatDisagreesWithScans) {
  disk_.broken_key = "d";
  disk_.get_disagrees = true;
  ExpectRejected(4, "get says d absent");
  disk_.get_disagrees = false;
  disk_.broken_key = "a";  // deleted
  disk_.get_finds_ghost = true;
  ExpectRejected(4, "get says a=\"ghost\"");
}

TEST_P(OracleTest, GetsAreAskedForKeysOutsideTheLogToo) {
  const std::vector<std::string> keys = {"never used"};
  disk_.broken_key = "never used";
  disk_.get_finds_ghost = true;
  const auto violation =
      Check(OpenerOf(disk_), files_, GetParam(), log_, obligations(), {.keys = &keys}, &recovered_);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->rule, 4);
}

TEST_P(OracleTest, RejectsABackwardScanThatDisagrees) {
  disk_.reverse_skips_first = true;
  ExpectRejected(4, "the backward scan does not find \"b\"");
}

TEST_P(OracleTest, RejectsAScanOutOfOrder) {
  disk_.forward_out_of_order = true;
  ExpectRejected(4, "the forward scan");
}

// ---- rule 5

TEST_P(OracleTest, RejectsReadsThatFailWithoutDamage) {
  disk_.broken_key = "d";
  disk_.read_error = absl::InternalError("/db/1.sst: EIO");
  ExpectRejected(5, "the forward scan fails");
}

TEST_P(OracleTest, RejectsAStoreThatTakesNoWrites) {
  disk_.write_error = absl::FailedPreconditionError("/db: read-only");
  ExpectRejected(5, "a new write fails");
}

TEST_P(OracleTest, RejectsANewWriteThatIsNotRead) {
  disk_.write_is_not_read = true;
  ExpectRejected(5, "after a new write of");
}

TEST_P(OracleTest, RejectsANewWriteThatVanishes) {
  disk_.write_vanishes = true;
  ExpectRejected(5, "after a clean close and another open");
}

TEST_P(OracleTest, RejectsAReopenThatLosesAnOldWrite) {
  disk_.broken_key = "d";
  disk_.reopen_loses_key = true;
  ExpectRejected(5, "after a clean close and another open, \"d\" is not what it was");
}

TEST_P(OracleTest, RejectsAStoreThatDoesNotReopenOrClose) {
  disk_.refusal = absl::DataLossError("/db/1.wal: offset 5: hole");
  disk_.refuses_from = 2;
  ExpectRejected(5, "to open after a clean close");
  Recover(7);
  disk_.close_error = absl::InternalError("/db/1.wal: EIO");
  ExpectRejected(5, "to close");
}

TEST_P(OracleTest, RejectsAnExerciseThatFailsOrChangesContent) {
  disk_.exercise_error = absl::InternalError("compaction failed");
  ExpectRejected(5, "flush, compaction or checkpoint fails");
  Recover(7);
  disk_.broken_key = "d";
  disk_.exercise_loses_key = true;
  ExpectRejected(5, "after flush, compaction and checkpoint, \"d\" is not what it was");
  Recover(7);
  disk_.broken_key = "d";
  disk_.exercise_loses_key = true;
  EXPECT_FALSE(Judge(false).has_value()) << "nobody asked for it";
}

// ---- rule 6

TEST_P(OracleTest, RejectsASequenceThatIsHandedOutAgain) {
  disk_.sequence = 8;
  ExpectRejected(6, "a new write got sequence 9, but 9 was handed out before");
  Recover(5);
  disk_.sequence = 6;  // 7 to 9 are lost, but somebody was told of them
  ExpectRejected(6, "sequence 7");
  Recover(7);
  disk_.sequence = 9;
  ExpectAccepted();
}

TEST_P(OracleTest, RejectsASequenceThatRestartsAtTheReopen) {
  disk_.sequence_restarts = true;
  ExpectRejected(6, "a new write got sequence 1");
}

// ---- rules 7 to 9

TEST_P(OracleTest, RejectsAnotherSecondRecovery) {
  ExpectAccepted();
  const Recovered first = recovered_;
  EXPECT_FALSE(Same(first, recovered_, 7).has_value());
  Recover(6);
  ExpectAccepted();
  const auto violation = Same(first, recovered_, 7);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->rule, 7);
  EXPECT_THAT(violation->what, HasSubstr("gives another state"));
  const auto refused = Same(first, {.refused = true, .refusal = "/db: gone"}, 8);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->rule, 8);
  EXPECT_THAT(refused->what, HasSubstr("/db: gone"));
}

TEST_P(OracleTest, RejectsOrphans) {
  disk_.orphans = {"00000007.sst"};
  ExpectRejected(9, "00000007.sst");
}

// ---- damage and lies

TEST_P(OracleTest, ALyingDiskMayShortenThePrefixButLeaveNoHole) {
  may_lose_ = true;
  may_refuse_ = true;
  for (size_t count = 0; count <= 7; ++count) {
    Recover(count);
    ExpectAccepted();
    EXPECT_EQ(recovered_.prefix, count);
  }
  for (const size_t missing :
       std::initializer_list<size_t>{2, 4, 5}) {  // without the others nothing would look different
    Hold(log_.StateAfter(7, {missing}));
    const auto violation = Judge();
    ASSERT_TRUE(violation.has_value()) << missing;
    EXPECT_TRUE(violation->rule == 2 || violation->rule == 3) << violation->what;
  }
}

TEST_P(OracleTest, WhatMayBeLostHasAnEnd) {
  may_lose_ = true;
  may_lose_to_ = 3;
  Recover(3);
  ExpectAccepted();
  Recover(2);
  ExpectRejected(2, "an acknowledged write is lost");
}

TEST_P(OracleTest, DamageMayBeReportedButNeverSilentlyLose) {
  may_refuse_ = true;
  Recover(3);
  ExpectRejected(2, "an acknowledged write is lost");
}

TEST_P(OracleTest, WhatIsReadBesideDamageHasToBeRight) {
  may_refuse_ = true;
  const auto damage = [&](size_t count) {
    Recover(count);
    disk_.broken_key = "c";
    disk_.read_error = absl::DataLossError("/db/1.sst: offset 7: bad block");
  };
  damage(6);
  ExpectAccepted();
  EXPECT_THAT(recovered_.refusal, HasSubstr("/db/1.sst: offset 7"));
  damage(5);
  disk_.content["b"] = "1";
  ExpectRejected(2, "a hole: write 3");
  damage(6);
  disk_.content.erase("d");  // an absence is an answer too
  ExpectRejected(2, "a hole: write 4");
}

// ---- for programs that reopen in the middle

TEST_P(OracleTest, RecognisesTheAllowedStatesAndNoOther) {
  for (size_t count = 0; count <= 7; ++count) {
    const auto state = log_.StateAfter(count);
    const auto found = Recognise(log_, obligations(), {state.begin(), state.end()});
    ASSERT_EQ(found.has_value(), count >= 4) << count;
    if (found.has_value()) {
      EXPECT_EQ(found->prefix, count);
    }
  }
  EXPECT_FALSE(Recognise(log_, obligations(), {{"stranger", "1"}}).has_value());
}

// ---- against a judge that builds every state

class RandomLogTest : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomLogTest, testing::Range<uint64_t>(0, 200));

using StateMap = std::map<std::string, std::string>;

// Every legal state of a log at a crash point, by brute force over what was in doubt. No write is
// there that was issued at `end` or later.
std::set<StateMap> LegalStates(const WriteLog& log, uint64_t crash_point, bool process_crash,
                               uint64_t end) {
  const auto& writes = log.writes();
  size_t least = 0;
  std::vector<size_t> doubtful;
  size_t most = 0;
  for (size_t i = 0; i < writes.size(); ++i) {
    if (writes[i].issued >= end) break;
    most = i + 1;
    const bool durable = writes[i].durable <= crash_point;
    if (durable || (process_crash && writes[i].acknowledged <= crash_point)) least = i + 1;
    if (writes[i].in_doubt && !durable) doubtful.push_back(i);
  }
  std::set<StateMap> states;
  for (size_t count = least; count <= most; ++count) {
    for (uint32_t mask = 0; mask < (1u << doubtful.size()); ++mask) {
      std::vector<size_t> skipped;
      for (size_t i = 0; i < doubtful.size(); ++i) {
        if ((mask >> i & 1) != 0) skipped.push_back(doubtful[i]);
      }
      states.insert(log.StateAfter(count, skipped));
    }
  }
  return states;
}

TEST_P(RandomLogTest, ExactlyTheLegalStatesAreAccepted) {
  std::mt19937_64 random(GetParam());
  const auto below = [&](uint64_t bound) { return random() % bound; };
  WriteLog log;
  uint64_t doubts = 0;
  for (uint64_t i = 0; i < 12; ++i) {
    std::vector<Change> changes;
    for (uint64_t n = 1 + below(3); n > 0; --n) {
      Change change{.key = std::string(1, static_cast<char>('a' + below(4)))};
      if (below(3) > 0) change.value = std::to_string(below(2));
      changes.push_back(change);
    }
    CommittedWrite write = SyncedWrite(changes, 10 * i, i + 1);
    if (below(2) == 0) write.durable = CommittedWrite::kNever;
    if (doubts < 5 && below(3) == 0) {
      ++doubts;
      write.in_doubt = true;
      write.acknowledged = write.durable = CommittedWrite::kNever;
    }
    log.Add(write);
  }
  const uint64_t crash_point = below(125);
  const bool process_crash = below(2) == 0;
  const bool during = below(2) == 0;
  const std::set<StateMap> legal =
      LegalStates(log, crash_point, process_crash, during ? crash_point + 1 : crash_point);
  const Obligations obligations = during ? ObligationsDuring(log, crash_point, process_crash)
                                         : ObligationsAt(log, crash_point, process_crash);
  // All states over these keys and values: 3 choices for each of 4 keys.
  for (int number = 0; number < 81; ++number) {
    StateMap state;
    for (int i = 0, rest = number; i < 4; ++i, rest /= 3) {
      if (rest % 3 > 0)
        state[std::string(1, static_cast<char>('a' + i))] = std::to_string(rest % 3 - 1);
    }
    const auto found = Recognise(log, obligations, {state.begin(), state.end()});
    const bool known = std::all_of(state.begin(), state.end(), [&](const auto& entry) {
      return std::binary_search(log.keys().begin(), log.keys().end(), entry.first);
    });
    EXPECT_EQ(found.has_value(), known && legal.contains(state)) << number;
    if (found.has_value()) {
      EXPECT_EQ(log.StateAfter(found->prefix, found->skipped), state);
    }
  }
}

}  // namespace
}  // namespace lumen::crash
