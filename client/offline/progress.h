#pragma once

#include <cstdint>
#include <string>

#include "client/cli/talk.h"

namespace lumen {

// "verifying: 41 %" on a terminal, over and over on one line; nothing anywhere else.
class Progress {
 public:
  Progress(cli::Talk& talk, std::string what);
  ~Progress();  // leaves the line empty
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Show(uint64_t done, uint64_t total);

 private:
  cli::Talk& talk_;
  const std::string what_;
  uint64_t percent_ = 101;
};

}  // namespace lumen
