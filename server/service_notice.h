#pragma once

#include <functional>
#include <string>
#include <thread>

#include "engine/base/mutex.h"

// What systemd (Type=notify) is told, on the socket that NOTIFY_SOCKET names; without one, nothing.
namespace lumen {

// The service has started; `status` is one line for `systemctl status`.
void NoticeReady(const std::string& status);
void NoticeStatus(const std::string& status);
void NoticeStopping(const std::string& status);

// While it lives, systemd is told every second how far the work is, and asked to wait for it: for
// work that ends but not within a known time, a long recovery or a drain.
class LongWorkNotice {
 public:
  // `status` is called at once, then on a thread of its own. What it borrows must outlive this.
  explicit LongWorkNotice(std::function<std::string()> status);
  ~LongWorkNotice();
  LongWorkNotice(const LongWorkNotice&) = delete;
  LongWorkNotice& operator=(const LongWorkNotice&) = delete;

 private:
  void Repeat();

  const std::function<std::string()> status_;
  Mutex mutex_;
  CondVar changed_;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace lumen
