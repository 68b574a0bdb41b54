// Goal: on real files and real threads the engine keeps its promises to each of them: what a writer
// was told is what it reads, batches are whole, snapshots stand still, compare-and-set loses
// nothing, and Close ends it all without a hang. Method: tiny limits, so that flushes, compactions
// and rotations run all the time; meant for ThreadSanitizer as much as for its own checks.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/core/crash_testing.h"
#include "engine/env/temporary_directory.h"
#include "engine/posix_environment.h"

namespace lumen {
namespace {

WriteOptions With(Durability durability) {
  WriteOptions options;
  options.durability = durability;
  return options;
}

class ConcurrencyTest : public testing::Test {
 protected:
  ConcurrencyTest() { Open(); }
  ~ConcurrencyTest() override {
    engine_.reset();
    environment_.reset();
  }

  void Open() {
    engine_.reset();
    environment_ = std::make_unique<PosixEnvironment>();
    auto opened =
        Engine::Open(TinyOptions(), directory_.path() + "/db", environment_->environment());
    ASSERT_TRUE(opened.ok()) << opened.status();
    engine_ = *std::move(opened);
  }
  Engine& engine() { return *engine_; }

  // Runs `work(0)` ... `work(count - 1)` on threads of their own.
  void OnThreads(int count, const std::function<void(int)>& work) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([work, i] { work(i); });
  }
  void Join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  TemporaryDirectory directory_;
  std::unique_ptr<PosixEnvironment> environment_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::thread> threads_;
};

TEST_F(ConcurrencyTest, CompareAndSetLosesNoIncrement) {
  constexpr int kThreads = 4;
  constexpr int kIncrements = 150;
  ASSERT_TRUE(engine().Write(PutBatch("counter", "0"), {}).ok());
  std::atomic<int> unmet = 0;
  OnThreads(kThreads, [&](int thread) {
    for (int done = 0; done < kIncrements;) {
      const auto read = engine().Get("counter");
      ASSERT_TRUE(read.ok() && read->has_value());
      int number = 0;
      ASSERT_TRUE(absl::SimpleAtoi((*read)->value, &number));
      WriteOptions options = With(thread == 0 ? Durability::kSync : Durability::kAsync);
      Precondition& unchanged = options.preconditions.emplace_back();
      unchanged.kind = Precondition::Kind::kLastWrittenAt;
      unchanged.key = "counter";
      unchanged.sequence = (*read)->sequence;
      // The second key fills memtables, so that the counter moves into tables between reads.
      WriteBatch batch;
      batch.Put("counter", absl::StrCat(number + 1));
      batch.Put(absl::StrCat("filler", done % 20), std::string(400, 'f'));
      const auto written = engine().Write(batch, options);
      ASSERT_TRUE(written.ok()) << written.status();
      if (written->applied) {
        ++done;
      } else {
        ++unmet;
      }
    }
  });
  Join();
  EXPECT_EQ((*engine().Get("counter"))->value, absl::StrCat(kThreads * kIncrements));
  EXPECT_GT(engine().GetStats().flushes, 10u);
}

TEST_F(ConcurrencyTest, OfConcurrentDeletesExactlyOneFindsTheKey) {
  constexpr int kThreads = 4;
  constexpr int kKeys = 150;
  for (int key = 0; key < kKeys; ++key) {
    ASSERT_TRUE(engine()
                    .Write(PutBatch(absl::StrCat("key", key), std::string(100, 'x')),
                           With(Durability::kAsync))
                    .ok());
  }
  std::vector<std::atomic<int>> found(kKeys);
  std::atomic<int> told = 0;
  OnThreads(kThreads, [&](int thread) {
    for (int key = 0; key < kKeys; ++key) {
      WriteOptions options = With(Durability::kAsync);
      options.report_existed = true;
      WriteBatch batch = DeleteBatch(absl::StrCat("key", key));
      batch.Put(absl::StrCat("filler", thread), std::string(300, 'f'));
      const auto count = [&, key](const absl::StatusOr<WriteResult>& result) {
        ASSERT_TRUE(result.ok()) << result.status();
        if (result->existed.at(0)) ++found[static_cast<size_t>(key)];
        ++told;
      };
      if (thread % 2 == 0) {
        count(engine().Write(batch, options));
      } else {
        engine().WriteAsync(std::move(batch), options, count);
      }
    }
  });
  Join();
  ASSERT_TRUE(engine().Close().ok());
  EXPECT_EQ(told, kThreads * kKeys);
  for (int key = 0; key < kKeys; ++key) EXPECT_EQ(found[static_cast<size_t>(key)], 1) << key;
}

// Writers count upwards in keys of their own, always two in one batch.
class Counting {
 public:
  static constexpr int kPairs = 20;

