#include "client/cli/long_step.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/bytes_text.h"

namespace lumen::cli {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

LongStep::LongStep(Talk& talk, std::string what, std::string_view format,
                   std::function<std::string()> known)
    : talk_(talk), what_(std::move(what)), known_(std::move(known)) {
  if (talk.is_terminal() && !format.starts_with("json")) {
    thread_ = std::thread([this] { Show(); });
  }
}

LongStep::~LongStep() {
  if (!thread_.joinable()) return;
  ended_.Cancel();
  thread_.join();
  talk_.ClearProgress();
}

void LongStep::Show() {
  const auto start = std::chrono::steady_clock::now();
  while (ended_.SleepFor(kInterval)) {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start);
    const std::string known = known_ ? ", " + known_() : "";
    talk_.ReplaceProgress(
        absl::StrCat(what_, ": ", RoundedSeconds(static_cast<uint64_t>(seconds.count())), known));
  }
}

}  // namespace lumen::cli
