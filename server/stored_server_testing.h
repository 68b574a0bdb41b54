#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "engine/memory_file_system.h"
#include "engine/posix_environment.h"
#include "lumen/v1/admin.grpc.pb.h"
#include "lumen/v1/kv.grpc.pb.h"
#include "server/test_server.h"

namespace lumen {

// A server over a real engine, whose files are in memory.
class StoredServer {
 public:
  explicit StoredServer(ServerOptions options = {}) {
    const Environment posix = posix_.environment();
    const Environment environment = {.file_system = files_,
                                     .clock = posix.clock,
                                     .executor = posix.executor,
                                     .random = posix.random};
    Options engine_options;
    // Small, so that reads come from the files.
    engine_options.memory_budget_bytes = size_t{1} << 20;
    engine_options.memtable_bytes = size_t{256} << 10;
    engine_options.wal_segment_bytes = size_t{1} << 20;
    auto engine = Engine::Open(engine_options, "db", environment);
    options.listen = "127.0.0.1:0";
    auto server = Server::Start(options);
    if (!engine.ok() || !server.ok()) {
      ADD_FAILURE() << engine.status() << server.status();
      std::abort();
    }
    engine_ = *std::move(engine);
    server_ = *std::move(server);
    server_->Serve(*engine_);
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // The window of a client that does not read stays at 64 KiB; else a fast run makes it
    // megabytes.
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    channel_ = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()),
                                         grpc::InsecureChannelCredentials(), arguments);
    store_ = v1::KeyValue::NewStub(channel_);
    admin_ = v1::Admin::NewStub(channel_);
  }

  MemoryFileSystem& files() { return files_; }
  Engine& engine() { return *engine_; }
  Server& server() { return *server_; }
  v1::KeyValue::Stub& store() { return *store_; }
  v1::Admin::Stub& admin() { return *admin_; }

  // Straight into the engine, in tables when it returns.
  void FillTable(int entries, size_t value_bytes) {
    WriteBatch batch;
    for (int i = 0; i < entries; ++i) {
      batch.Put("key" + std::to_string(100'000 + i), std::string(value_bytes, 'v'));
    }
    EXPECT_TRUE(engine_->Write(batch, {}).ok());
    EXPECT_TRUE(engine_->Flush().ok());
  }
  // Sorted.
  std::vector<std::string> Tables() {
    std::vector<std::string> tables;
    const auto names = files_.List("db");
    EXPECT_TRUE(names.ok());
    for (const std::string& name : names.value_or(std::vector<std::string>())) {
      if (name.ends_with(".sst")) tables.push_back("db/" + name);
    }
    std::sort(tables.begin(), tables.end());
    return tables;
  }
  // Flips a byte in the middle of the file.
  void Damage(const std::string& table) {
    const auto content = files_.ReadWhole(table);
    ASSERT_TRUE(content.ok());
    const size_t middle = content->size() / 2;
    const std::string flipped(1, static_cast<char>(~(*content)[middle]));
    ASSERT_TRUE(files_.Overwrite(table, middle, flipped).ok());
  }

 private:
  MemoryFileSystem files_;
  PosixEnvironment posix_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::KeyValue::Stub> store_;
  std::unique_ptr<v1::Admin::Stub> admin_;
};

}  // namespace lumen