  explicit Counting(Engine& engine) : engine_(engine) {}

  void Write(int writer, int rounds) {
    for (int round = 1; round <= rounds; ++round) {
      const int pair = round % kPairs;
      WriteBatch batch;
      batch.Put(Left(writer, pair), Value(round));
      batch.Put(Right(writer, pair), Value(round));
      if (writer % 2 == 0) {
        const auto result =
            engine_.Write(batch, With(round % 16 == 0 ? Durability::kSync : Durability::kAsync));
        ASSERT_TRUE(result.ok()) << result.status();
        ExpectOwnWrite(writer, pair, round);
      } else {
        engine_.WriteAsync(std::move(batch), With(Durability::kAsync),
                           [this, writer, pair, round](const absl::StatusOr<WriteResult>& result) {
                             ASSERT_TRUE(result.ok()) << result.status();
                             ExpectOwnWrite(writer, pair, round);
                           });
      }
    }
  }

  // Pairs agree in every scan and every snapshot, and no key ever goes back.
  void Read(int reader, const std::atomic<bool>& stop) {
    std::map<std::string, int> newest;
    uint64_t newest_snapshot = 0;
    while (!stop) {
      const std::unique_ptr<Snapshot> snapshot = engine_.TakeSnapshot();
      ASSERT_GE(snapshot->sequence(), newest_snapshot);
      newest_snapshot = snapshot->sequence();
      IteratorOptions options;
      if (reader % 2 == 0) options.snapshot = snapshot.get();
      const std::map<std::string, std::string> seen = Scan(options, /*forward=*/reader % 3 != 0);
      ExpectWholePairs(seen);
      for (const auto& [key, value] : seen) {
        int& before = newest[key];
        const int now = Number(value);
        ASSERT_GE(now, before) << key;
        before = now;
      }
      if (options.snapshot == nullptr) continue;
      ASSERT_EQ(Scan(options, reader % 3 == 0), seen) << "a snapshot moved";
      for (const auto& [key, value] : seen) {
        const auto got = engine_.Get(key, snapshot.get());
        ASSERT_TRUE(got.ok() && got->has_value());
        ASSERT_EQ((*got)->value, value);
      }
    }
  }

  std::map<std::string, std::string> Scan(const IteratorOptions& options, bool forward) {
    std::map<std::string, std::string> seen;
    const auto iterator = engine_.NewIterator(options);
    if (forward) {
      for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
        seen.emplace(iterator->key(), iterator->value());
      }
    } else {
      for (iterator->SeekToLast(); iterator->valid(); iterator->Prev()) {
        seen.emplace(iterator->key(), iterator->value());
      }
    }
    EXPECT_TRUE(iterator->status().ok()) << iterator->status();
    return seen;
  }
  static void ExpectWholePairs(const std::map<std::string, std::string>& seen) {
    for (const auto& [key, value] : seen) {
      std::string other = key;
      other[0] = key[0] == 'l' ? 'r' : 'l';
      const auto twin = seen.find(other);
      ASSERT_TRUE(twin != seen.end()) << "half a batch: " << key;
      ASSERT_EQ(twin->second, value) << "half a batch: " << key;
    }
  }

 private:
  static std::string Left(int writer, int pair) { return absl::StrCat("l", writer, ".", pair); }
  static std::string Right(int writer, int pair) { return absl::StrCat("r", writer, ".", pair); }
  static std::string Value(int round) { return absl::StrCat(round, std::string(100, '.')); }
  static int Number(const std::string& value) {
    int number = -1;
    EXPECT_TRUE(absl::SimpleAtoi(value.substr(0, value.find('.')), &number));
    return number;
  }
  void ExpectOwnWrite(int writer, int pair, int round) {
    const auto got = engine_.Get(Right(writer, pair));
    ASSERT_TRUE(got.ok() && got->has_value()) << got.status();
    ASSERT_GE(Number((*got)->value), round);
  }

  Engine& engine_;
};

