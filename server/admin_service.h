#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file_system.h"
#include "lumen/v1/admin.grpc.pb.h"
#include "server/long_calls.h"
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

// Every method raw; see server/raw_call.h.
using RawAdminService =
    v1::Admin::WithRawCallbackMethod_Status<v1::Admin::WithRawCallbackMethod_Flush<
        v1::Admin::WithRawCallbackMethod_Compact<v1::Admin::WithRawCallbackMethod_Checkpoint<
            v1::Admin::WithRawCallbackMethod_Verify<v1::Admin::WithRawCallbackMethod_SetLogLevel<
                v1::Admin::WithRawCallbackMethod_GetConfig<v1::Admin::Service>>>>>>>;

// lumen.v1.Admin (proto/lumen/v1/admin.proto). What takes long runs in a pool of its own, so that a
// compaction of hours does not keep a read waiting.
class AdminService final : public RawAdminService {
 public:
  AdminService(AdminOptions options, ServiceParts& parts, const OpenScans& scans);

  // Answers the calls that wait for the engine with "draining", and new ones too. What they asked
  // for goes on until the engine closes.
  void Drain() { long_calls_.Drain(); }

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Flush(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Compact(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Checkpoint(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* body,
                                       grpc::ByteBuffer* reply) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Verify(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* body) override;
  grpc::ServerUnaryReactor* SetLogLevel(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* body,
                                        grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* GetConfig(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* body,
                                      grpc::ByteBuffer* reply) override;

 private:
  v1::StatusResponse MakeStatus(Engine& engine) const;
  void Note(const grpc::CallbackServerContext& context, std::string_view what) const;

  const AdminOptions options_;
  ServiceParts& parts_;
  const OpenScans& scans_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  // Last: their threads end before what they use. Verifications have one of their own: draining
  // waits for each, and one that waited for a compaction to end would hold it up for as long.
  LongCalls long_calls_;
  ReadPool verifications_{{.threads = 1, .max_queued = 64}};
};

}  // namespace lumen
