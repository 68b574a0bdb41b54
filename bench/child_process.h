#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lumen::bench {

// A program run beside this one. It dies with its parent, or when this object goes.
class ChildProcess {
 public:
  // `output_path`: where its stdout and stderr go; empty: stdout comes to ReadLine, stderr stays.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      const std::vector<std::string>& command, const std::string& output_path);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // The next line of its stdout, without the newline. An error at the end.
  absl::StatusOr<std::string> ReadLine();
  // SIGKILL, then waits until it is gone.
  void Kill();
  // Waits. OK: it exited with 0.
  absl::Status Wait();
  bool running();
  // 0 once it has been waited for.
  pid_t pid() const { return pid_; }

 private:
  ChildProcess(pid_t pid, int output) : pid_(pid), output_(output) {}
  pid_t pid_;   // 0: reaped
  int output_;  // -1: none
  int exit_status_ = 0;
};

}  // namespace lumen::bench
