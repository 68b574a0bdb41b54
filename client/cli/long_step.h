#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "client/cancellation.h"
#include "client/cli/talk.h"

namespace lumen::cli {

// A step of a command that may take long and does not say itself how far it is. On a terminal, once
// it has taken a second, it shows what is done, for how long, and what is known of it: "compacting:
// 12 s"; erased at its end. With JSON nothing: a program reads it.
//
// While it is there nobody else may use the Talk: a thread of its own does.
class LongStep {
 public:
  // `known` is called on that thread.
  LongStep(Talk& talk, std::string what, std::string_view format,
           std::function<std::string()> known = {});
  ~LongStep();
  LongStep(const LongStep&) = delete;
  LongStep& operator=(const LongStep&) = delete;

 private:
  void Show();

  Talk& talk_;
  const std::string what_;
  const std::function<std::string()> known_;
  Cancellation ended_;
  std::thread thread_;  // none where nothing is shown
};

}  // namespace lumen::cli
