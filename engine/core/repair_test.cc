// Goal: a repair loses exactly what its plan lists, whatever was damaged; the plan changes nothing;
// afterwards the engine opens and works, and what was dropped lies in lost/. Method: small
// databases in memory with every kind of file, damaged by seed; what must be left is computed from
// the undamaged files and the plan, without repair's code.
#include "engine/repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/core/repair_testing.h"
#include "engine/format/crc32c.h"
#include "engine/format/frame.h"
#include "engine/manifest/version_edit.h"

namespace lumen {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kScripts[][64] = {"pamdwpFpawmpdwQpwpawwGpamwwwFpdwCpwmww", "pamdwFpawmp",
                                 "pamdwpFpawmpdwQpwRpawwGpamwww", "wwwwFwwwwCwwwFwwwpampRpa",
                                 "pampd"};

std::vector<std::string> NamesIn(MemoryFileSystem& files) {
  return files.List("/db").value_or(std::vector<std::string>());
}

std::map<std::string, size_t> FilesOf(MemoryFileSystem& files) {
  std::map<std::string, size_t> all;
  for (const std::string& name : NamesIn(files)) {
    if (name == "LOCK") continue;
    const auto bytes = files.ReadWhole("/db/" + name);
    all[name] = bytes.ok() ? std::hash<std::string>()(*bytes) : 0;
  }
  return all;
}

class RepairTest : public testing::Test {
 protected:
  static const PristineDatabase& Pristine(size_t script) {
    static const auto* const all = [] {
      auto* made = new std::vector<std::unique_ptr<PristineDatabase>>();
      for (const char* text : kScripts) {
        made->push_back(std::make_unique<PristineDatabase>(made->size() + 1, text));
      }
      return made;
    }();
    return *(*all)[script];
  }

  void Use(size_t script) {
    pristine_ = &Pristine(script);
    files_ = const_cast<PristineDatabase*>(pristine_)->files().CrashCopy(Crash::kProcess);
  }
  std::string NameOf(FileKind kind) {
    std::string found;
    for (const std::string& name : NamesIn(*files_)) {
      if (ParseFileName(name).kind == kind && found.empty()) found = name;
    }
    return "/db/" + found;
  }

  absl::StatusOr<std::unique_ptr<Repair>> Prepare() {
    environment_ = std::make_unique<SimulatedEnvironment>(7, *files_);
    return Repair::Prepare(TinyOptions(), "/db", environment_->environment());
  }
  absl::StatusOr<Content> OpenAndRead() {
    TestDatabase database(*files_, 5);
    const absl::Status opened = database.Open();
    if (!opened.ok()) return opened;
    absl::StatusOr<Content> content = ReadContent(database.engine());
    EXPECT_TRUE(database.Write({{"written after", "1"}}, Durability::kSync).ok());
    EXPECT_TRUE(database.engine().Compact().ok());
    return content;
  }

  // True: there was something to repair.
  bool RepairAndJudge() {
    const auto before = FilesOf(*files_);
    const auto damaged = files_->CrashCopy(Crash::kProcess);
    RepairPlan plan;
    {
      auto repair = Prepare();
      if (absl::IsNotFound(repair.status())) {
        // Nothing is left that tells it from an interrupted creation, and an open takes it for one.
        EXPECT_EQ(OpenAndRead().value_or(Content{{"not", "opened"}}), Content());
        return false;
      }
      EXPECT_TRUE(repair.ok()) << repair.status();
      if (!repair.ok()) return false;
      plan = (*repair)->plan();
      EXPECT_EQ(FilesOf(*files_), before) << "the plan changed something";
      EXPECT_EQ(plan.needed, !plan.findings.empty());
      const absl::Status applied = (*repair)->Apply();
      EXPECT_TRUE(applied.ok()) << applied;
      EXPECT_TRUE(plan.needed || FilesOf(*files_) == before);
    }
    const std::string account = absl::StrJoin(DescribeRepair(plan, 20), "\n");
    for (const std::string& name : plan.lost_files) {
      const auto kept = files_->ReadWhole(absl::StrCat("/db/", plan.lost_directory, "/", name));
      EXPECT_TRUE(kept.ok() && std::hash<std::string>()(*kept) == before.at(name)) << name;
    }
    {
      const auto again = Prepare();
      EXPECT_TRUE(again.ok() && !(*again)->plan().needed)
          << again.status() << absl::StrJoin((*again)->plan().findings, "\n");
    }
    const absl::StatusOr<Content> content = OpenAndRead();
    EXPECT_TRUE(content.ok()) << content.status() << "\n" << account;
    if (!content.ok() || !plan.needed) return plan.needed;
    EXPECT_EQ(*content, pristine_->Kept(plan, *damaged)) << account;
    if (plan.loses_nothing() && plan.risks.empty()) {
      EXPECT_EQ(*content, pristine_->content()) << account;
    }
    JudgeAccount(plan, *damaged, *content, account);
    return true;
  }

