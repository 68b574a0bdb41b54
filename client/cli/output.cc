#include "client/cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace lumen::cli {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;
constexpr size_t kDefaultWidth = 80;

}  // namespace

bool Output::Write(std::string_view bytes) {
  if (reader_left_ || !error_.ok()) return false;
  buffer_ += bytes;
  return buffer_.size() < kBufferBytes || Flush();
}

bool Output::Flush() {
  size_t written = 0;
  while (written < buffer_.size() && !reader_left_ && error_.ok()) {
    const ssize_t count = write(fd_, buffer_.data() + written, buffer_.size() - written);
    if (count >= 0) {
      written += static_cast<size_t>(count);
    } else if (errno == EPIPE) {
      reader_left_ = true;
    } else if (errno != EINTR) {
      error_ = absl::ErrnoToStatus(errno, "cannot write the output");
    }
  }
  buffer_.clear();
  return !reader_left_ && error_.ok();
}

bool Output::is_terminal() const { return isatty(fd_) != 0; }

size_t Output::width() const {
  winsize size{};
  return ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kDefaultWidth;
}

}  // namespace lumen::cli
