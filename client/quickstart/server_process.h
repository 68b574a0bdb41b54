#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace lumen::quickstart {

// lumen-server as a child process, its log appended to a file. It dies with this process unless
// detached. Not thread-safe.
class ServerProcess {
 public:
  struct Options {
    std::string binary;
    std::vector<std::string> arguments;
    std::string log_file;
    bool detached = false;  // outlives this process, in a session of its own
  };
  // INTERNAL: no child could be made. A binary that cannot be run ends with exit code 127.
  absl::Status Start(const Options& options);
  // Kills the process if it still runs and is not detached.
  ~ServerProcess();

  pid_t pid() const { return pid_; }
  // SIGKILL, and the process is gone on return.
  void Kill();
  // SIGTERM. Its exit code; DEADLINE_EXCEEDED and SIGKILL when it does not end in time.
  absl::Status Terminate(std::chrono::milliseconds timeout, int& exit_code);
  // What became of it, when it has ended by itself: "exit code 5", "signal 11".
  std::optional<std::string> Ended();

 private:
  pid_t pid_ = -1;
  bool detached_ = false;
};

// A TCP port of the loopback interface that is free now, below the range that connections are given
// ports from: a client that tries to reach a dead server cannot meet itself there. 0: none found.
int FindFreePort(uint64_t seed);

// Whether someone listens.
bool CanConnect(int port);

// The last lines of a text file.
std::string Tail(const std::string& path, size_t lines);

}  // namespace lumen::quickstart