  // Each key that is not what it was is one that the account speaks of.
  void JudgeAccount(const RepairPlan& plan, MemoryFileSystem& damaged, const Content& content,
                    const std::string& account) {
    // Without a manifest nobody knows which tables there should be, and the account says so.
    if (plan.manifest.empty()) return;
    Content all = pristine_->content();
    all.insert(content.begin(), content.end());
    for (const auto& [key, value] : all) {
      const auto was = pristine_->content().find(key);
      const auto is = content.find(key);
      const bool same =
          was != pristine_->content().end() && is != content.end() && was->second == is->second;
      EXPECT_TRUE(same || pristine_->Accounted(plan, key, damaged)) << QuotedKey(key) << "\n"
                                                                    << account;
    }
  }

  const PristineDatabase* pristine_ = nullptr;
  std::unique_ptr<MemoryFileSystem> files_;
  std::unique_ptr<SimulatedEnvironment> environment_;
};

TEST_F(RepairTest, WhatOpensIsNotRepaired) {
  for (size_t script = 0; script < std::size(kScripts); ++script) {
    Use(script);
    EXPECT_FALSE(RepairAndJudge());
    EXPECT_EQ(*files_->Exists("/db/lost"), false);
  }
}

TEST_F(RepairTest, ExactlyWhatTheDryRunListedIsLost) {
  int needed = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Use(seed % std::size(kScripts));
    std::string damage;
    for (uint64_t i = 0; i <= seed % 3; ++i) {
      damage += DamageSomething(seed * 3 + i, *pristine_, *files_) + "; ";
    }
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", damage));
    needed += RepairAndJudge() ? 1 : 0;
    if (HasFailure()) break;
  }
  EXPECT_GT(needed, 1000);
}

TEST_F(RepairTest, ALostCurrentCostsNothing) {
  Use(0);
  ASSERT_TRUE(files_->Remove("/db/CURRENT").ok());
  auto repair = Prepare();
  ASSERT_TRUE(repair.ok()) << repair.status();
  const RepairPlan& plan = (*repair)->plan();
  EXPECT_EQ("/db/" + plan.manifest, NameOf(FileKind::kManifest));
  EXPECT_TRUE(plan.loses_nothing());
  // A table that nobody had come to remove.
  EXPECT_THAT(plan.lost_files, testing::Each(testing::EndsWith(".sst")));
  EXPECT_THAT(DescribeRepair(plan, 10), testing::Contains("nothing is lost"));
  ASSERT_TRUE((*repair)->Apply().ok());
  repair->reset();
  EXPECT_EQ(*OpenAndRead(), pristine_->content());
}

TEST_F(RepairTest, ALostManifestCostsNothingWhereAllTablesAreThere) {
  Use(0);
  ASSERT_TRUE(files_->Overwrite(NameOf(FileKind::kManifest), 100, "damaged").ok());
  auto repair = Prepare();
  ASSERT_TRUE(repair.ok()) << repair.status();
  EXPECT_EQ((*repair)->plan().manifest, "");
  ASSERT_TRUE((*repair)->Apply().ok());
  repair->reset();
  EXPECT_EQ(*OpenAndRead(), pristine_->content());
}

