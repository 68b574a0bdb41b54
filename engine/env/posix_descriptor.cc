#include "engine/env/posix_descriptor.h"

#include <fcntl.h>

#include <cerrno>

namespace lumen {

PosixDescriptor OpenDescriptor(const char* path, int flags) {
  constexpr int kMode = 0644;
  int number;
  do {
    number = ::open(path, flags | O_CLOEXEC, kMode);
  } while (number < 0 && errno == EINTR);
  return PosixDescriptor(number);
}

int WriteFully(int descriptor, std::string_view data, uint64_t offset) {
  while (!data.empty()) {
    const ssize_t written =
        ::pwrite(descriptor, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    // POSIX allows 0 here and says nothing more; looping on it could take forever.
    if (written == 0) return EIO;
    data.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return 0;
}

int64_t ReadFully(int descriptor, std::span<char> out, uint64_t offset) {
  size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t bytes = ::pread(descriptor, out.data() + filled, out.size() - filled,
                                  static_cast<off_t>(offset + filled));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return -1;
    if (bytes == 0) break;
    filled += static_cast<size_t>(bytes);
  }
  return static_cast<int64_t>(filled);
}

}  // namespace lumen
