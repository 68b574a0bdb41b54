#pragma once

#include <unistd.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace lumen {

// Owns a file descriptor, or -1.
class PosixDescriptor {
 public:
  explicit PosixDescriptor(int number = -1) : number_(number) {}
  ~PosixDescriptor() {
    // The result is ignored: what close could report, a Sync before it would have.
    if (number_ >= 0) ::close(number_);
  }
  PosixDescriptor(PosixDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  PosixDescriptor& operator=(PosixDescriptor&&) = delete;

  int number() const { return number_; }

 private:
  int number_;
};

// open(2), begun again when a signal interrupts it. -1 and errno on error.
PosixDescriptor OpenDescriptor(const char* path, int flags);

// Writes all of `data` at `offset`, over short writes and EINTR. 0, or the errno.
int WriteFully(int descriptor, std::string_view data, uint64_t offset);

// Fills `out` from `offset`, over short reads and EINTR, up to the end of the file. The bytes read,
// or -1 with errno.
int64_t ReadFully(int descriptor, std::span<char> out, uint64_t offset);

}  // namespace lumen
