#include "client/quickstart/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/quickstart/random.h"

namespace lumen::quickstart {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(2);

// Only async-signal-safe calls: other threads of the parent may have held any lock.
[[noreturn]] void BecomeServer(const char* binary, char* const* arguments, int log_fd,
                               bool detached) {
  if (detached) {
    setsid();
  } else {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
  }
  dup2(log_fd, STDOUT_FILENO);
  dup2(log_fd, STDERR_FILENO);
  execv(binary, arguments);
  _exit(127);
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool WithSocket(int port, int (*attempt)(int, const sockaddr*, socklen_t)) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = Loopback(port);
  const bool done = attempt(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return done;
}

}  // namespace

absl::Status ServerProcess::Start(const Options& options) {
  std::vector<std::string> words = {options.binary};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int log_fd =
      open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log_fd < 0) return absl::InternalError(absl::StrCat("cannot write ", options.log_file));
  detached_ = options.detached;
  pid_ = fork();
  if (pid_ == 0) BecomeServer(options.binary.c_str(), arguments.data(), log_fd, detached_);
  close(log_fd);
  if (pid_ < 0) return absl::InternalError(absl::StrCat("fork: ", std::strerror(errno)));
  return absl::OkStatus();
}

ServerProcess::~ServerProcess() {
  if (!detached_) Kill();
}

void ServerProcess::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::optional<std::string> ServerProcess::Ended() {
  if (pid_ <= 0) return "not started";
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  if (WIFEXITED(status)) return absl::StrCat("exit code ", WEXITSTATUS(status));
  return absl::StrCat("signal ", WTERMSIG(status));
}

absl::Status ServerProcess::Terminate(std::chrono::milliseconds timeout, int& exit_code) {
  kill(pid_, SIGTERM);
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (std::chrono::steady_clock::now() < end) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      return absl::OkStatus();
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  Kill();
  return absl::DeadlineExceededError("the server does not end after SIGTERM");
}

int FindFreePort(uint64_t seed) {
  constexpr int kFirst = 20'000;
  constexpr int kCount = 10'000;
  constexpr int kAttempts = 200;
  Random random(seed);
  for (int i = 0; i < kAttempts; ++i) {
    const int port = kFirst + static_cast<int>(random.Below(kCount));
    if (!CanConnect(port) && WithSocket(port, bind)) return port;
  }
  return 0;
}

bool CanConnect(int port) { return WithSocket(port, connect); }

std::string Tail(const std::string& path, size_t lines) {
  std::ifstream file(path);
  std::deque<std::string> last;
  for (std::string line; std::getline(file, line);) {
    last.push_back(std::move(line));
    if (last.size() > lines) last.pop_front();
  }
  std::string text;
  for (const std::string& line : last) text += "  | " + line + '\n';
  return text;
}

}  // namespace lumen::quickstart
