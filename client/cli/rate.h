#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "client/cli/talk.h"

namespace lumen::cli {

// How far a long command is and how fast: while it runs, on a terminal, and at its end. Not
// thread-safe.
class Rate {
 public:
  // `done` is the word for it: "imported".
  Rate(Talk& talk, std::string done);

  void Add(uint64_t entries, uint64_t bytes);
  uint64_t entries() const { return entries_; }
  uint64_t bytes() const { return bytes_; }
  // Since it was made, to the millisecond.
  double Seconds() const;
  // `part` of `whole`, when that is known (not 0), of whatever the command goes through.
  void Show(uint64_t part = 0, uint64_t whole = 0);
  // "imported 1,000 entries (1.2 MiB) in 0.1 s, 10,000 a second"
  std::string Summary() const;

 private:
  Talk& talk_;
  const std::string done_;
  const std::chrono::steady_clock::time_point start_;
  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace lumen::cli