TEST_F(RepairTest, AnOldManifestPutBackWithItsWalDoesNotHideNewerTables) {
  files_ = std::make_unique<MemoryFileSystem>();
  std::map<std::string, std::string> old;
  std::unique_ptr<MemoryFileSystem> crashed;
  {
    TestDatabase database(*files_, 1);
    ASSERT_TRUE(database.Open().ok());
    ASSERT_TRUE(database.Write({{"a", "1"}}, Durability::kSync).ok());
    database.Leave();
    for (const char* name : {"/db/MANIFEST-1", "/db/00000001.wal"}) {
      old[name] = *files_->ReadWhole(name);
    }
    ASSERT_TRUE(database.Open().ok());
    ASSERT_TRUE(database.Write({{"b", "2"}}, Durability::kSync).ok());
    ASSERT_TRUE(database.engine().Flush().ok());
    database.environment().RunUntilIdle();  // the segment that held it is removed
    crashed = files_->CrashCopy(Crash::kProcess);
  }
  files_ = std::move(crashed);
  ASSERT_TRUE(files_->Overwrite(NameOf(FileKind::kManifest), 100, "damaged").ok());
  for (const auto& [name, bytes] : old) ASSERT_TRUE(files_->WriteWhole(name, bytes).ok());
  auto repair = Prepare();
  ASSERT_TRUE(repair.ok()) << repair.status();
  EXPECT_EQ((*repair)->plan().manifest, "");
  EXPECT_THAT(absl::StrJoin((*repair)->plan().findings, "\n"),
              HasSubstr("MANIFEST-1: does not name 0000"));
  ASSERT_TRUE((*repair)->Apply().ok());
  repair->reset();
  EXPECT_EQ(*OpenAndRead(), (Content{{"a", "1"}, {"b", "2"}}));
}

TEST_F(RepairTest, TablesThatTheChosenManifestDoesNotNameAreSetAside) {
  Use(0);
  ASSERT_TRUE(files_->Remove("/db/CURRENT").ok());
  const std::string table = *files_->ReadWhole(NameOf(FileKind::kTable));
  ASSERT_TRUE(files_->WriteWhole("/db/00009999.sst", table).ok());
  auto repair = Prepare();
  ASSERT_TRUE(repair.ok()) << repair.status();
  EXPECT_EQ("/db/" + (*repair)->plan().manifest, NameOf(FileKind::kManifest));
  EXPECT_THAT((*repair)->plan().lost_files, testing::Contains("00009999.sst"));
  ASSERT_TRUE((*repair)->Apply().ok());
  repair->reset();
  EXPECT_EQ(*OpenAndRead(), pristine_->content());
  EXPECT_EQ(*files_->ReadWhole("/db/lost/1/00009999.sst"), table);
}

TEST_F(RepairTest, TheAccountNamesEachOperation) {
  files_ = std::make_unique<MemoryFileSystem>();
  {
    TestDatabase database(*files_, 1);
    ASSERT_TRUE(database.Open().ok());
    for (const char* key : {"a", "b", "c\n"}) {
      ASSERT_TRUE(database.Write({{key, "value"}}, Durability::kSync).ok());
    }
    ASSERT_TRUE(database.Write({{"a", std::nullopt}, {"d", "v"}}, Durability::kSync).ok());
    files_ = files_->CrashCopy(Crash::kProcess)->CrashCopy(Crash::kProcess);
  }
  // The second put, behind the NOTE that follows the first.
  ASSERT_TRUE(files_->Overwrite(NameOf(FileKind::kWal), 4096 + 512 + 40 + 45, "?").ok());
  auto repair = Prepare();
  ASSERT_TRUE(repair.ok()) << repair.status();
  const std::vector<std::string> account = DescribeRepair((*repair)->plan(), 3);
  EXPECT_THAT(account[0], HasSubstr("damage: /db/00000001.wal: offset 4648: DATA frame: rule "
                                    "durable-promise"));
  EXPECT_EQ(account[1], "kept: 0 tables of MANIFEST-1 with 0 entries");
  EXPECT_EQ(account[2], "kept: 00000001.wal: 2 frames with 1 operation, up to offset 4648");
  EXPECT_EQ(
      account[3],
      "lost: 00000001.wal: 60888 bytes from offset 4648: no frame verifies there, and a later "
      "one promises it; 3 frames there with 3 operations that can be read and 1 that cannot");
  EXPECT_EQ(account[4], "    3 put \"c\\x0a\"");
  EXPECT_EQ(account[5], "    4 delete \"a\"");
  EXPECT_EQ(account[6], "    5 put \"d\"");
  EXPECT_EQ(account[7], "lost: sequence 2: cannot be read; which keys were written is unknown");
  EXPECT_EQ(account.back(), "set aside: 00000001.wal to lost/1/00000001.wal");
  ASSERT_TRUE((*repair)->Apply().ok());
  repair->reset();
  EXPECT_EQ(*OpenAndRead(), (Content{{"a", "value"}}));
}

