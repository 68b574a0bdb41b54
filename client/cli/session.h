#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "client/admin_client.h"
#include "client/cli/console.h"
#include "client/connection.h"
#include "client/kv_client.h"

namespace lumen::cli {

// As typed.
struct ConnectionFlags {
  std::string server;
  std::optional<std::string> timeout;
};

// The console of a command that talks to a server, and that server. Not thread-safe.
class Session : public Console {
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

  // Each says what happened, and returns the exit code of a command that ends so.
  int Fail(const absl::Status& error);
  // Says also whether the write may have happened.
  int FailWrite(const absl::Status& error);
  // `interrupted`: how far it came. For a command that was interrupted, or else failed.
  int Stop(const absl::Status& error, const std::string& interrupted);

 private:
  const ConnectionFlags flags_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<KvClient> kv_;
  std::unique_ptr<AdminClient> admin_;
};

}  // namespace lumen::cli
