#include "bench/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace lumen::bench {
namespace {

absl::Status SystemError(const std::string& call) {
  return absl::InternalError(absl::StrCat(call, ": ", std::strerror(errno)));
}

// Between fork and exec of a process with threads: system calls only, and execvp, which in glibc
// allocates nothing.
[[noreturn]] void Become(char* const* arguments, int output, bool errors_too) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  if (errors_too) dup2(output, STDERR_FILENO);
  execvp(arguments[0], arguments);
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& command, const std::string& output_path) {
  int ends[2] = {-1, -1};  // read, write
  if (output_path.empty()) {
    if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe2");
  } else {
    ends[1] = open(output_path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
    if (ends[1] < 0) return SystemError(output_path);
  }
  std::vector<std::string> copies = command;
  std::vector<char*> arguments;
  for (std::string& argument : copies) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) Become(arguments.data(), ends[1], !output_path.empty());
  close(ends[1]);
  if (pid < 0) return SystemError("fork");
  return absl::WrapUnique(new ChildProcess(pid, ends[0]));
}

ChildProcess::~ChildProcess() {
  Kill();
  if (output_ >= 0) close(output_);
}

absl::StatusOr<std::string> ChildProcess::ReadLine() {
  std::string line;
  for (char c = 0;;) {
    const ssize_t got = read(output_, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return absl::InternalError("the child process said nothing more");
    if (c == '\n') return line;
    line.push_back(c);
  }
}

void ChildProcess::Kill() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  (void)Wait();
}

absl::Status ChildProcess::Wait() {
  while (pid_ != 0) {
    if (waitpid(pid_, &exit_status_, 0) == pid_) {
      pid_ = 0;
    } else if (errno != EINTR) {
      return SystemError("waitpid");
    }
  }
  if (WIFEXITED(exit_status_) && WEXITSTATUS(exit_status_) == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("the child process ended with wait status ", exit_status_));
}

bool ChildProcess::running() {
  if (pid_ != 0 && waitpid(pid_, &exit_status_, WNOHANG) == pid_) pid_ = 0;
  return pid_ != 0;
}

}  // namespace lumen::bench