// Where the file does not show what it held, nobody counts it as nothing.
TEST_F(RepairTest, TheAccountSaysWhatASegmentThatWasCutNoLongerShows) {
  const auto account = [&](size_t keep_bytes, char wipe_header) {
    files_ = std::make_unique<MemoryFileSystem>();
    {
      TestDatabase database(*files_, 1);
      EXPECT_TRUE(database.Open().ok());
      for (const char* key : {"a", "b", "c", "d", "e"}) {
        EXPECT_TRUE(database.Write({{key, "value"}}, Durability::kSync).ok());
      }
      files_ = files_->CrashCopy(Crash::kProcess)->CrashCopy(Crash::kProcess);
    }
    const std::string wal = NameOf(FileKind::kWal);
    std::string bytes = files_->ReadWhole(wal)->substr(0, keep_bytes);
    if (wipe_header != 0) bytes.assign(bytes.size(), '\0');
    EXPECT_TRUE(files_->WriteWhole(wal, bytes).ok());
    auto repair = Prepare();
    EXPECT_TRUE(repair.ok()) << repair.status();
    EXPECT_FALSE((*repair)->plan().loses_nothing());
    for (const std::string& line : DescribeRepair((*repair)->plan(), 3)) {
      if (line.starts_with("lost:")) return line;
    }
    return std::string("nothing is said to be lost");
  };
  EXPECT_EQ(
      account(0, 0),
      "lost: 00000001.wal: the file is empty; what it held is unknown: writes from sequence 1 "
      "on may be lost");
  EXPECT_EQ(account(100, 0),
            "lost: 00000001.wal: the file ends within its header, after 100 bytes; what it held is "
            "unknown: writes from sequence 1 on may be lost");
  EXPECT_EQ(account(64 << 10, 'z'),
            "lost: 00000001.wal: its header is damaged; what it held is unknown: writes from "
            "sequence 1 on may be lost");
  EXPECT_EQ(account(5000, 0),
            "lost: 00000001.wal: the file has 5000 of the 65536 bytes that its header says; what "
            "else it held is unknown: writes from sequence 3 on may be lost");
}

