#pragma once

#include <string>

#include "client/cli/interruption.h"
#include "client/cli/output.h"
#include "client/cli/talk.h"
#include "client/exit_codes.h"

namespace lumen::cli {

// What a command works with while it runs: its streams, signals that ask it to stop, and how it
// ends. Not thread-safe.
class Console {
 public:
  Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  Output& out() { return out_; }
  Talk& talk() { return talk_; }
  Interruption& interruption() { return interruption_; }

  // Each says what happened, and returns the exit code of a command that ends so.
  int Refuse(const std::string& usage_error);
  int Answer(const std::string& negative);

  // Writes out what the command printed; the exit code, `exit_code` if that went well.
  int Finish(int exit_code = kExitOk);

 private:
  // First: it blocks signals for the threads that a command starts.
  Interruption interruption_;
  Talk talk_;
  Output out_;
};

}  // namespace lumen::cli
