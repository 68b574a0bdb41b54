#include "server/service_notice.h"

#include <systemd/sd-daemon.h>

#include <chrono>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lumen {
namespace {

constexpr std::chrono::seconds kInterval{1};
// From each notice on. Long enough for a machine that is busy or suspended for a while.
constexpr std::chrono::microseconds kExtension = std::chrono::seconds(30);

// A failure is nobody's to handle: systemd then does what its timeouts say.
void Send(const std::string& notice) { sd_notify(0, notice.c_str()); }

void SendLongWork(const std::string& status) {
  Send(absl::StrCat("STATUS=", status, "\nEXTEND_TIMEOUT_USEC=", kExtension.count()));
}

}  // namespace

void NoticeReady(const std::string& status) { Send("READY=1\nSTATUS=" + status); }

void NoticeStatus(const std::string& status) { Send("STATUS=" + status); }

void NoticeStopping(const std::string& status) { Send("STOPPING=1\nSTATUS=" + status); }

LongWorkNotice::LongWorkNotice(std::function<std::string()> status) : status_(std::move(status)) {
  if (std::getenv("NOTIFY_SOCKET") == nullptr) return;
  SendLongWork(status_());
  thread_ = std::jthread([this] { Repeat(); });
}

LongWorkNotice::~LongWorkNotice() {
  MutexLock lock(mutex_);
  ended_ = true;
  changed_.NotifyAll();
}

void LongWorkNotice::Repeat() {
  auto next = std::chrono::steady_clock::now() + kInterval;
  MutexLock lock(mutex_);
  while (!ended_) {
    changed_.WaitUntil(mutex_, next);
    if (ended_ || std::chrono::steady_clock::now() < next) continue;
    SendLongWork(status_());
    next += kInterval;
  }
}

}  // namespace lumen