TEST_F(RepairTest, WhatMayNotBeWrittenToIsLookedAtAndNotRepaired) {
  files_ = std::make_unique<MemoryFileSystem>();
  {
    TestDatabase database(*files_, 1);
    ASSERT_TRUE(database.Open().ok());
    ASSERT_TRUE(database.Write({{"a", "value"}}, Durability::kSync).ok());
  }
  ASSERT_TRUE(files_->WriteWhole(NameOf(FileKind::kWal), "").ok());
  files_->SetHook([](MemoryFileSystem::Operation operation, const std::string& path) {
    return operation == MemoryFileSystem::Operation::kLock
               ? absl::PermissionDeniedError(path + ": lock: Read-only file system")
               : absl::OkStatus();
  });
  auto repair = Prepare();
  ASSERT_TRUE(repair.ok()) << repair.status();
  EXPECT_TRUE((*repair)->plan().needed);
  const auto before = FilesOf(*files_);
  EXPECT_EQ((*repair)->Apply().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(FilesOf(*files_), before);
}

TEST_F(RepairTest, AnOpenDatabaseIsRefused) {
  files_ = std::make_unique<MemoryFileSystem>();
  TestDatabase database(*files_, 1);
  ASSERT_TRUE(database.Open().ok());
  EXPECT_EQ(Prepare().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(RepairTest, WhereNothingIsThereIsNothingToRepair) {
  files_ = std::make_unique<MemoryFileSystem>();
  EXPECT_EQ(Prepare().status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(files_->CreateDirectory("/db").ok());
  EXPECT_EQ(Prepare().status().code(), absl::StatusCode::kNotFound);
}

// A header block of format 2, as a later program would write it.
TEST_F(RepairTest, ANewerFormatIsNotDamage) {
  Use(0);
  const std::string path = NameOf(FileKind::kWal);
  std::string header = *files_->ReadWhole(path);
  header.resize(kHeaderBlockBytes);
  header[8] = 2;
  const uint32_t checksum = Crc32c(std::string_view(header).substr(0, kHeaderBlockBytes - 4));
  for (size_t i = 0; i < 4; ++i) {
    header[kHeaderBlockBytes - 4 + i] = static_cast<char>(checksum >> (8 * i));
  }
  ASSERT_TRUE(files_->Overwrite(path, 0, header).ok());
  ASSERT_TRUE(files_->Remove("/db/CURRENT").ok());
  EXPECT_EQ(Prepare().status().code(), absl::StatusCode::kUnimplemented);
}

TEST_F(RepairTest, AReadErrorIsNotDamage) {
  Use(0);
  ASSERT_TRUE(files_->Remove("/db/CURRENT").ok());
  const std::string path = NameOf(FileKind::kTable);
  files_->SetHook([&](MemoryFileSystem::Operation operation, const std::string& of) {
    return operation == MemoryFileSystem::Operation::kRead && of == path
               ? absl::InternalError(of + ": Input/output error")
               : absl::OkStatus();
  });
  EXPECT_EQ(Prepare().status().code(), absl::StatusCode::kInternal);
}

// A full disk, say: nothing of the attempt is left but what was set aside.
TEST_F(RepairTest, AFailedRepairLeavesTheDirectoryAsDamagedAsItWas) {
  for (uint64_t failing = 0;; ++failing) {
    Use(0);
    ASSERT_TRUE(files_->Overwrite(NameOf(FileKind::kManifest), 100, "damaged").ok());
    const auto before = FilesOf(*files_);
    auto repair = Prepare();
    ASSERT_TRUE(repair.ok()) << repair.status();
    uint64_t operations = 0;
    bool renaming = false;
    files_->SetHook([&](MemoryFileSystem::Operation operation, const std::string& path) {
      if (!Changes(operation)) return absl::OkStatus();
      renaming = renaming || operation == MemoryFileSystem::Operation::kRename;
      return operations++ == failing
                 ? absl::ResourceExhaustedError(path + ": No space left on device")
                 : absl::OkStatus();
    });
    const absl::Status applied = (*repair)->Apply();
    files_->SetHook(nullptr);
    repair->reset();
    if (!renaming) {
      auto after = FilesOf(*files_);
      after.erase("lost");
      EXPECT_EQ(after, before) << "operation " << failing;
    }
    auto again = Prepare();
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE((*again)->Apply().ok());
    again->reset();
    ASSERT_EQ(*OpenAndRead(), pristine_->content()) << "operation " << failing;
    if (applied.ok()) break;
  }
}

// Whatever file operation of Apply a crash comes before, another repair finds the same.
TEST_F(RepairTest, ACrashInsideApplyLosesNoMoreThanTheList) {
  int crashes = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Use(seed % std::size(kScripts));
    const std::string damage = DamageSomething(seed, *pristine_, *files_) + "; " +
                               DamageSomething(seed + 1000, *pristine_, *files_);
    const auto damaged = DurableCopy(*files_);
    for (uint64_t death = 0;; ++death) {
      files_ = damaged->CrashCopy(Crash::kPowerLoss);
      Content expected;
      bool survived = false;
      {
        auto repair = Prepare();
        if (absl::IsNotFound(repair.status())) break;
        ASSERT_TRUE(repair.ok()) << repair.status();
        if (!(*repair)->plan().needed) break;
        expected = pristine_->Kept((*repair)->plan(), *damaged);
        uint64_t operations = 0;
        files_->SetHook([&](MemoryFileSystem::Operation operation, const std::string& path) {
          if (operations >= death) return absl::InternalError(path + ": the machine is off");
          if (Changes(operation)) ++operations;
          return absl::OkStatus();
        });
        survived = (*repair)->Apply().ok();
      }
      const std::unique_ptr<MemoryFileSystem> dead = std::move(files_);
      for (const Crash crash : {Crash::kProcess, Crash::kPowerLoss}) {
        SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", damage, ": death before operation ", death,
                                  crash == Crash::kProcess ? ", process" : ", power"));
        files_ = dead->CrashCopy(crash);
        {
          const auto repair = Prepare();
          ASSERT_TRUE(repair.ok()) << repair.status();
          ASSERT_TRUE((*repair)->Apply().ok());
        }
        const absl::StatusOr<Content> content = OpenAndRead();
        ASSERT_TRUE(content.ok()) << content.status();
        ASSERT_EQ(*content, expected);
        ++crashes;
      }
      if (survived) break;
    }
  }
  EXPECT_GT(crashes, 500);
}

}  // namespace
}  // namespace lumen