TEST_F(ConcurrencyTest, EverythingAtOnce) {
  constexpr int kWriters = 3;
  constexpr int kRounds = 600;
  Counting counting(engine());
  std::atomic<int> writing = kWriters;
  std::atomic<bool> stop = false;
  OnThreads(kWriters, [&](int writer) {
    counting.Write(writer, kRounds);
    if (--writing == 0) stop = true;
  });
  OnThreads(3, [&](int reader) { counting.Read(reader, stop); });
  OnThreads(1, [&](int) {
    for (int i = 0; !stop; ++i) {
      EXPECT_TRUE(engine().Flush().ok());
      if (i % 3 == 1) {
        EXPECT_TRUE(engine().Compact().ok());
      }
      if (i % 10 == 2) {
        EXPECT_TRUE(engine().Checkpoint(absl::StrCat(directory_.path(), "/copy", i)).ok());
      }
      EXPECT_EQ(engine().GetStats().sticky_error, "");
    }
  });
  Join();
  ASSERT_TRUE(engine().Flush().ok());  // behind every asynchronous write
  const std::map<std::string, std::string> last = counting.Scan({}, /*forward=*/true);
  EXPECT_EQ(last.size(), size_t{2} * kWriters * Counting::kPairs);
  Counting::ExpectWholePairs(last);
  const Stats stats = engine().GetStats();
  EXPECT_GT(stats.flushes, 20u);
  EXPECT_GT(stats.compactions, 5u);
  ASSERT_TRUE(engine().Close().ok());
  Open();
  EXPECT_EQ(Counting(engine()).Scan({}, /*forward=*/false), last);
}

TEST_F(ConcurrencyTest, CloseInTheMidstOfEverything) {
  for (int round = 0; round < 3; ++round) {
    std::atomic<int> written = 0;
    std::atomic<int> told = 0;
    std::atomic<int> asked = 0;
    const auto refused = [](const absl::Status& status) {
      EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
      return !status.ok();
    };
    // Each writer's acknowledged keys; read only after the threads are gone.
    std::vector<std::vector<std::string>> acknowledged(2);
    OnThreads(2, [&](int writer) {
      for (int i = 0;; ++i) {
        std::string key = absl::StrCat("key", round, ".", writer, ".", i);
        const auto result =
            engine().Write(PutBatch(key, std::string(200, 'v')), With(Durability::kAsync));
        ++written;
        if (!result.ok() && refused(result.status())) return;
        acknowledged[static_cast<size_t>(writer)].push_back(std::move(key));
      }
    });
    OnThreads(1, [&](int) {
      std::atomic<bool> closed = false;
      while (!closed) {
        ++asked;
        engine().WriteAsync(PutBatch("async", "x"), With(Durability::kAsync),
                            [&](const absl::StatusOr<WriteResult>& result) {
                              ++told;
                              if (!result.ok() && refused(result.status())) closed = true;
                            });
        // As long as an answer is missing, what the callback refers to must live.
        while (told < asked) std::this_thread::yield();
      }
    });
    OnThreads(1, [&](int) {
      while (true) {
        const absl::Status status = engine().Flush();
        if (!status.ok() && refused(status)) return;
      }
    });
    OnThreads(1, [&](int) {
      while (true) {
        const absl::Status status = engine().Compact();
        if (!status.ok() && refused(status)) return;
      }
    });
    OnThreads(1, [&](int) {
      while (true) {
        const auto got = engine().Get("async");
        if (!got.ok() && refused(got.status())) return;
      }
    });
    while (written < 300) std::this_thread::yield();
    OnThreads(2, [&](int) { EXPECT_TRUE(engine().Close().ok()); });
    Join();
    EXPECT_EQ(told, asked);
    Open();
    for (const auto& keys : acknowledged) {
      for (const std::string& key : keys) {
        const auto got = engine().Get(key);
        ASSERT_TRUE(got.ok() && got->has_value()) << key;
      }
    }
  }
}

TEST_F(ConcurrencyTest, DestructionFinishesWhatIsQueued) {
  std::atomic<int> told = 0;
  constexpr int kWrites = 500;
  for (int i = 0; i < kWrites; ++i) {
    engine().WriteAsync(PutBatch(absl::StrCat("key", i), std::string(100, 'v')),
                        With(Durability::kAsync), [&](const absl::StatusOr<WriteResult>& result) {
                          EXPECT_TRUE(result.ok()) << result.status();
                          ++told;
                        });
  }
  Open();
  EXPECT_EQ(told, kWrites);
  EXPECT_TRUE((*engine().Get(absl::StrCat("key", kWrites - 1))).has_value());
}

}  // namespace
}  // namespace lumen
