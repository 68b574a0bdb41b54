#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file_system.h"
#include "lumen/v1/admin.pb.h"
#include "server/long_calls.h"
#include "server/rpc_service.h"
#include "server/scan_stream.h"
#include "server/unary_call.h"

namespace lumen {

// What Admin tells and does beyond the engine.
struct AdminOptions {
  struct ConfigValue {
    std::string name;
    std::string value;
    std::string source;
  };
  std::string version;
  std::string data_directory;
  // Checkpoints are made in here; made when missing. On the data's file system. Empty: no
  // checkpoints.
  std::string checkpoint_directory;
  std::vector<ConfigValue> config;
  std::function<std::string()> log_level;                       // empty: not told
  std::function<absl::Status(std::string_view)> set_log_level;  // empty: cannot be changed
  // What an operator did, for the log. Empty: nothing is noted.
  std::function<void(std::string_view)> note;
  // Holds the data. Null: nothing about the disk is told. Borrowed.
  FileSystem* files = nullptr;
};

// lumen.v1.Admin (proto/lumen/v1/admin.proto). What takes long runs in a pool of its own, so that a
// compaction of hours does not keep a read waiting.
class AdminService final : public RpcService {
 public:
  AdminService(AdminOptions options, ServiceParts& parts, const OpenScans& scans);

  // Answers the calls that wait for the engine with "draining", and new ones too. What they asked
  // for goes on until the engine closes.
  void Drain() { long_calls_.Drain(); }

 private:
  void Status(UnaryRpc& rpc);
  void Flush(UnaryRpc& rpc);
  void Compact(UnaryRpc& rpc);
  void Checkpoint(UnaryRpc& rpc);
  void SetLogLevel(UnaryRpc& rpc);
  void GetConfig(UnaryRpc& rpc);

  v1::StatusResponse MakeStatus(Engine& engine) const;
  void Note(const grpc::ServerContext& context, std::string_view what) const;

  const AdminOptions options_;
  ServiceParts& parts_;
  const OpenScans& scans_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  // Last: their threads end before what they use. Verifications have one of their own: draining
  // waits for each, and one that waited for a compaction to end would hold it up for as long.
  LongCalls long_calls_;
  ReadPool verifications_{{.threads = 1, .max_queued = 64}};
  // Status asks the disk for its free space, and a disk that hangs must not take a thread of
  // CallLoops.
  ReadPool statuses_{{.threads = 1, .max_queued = 1024}};
};

}  // namespace lumen
