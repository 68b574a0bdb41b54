#include "server/logging.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "engine/base/mutex.h"
#include "engine/base/utf8.h"

namespace lumen {
namespace {

constexpr std::array<std::string_view, 6> kLevels = {"trace", "debug", "info",
                                                     "warn",  "error", "off"};

// The message, escaped.
class EscapedMessage final : public spdlog::custom_flag_formatter {
 public:
  explicit EscapedMessage(std::string (*escape)(std::string_view)) : escape_(escape) {}
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    const std::string escaped =
        escape_(std::string_view(message.payload.data(), message.payload.size()));
    out.append(escaped.data(), escaped.data() + escaped.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<EscapedMessage>(escape_);
  }

 private:
  std::string (*const escape_)(std::string_view);
};

std::unique_ptr<spdlog::formatter> MakeFormatter(LogFormat format) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  if (format == LogFormat::kText) {
    formatter->add_flag<EscapedMessage>('*', EscapeControls)
        .set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l: %*");
  } else {
    formatter->add_flag<EscapedMessage>('*', EscapeJson)
        .set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":"%*"})");
  }
  return formatter;
}

// The libraries' hooks take plain functions, hence this one static.
void LogLibraryLine(spdlog::level::level_enum level, std::string_view library, const char* file,
                    int line, std::string_view message) {
  static Mutex mutex;
  static LineLimiter limiter(kLibraryLinesPerSecond);
  LineLimiter::Verdict verdict;
  {
    MutexLock lock(mutex);
    verdict = limiter.Admit(std::chrono::steady_clock::now());
  }
  if (!verdict.pass) return;
  if (verdict.dropped_before > 0) {
    spdlog::warn("{} library messages left out", verdict.dropped_before);
  }
  spdlog::log(level, "{}: {} ({}:{})", library, message, file, line);
}

void LogGrpc(gpr_log_func_args* arguments) {
  // Several of gRPC's errors are a client's doing (a broken connection, a scan of the port).
  const auto level =
      arguments->severity == GPR_LOG_SEVERITY_ERROR ? spdlog::level::warn : spdlog::level::debug;
  LogLibraryLine(level, "gRPC", arguments->file, arguments->line, arguments->message);
}

void LogProtobuf(google::protobuf::LogLevel level, const char* file, int line,
                 const std::string& message) {
  // "Contains invalid UTF-8" comes as an error; the client has been told.
  const auto severity =
      level == google::protobuf::LOGLEVEL_FATAL ? spdlog::level::err : spdlog::level::debug;
  LogLibraryLine(severity, "protobuf", file, line, message);
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

void AppendHex(std::string& out, std::string_view prefix, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out += prefix;
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

}  // namespace

bool IsLogLevel(std::string_view level) {
  return std::find(kLevels.begin(), kLevels.end(), level) != kLevels.end();
}

absl::Status SetLogLevel(std::string_view level) {
  if (!IsLogLevel(level)) {
    return absl::InvalidArgumentError("'" + EscapeControls(level) +
                                      "' is not one of trace debug info warn error off");
  }
  spdlog::default_logger_raw()->set_level(spdlog::level::from_str(std::string(level)));
  return absl::OkStatus();
}

std::string LogLevel() {
  switch (spdlog::default_logger_raw()->level()) {
    case spdlog::level::trace:
      return "trace";
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warn";
    case spdlog::level::err:
    case spdlog::level::critical:
      return "error";
    default:
      return "off";
  }
}

void InstallLogging(const LogOptions& options) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("lumen", std::move(sink));
  logger->set_formatter(MakeFormatter(options.format));
  logger->set_level(spdlog::level::from_str(options.level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(&LogGrpc);
  google::protobuf::SetLogHandler(&LogProtobuf);
}

void LogEngineEvent(EventLevel level, std::string_view message) {
  switch (level) {
    case EventLevel::kDebug:
      return spdlog::debug("engine: {}", message);
    case EventLevel::kInfo:
      return spdlog::info("engine: {}", message);
    case EventLevel::kWarning:
      return spdlog::warn("engine: {}", message);
    case EventLevel::kError:
      return spdlog::error("engine: {}", message);
  }
}

LineLimiter::Verdict LineLimiter::Admit(TimePoint now) {
  if (now - window_start_ >= std::chrono::seconds(1)) {
    window_start_ = now;
    passed_in_window_ = 0;
  }
  if (passed_in_window_ >= lines_per_second_) {
    ++dropped_;
    return {};
  }
  ++passed_in_window_;
  return {.pass = true, .dropped_before = std::exchange(dropped_, 0)};
}

std::string EscapeJson(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    const char c = text[0];
    if (length == 0) {
      AppendHex(out, "\\\\x", c);
    } else if (IsControl(c)) {
      AppendHex(out, "\\u00", c);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max(length, size_t{1}));
  }
  return out;
}

std::string EscapeControls(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0 || IsControl(text[0])) {
      AppendHex(out, "\\x", text[0]);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max(length, size_t{1}));
  }
  return out;
}

}  // namespace lumen
