#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lumen {

struct ClientOptions {
  std::string server = "127.0.0.1:50051";  // host:port or unix:path
  // Of each call, from its start to its answer.
  std::chrono::milliseconds timeout{10'000};
};

// Talks kv.KeyValueStore to one server over one connection of its own, which is made when first
// needed and made again when it breaks. Thread-safe.
//
// Errors keep the server's code and words (proto/kv.proto lists them); a message starts with the
// call and the server. A write that failed with UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED or
// UNKNOWN is in doubt: it may or may not have happened, or still happen. Nothing is retried here.
class Client {
 public:
  using Done = std::function<void(absl::Status)>;
  using GetDone = std::function<void(absl::StatusOr<std::optional<std::string>>)>;
  using DeleteDone = std::function<void(absl::StatusOr<bool>)>;

  explicit Client(ClientOptions options);
  // Waits for the calls under way, and so must not run inside a callback.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // OK: the value survives the server's crash and its power loss.
  absl::Status Put(std::string_view key, std::string_view value);
  // Empty: the key is absent.
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key);
  // Whether the key existed. OK: its absence survives crash and power loss.
  absl::StatusOr<bool> Delete(std::string_view key);

  // The same without blocking. `done` runs once, on one of gRPC's threads; it must not block, and
  // may start the next call.
  void PutAsync(std::string_view key, std::string_view value, Done done);
  void GetAsync(std::string_view key, GetDone done);
  void DeleteAsync(std::string_view key, DeleteDone done);

  // UNAVAILABLE: no connection within `timeout`, tried again and again until then.
  absl::Status WaitUntilConnected(std::chrono::milliseconds timeout);
  // DEADLINE_EXCEEDED: the server's health did not become SERVING within `timeout`. UNAVAILABLE:
  // the connection broke meanwhile.
  absl::Status WaitUntilServing(std::chrono::milliseconds timeout);

 private:
  struct Connection;
  class OpenCalls;
  const ClientOptions options_;
  const std::unique_ptr<Connection> connection_;
  const std::unique_ptr<OpenCalls> open_calls_;
};

}  // namespace lumen
