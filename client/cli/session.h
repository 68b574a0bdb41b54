#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "client/admin_client.h"
#include "client/cli/interruption.h"
#include "client/cli/output.h"
#include "client/cli/talk.h"
#include "client/connection.h"
#include "client/exit_codes.h"
#include "client/kv_client.h"

namespace lumen::cli {

// As typed.
struct ConnectionFlags {
  std::string server;
  std::optional<std::string> timeout;
};

// What a command works with while it runs: the server, its streams, and how it ends. Not
// thread-safe.
class Session {
 public:
  explicit Session(ConnectionFlags flags);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Must come before the four below. Else says what is wrong; the exit code.
  std::optional<int> Connect();
  Connection& connection() { return *connection_; }
  KvClient& kv() { return *kv_; }
  AdminClient& admin() { return *admin_; }
  const std::string& server() const { return flags_.server; }

  Output& out() { return out_; }
  Talk& talk() { return talk_; }
  Interruption& interruption() { return interruption_; }

  // Each says what happened, and returns the exit code of a command that ends so.
  int Refuse(const std::string& usage_error);
  int Answer(const std::string& negative);
  int Fail(const absl::Status& error);
  // Says also whether the write may have happened.
  int FailWrite(const absl::Status& error);
  // `interrupted`: how far it came. For a command that was interrupted, or else failed.
  int Stop(const absl::Status& error, const std::string& interrupted);

  // Writes out what the command printed; the exit code, `exit_code` if that went well.
  int Finish(int exit_code = kExitOk);

 private:
  const ConnectionFlags flags_;
  // First: it blocks signals for the threads that the connection starts.
  Interruption interruption_;
  Talk talk_;
  Output out_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<KvClient> kv_;
  std::unique_ptr<AdminClient> admin_;
};

}  // namespace lumen::cli
