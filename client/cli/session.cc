#include "client/cli/session.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/call_error.h"
#include "engine/base/quantity.h"

namespace lumen::cli {
namespace {

constexpr char kDefaultTimeout[] = "10s";

bool IsAddress(const std::string& text) {
  if (text.starts_with("unix:")) return text.size() > 5;
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  const std::string port = text.substr(colon + 1);
  return !port.empty() && port.size() <= 5 &&
         std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "put at HOST: words (INVALID_ARGUMENT, FIELD_TOO_LARGE)"
std::string Describe(const absl::Status& error) {
  const std::string reason = ErrorReason(error);
  return absl::StrCat(error.message(), " (", absl::StatusCodeToString(error.code()),
                      reason.empty() ? "" : ", ", reason, ")");
}

}  // namespace

Session::Session(ConnectionFlags flags) : flags_(std::move(flags)) {}

Session::~Session() = default;

std::optional<int> Session::Connect() {
  const auto timeout = ParseDuration(flags_.timeout.value_or(kDefaultTimeout));
  if (!timeout.ok()) return Refuse("--timeout: " + std::string(timeout.status().message()));
  if (timeout->count() == 0) return Refuse("--timeout: it has to be longer than nothing");
  if (!IsAddress(flags_.server)) {
    return Refuse("--server: '" + flags_.server +
                  "' is not an address: expected host:port or unix:path");
  }
  ConnectionOptions options{.server = flags_.server, .timeout = *timeout};
  if (flags_.timeout.has_value()) options.long_call_timeout = *timeout;
  options.cancellation = &interruption().cancellation();
  connection_ = std::make_unique<Connection>(options);
  const absl::Status connected = connection_->Connect();
  if (!connected.ok()) {
    if (interruption().exit_code() != 0) return Fail(connected);
    talk().Complain(std::string(connected.message()));
    return kExitCannotConnect;
  }
  kv_ = std::make_unique<KvClient>(*connection_);
  admin_ = std::make_unique<AdminClient>(*connection_);
  return std::nullopt;
}

int Session::Fail(const absl::Status& error) { return Stop(error, "interrupted"); }

int Session::FailWrite(const absl::Status& error) {
  if (!IsInDoubt(error)) return Fail(error);
  constexpr char kDoubt[] = "; the write may or may not have happened";
  if (interruption().exit_code() != 0) return Stop(error, absl::StrCat("interrupted", kDoubt));
  talk().Complain(Describe(error) + kDoubt);
  return Finish(kExitServerError);
}

int Session::Stop(const absl::Status& error, const std::string& interrupted) {
  // What came before the error is printed before it is spoken of.
  const int printed = Finish();
  if (const int code = interruption().exit_code(); code != 0) {
    talk().Complain(interrupted);
    return code;
  }
  if (printed != kExitOk) return printed;
  talk().Complain(Describe(error));
  return error.code() == absl::StatusCode::kDataLoss ? kExitCorruption : kExitServerError;
}

}  // namespace lumen::cli
