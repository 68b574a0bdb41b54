// Scan and Verify over a real engine: damaged files, limits on what is open, and ends that nobody
// waits for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/stored_server_testing.h"

namespace lumen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(status.error_details()) || details.details_size() == 0) return "";
  details.details(0).UnpackTo(&info);
  return info.reason();
}

// A scan of everything that nobody reads yet.
struct OpenScan {
  explicit OpenScan(v1::KeyValue::Stub& store)
      : context(NewContext()), reader(store.Scan(context.get(), {})) {}
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientReader<v1::ScanResponse>> reader;
};

uint64_t ReadAll(OpenScan& scan, grpc::Status& end) {
  v1::ScanResponse message;
  uint64_t count = 0;
  while (scan.reader->Read(&message)) count = message.count();
  end = scan.reader->Finish();
  return count;
}

TEST(Scan, EndsWithDataLossWhereATableIsDamaged) {
  StoredServer server;
  server.FillTable(4000, 500);
  for (const std::string& table : server.Tables()) server.Damage(table);
  OpenScan scan(server.store());
  grpc::Status end;
  EXPECT_LT(ReadAll(scan, end), 4000u);
  EXPECT_EQ(end.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(ReasonOf(end), "CORRUPTION");
  EXPECT_THAT(end.error_message(), HasSubstr(".sst"));
}

TEST(Scan, OneMoreThanMayBeOpenIsToldToComeBack) {
  ServerOptions options;
  options.scans.calls = 2;
  StoredServer server(options);
  // More than gRPC takes off the server's hands for a client that does not read.
  server.FillTable(8000, 500);
  std::vector<std::unique_ptr<OpenScan>> open;
  v1::ScanResponse message;
  for (int i = 0; i < 2; ++i) {
    open.push_back(std::make_unique<OpenScan>(server.store()));
    ASSERT_TRUE(open.back()->reader->Read(&message));
  }
  OpenScan third(server.store());
  grpc::Status end;
  ReadAll(third, end);
  EXPECT_EQ(end.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(end), "OVERLOADED");
  EXPECT_EQ(third.context->GetServerTrailingMetadata().count(kRetryPushbackKey), 1u);
  EXPECT_EQ(ReadAll(*open[0], end), 8000u);
  EXPECT_TRUE(end.ok());
  // Its place is free again once the server has noticed the end.
  uint64_t count = 0;
  while (count == 0) {
    OpenScan again(server.store());
    count = ReadAll(again, end);
  }
  EXPECT_EQ(count, 8000u);
}

TEST(Scan, OneThatNobodyReadsDoesNotKeepTheServerFromDraining) {
  ServerOptions options;
  options.drain_timeout = std::chrono::milliseconds(200);
  StoredServer server(options);
  server.FillTable(20'000, 500);
  OpenScan scan(server.store());
  v1::ScanResponse message;
  ASSERT_TRUE(scan.reader->Read(&message));
  server.server().Shutdown();
  grpc::Status end;
  ReadAll(scan, end);
  EXPECT_FALSE(end.ok());
}

// What an iterator pins, tables and memtables, is not counted in the memory budget; that the tables
// go shows that the memtables do.
TEST(Scan, OneThatNobodyReadsPinsNothingButItsSnapshot) {
  StoredServer server;
  server.FillTable(8000, 500);
  OpenScan scan(server.store());
  v1::ScanResponse message;
  ASSERT_TRUE(scan.reader->Read(&message));
  const std::vector<std::string> before = server.Tables();
  WriteBatch changes;
  for (int i = 0; i < 8000; i += 2) changes.Put("key" + std::to_string(100'000 + i), "changed");
  for (int i = 1; i < 8000; i += 2) changes.Delete("key" + std::to_string(100'000 + i));
  ASSERT_TRUE(server.engine().Write(changes, {}).ok());
  ASSERT_TRUE(server.engine().Compact().ok());
  for (const std::string& table : before) {
    while (server.files().Exists(table).value_or(true)) std::this_thread::yield();
  }
  int count = message.entries_size();
  while (scan.reader->Read(&message)) {
    for (const auto& entry : message.entries()) {
      ASSERT_EQ(entry.key(), "key" + std::to_string(100'000 + count++));
      ASSERT_EQ(entry.value(), std::string(500, 'v'));
    }
  }
  EXPECT_TRUE(scan.reader->Finish().ok());
  EXPECT_EQ(count, 8000);
}

std::vector<std::string> KeysOf(StoredServer& server, const v1::ScanRequest& request) {
  const auto context = NewContext();
  const auto reader = server.store().Scan(context.get(), request);
  std::vector<std::string> keys;
  v1::ScanResponse message;
  while (reader->Read(&message)) {
    for (const auto& entry : message.entries()) keys.push_back(entry.key());
  }
  const grpc::Status end = reader->Finish();
  EXPECT_TRUE(end.ok()) << end.error_message();
  EXPECT_EQ(message.count(), keys.size());
  return keys;
}

// Several turns of a scan see nothing else.
TEST(Scan, GoesOnBehindLongRunsOfDeletedKeys) {
  StoredServer server;
  WriteBatch live;
  for (const char* key : {"a", "key5", "z"}) live.Put(key, "v");
  ASSERT_TRUE(server.engine().Write(live, {}).ok());
  // What the snapshot sees keeps compactions from dropping the tombstones.
  std::unique_ptr<Snapshot> snapshot;
  for (const bool deleting : {false, true}) {
    for (int tens = 0; tens < 20; ++tens) {
      WriteBatch batch;
      for (int i = 0; i < 10'000; ++i) {
        const std::string key = "key" + std::to_string(tens < 10 ? 4 : 6) +
                                std::to_string(1'000'000 + tens * 10'000 + i);
        deleting ? batch.Delete(key) : batch.Put(key, "");
      }
      ASSERT_TRUE(server.engine().Write(batch, {.durability = Durability::kAsync}).ok());
    }
    if (!deleting) snapshot = server.engine().TakeSnapshot();
  }
  v1::ScanRequest request;
  EXPECT_EQ(KeysOf(server, request), (std::vector<std::string>{"a", "key5", "z"}));
  request.set_reverse(true);
  EXPECT_EQ(KeysOf(server, request), (std::vector<std::string>{"z", "key5", "a"}));
  request.set_limit(2);
  EXPECT_EQ(KeysOf(server, request), (std::vector<std::string>{"z", "key5"}));
  request.set_start("b");
  request.set_end("y");
  request.set_limit(0);
  EXPECT_EQ(KeysOf(server, request), std::vector<std::string>{"key5"});
}

// gRPC 1.51 takes a message in whole before it says that it is too large.
TEST(Put, AMessageBeyondWhatTheServerHoldsForAllIsNotTakenInFirst) {
  ServerOptions options;
  options.transport_bytes = size_t{32} << 20;
  StoredServer server(options);
  v1::PutRequest request;
  request.set_key("k");
  request.set_value(std::string(size_t{128} << 20, 'v'));
  v1::PutResponse response;
  const grpc::Status status = server.store().Put(NewContext().get(), request, &response);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.error_message(), Not(HasSubstr("larger than max")));
  request.set_value("v");
  EXPECT_TRUE(server.store().Put(NewContext().get(), request, &response).ok());
}

struct Verified {
  v1::VerifyResponse last;
  std::vector<std::string> corruptions;
  grpc::Status end;
};

Verified Verify(StoredServer& server) {
  Verified verified;
  const auto context = NewContext();
  const auto reader = server.admin().Verify(context.get(), {});
  while (reader->Read(&verified.last)) {
    for (const std::string& one : verified.last.corruptions()) verified.corruptions.push_back(one);
  }
  verified.end = reader->Finish();
  return verified;
}

TEST(Verify, ReadsEveryTable) {
  StoredServer server;
  for (int i = 0; i < 3; ++i) server.FillTable(100 + i, 500);
  const Verified verified = Verify(server);
  EXPECT_TRUE(verified.end.ok());
  EXPECT_TRUE(verified.last.done());
  EXPECT_GE(verified.last.tables_total(), 1u);
  EXPECT_EQ(verified.last.tables_done(), verified.last.tables_total());
  EXPECT_EQ(verified.last.bytes_done(), verified.last.bytes_total());
  EXPECT_TRUE(verified.corruptions.empty());
}

TEST(Verify, TellsCorruptionWithFileAndOffsetAndGoesOn) {
  StoredServer server;
  server.FillTable(1000, 500);
  for (const std::string& table : server.Tables()) server.Damage(table);
  const Verified verified = Verify(server);
  EXPECT_TRUE(verified.end.ok()) << verified.end.error_message();
  EXPECT_TRUE(verified.last.done());
  EXPECT_EQ(verified.corruptions.size(), verified.last.tables_total());
  ASSERT_FALSE(verified.corruptions.empty());
  EXPECT_THAT(verified.corruptions[0], HasSubstr(".sst"));
  EXPECT_THAT(verified.corruptions[0], HasSubstr("offset"));
}

// The first messages are short, the one that tells of the damage is not.
TEST(Verify, TellsOfTheOneTableThatIsDamagedWhicheverItIs) {
  constexpr size_t kTables = 3;
  for (size_t i = 0; i < kTables; ++i) {
    StoredServer server;
    for (size_t n = 0; n < kTables; ++n) server.FillTable(1000, 500);
    ASSERT_EQ(server.Tables().size(), kTables);
    server.Damage(server.Tables()[i]);
    const Verified verified = Verify(server);
    EXPECT_TRUE(verified.end.ok()) << verified.end.error_message();
    EXPECT_TRUE(verified.last.done());
    ASSERT_EQ(verified.corruptions.size(), 1u);
    EXPECT_THAT(verified.corruptions[0], HasSubstr(server.Tables()[i]));
  }
}

TEST(Verify, ManyAtOnceByClientsThatLeave) {
  StoredServer server;
  server.FillTable(1000, 500);
  std::vector<std::jthread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&server] {
      for (int j = 0; j < 25; ++j) {
        const auto context = NewContext();
        const auto reader = server.admin().Verify(context.get(), {});
        v1::VerifyResponse message;
        if (j % 2 == 0) context->TryCancel();
        while (reader->Read(&message)) {
        }
        const grpc::Status end = reader->Finish();
        EXPECT_TRUE(end.ok() || end.error_code() == grpc::StatusCode::CANCELLED);
      }
    });
  }
  clients.clear();
  EXPECT_TRUE(Verify(server).last.done());
}

}  // namespace
}  // namespace lumen
