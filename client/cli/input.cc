#include "client/cli/input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace lumen::cli {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;
// The largest value a server can take, every byte of it escaped, fits.
constexpr size_t kMaxBytes = size_t{256} << 20;

}  // namespace

Input::Input(std::string name, const Interruption& interruption)
    : name_(std::move(name)),
      shown_name_(name_ == "-" ? "standard input" : name_),
      interruption_(interruption) {}

Input::~Input() {
  if (fd_ > STDIN_FILENO) close(fd_);
}

absl::Status Input::Open() {
  fd_ = name_ == "-" ? STDIN_FILENO : open(name_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", shown_name_));
  return absl::OkStatus();
}

absl::StatusOr<bool> Input::Fill() {
  if (!interruption_.AwaitInput(fd_)) return absl::CancelledError("interrupted");
  buffer_.erase(0, begin_);
  begin_ = 0;
  const size_t held = buffer_.size();
  if (held > kMaxBytes) {
    return absl::OutOfRangeError(absl::StrCat(shown_name_, ": a line or value above 256 MiB"));
  }
  buffer_.resize(held + kReadBytes);
  const ssize_t count = read(fd_, buffer_.data() + held, kReadBytes);
  const int error = errno;
  buffer_.resize(held + (count > 0 ? static_cast<size_t>(count) : 0));
  if (count < 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot read ", shown_name_));
  return count > 0;
}

absl::StatusOr<std::optional<std::string>> Input::ReadLine() {
  size_t searched = begin_;
  while (true) {
    const size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(begin_, end - begin_);
      taken_bytes_ += line.size() + 1;
      begin_ = end + 1;
      return line;
    }
    const size_t held = buffer_.size() - begin_;
    ASSIGN_OR_RETURN(const bool more, Fill());
    searched = held;
    if (more) continue;
    if (held == 0) return std::nullopt;
    taken_bytes_ += held;
    return std::exchange(buffer_, std::string());
  }
}

absl::StatusOr<std::string> Input::ReadAll() {
  while (true) {
    ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more) return std::exchange(buffer_, std::string());
  }
}

uint64_t Input::size_bytes() const {
  struct stat status {};
  const bool regular = fstat(fd_, &status) == 0 && S_ISREG(status.st_mode);
  return regular ? static_cast<uint64_t>(status.st_size) : 0;
}

}  // namespace lumen::cli
