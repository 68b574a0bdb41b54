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

namespace lumen {
namespace {

constexpr std::array<std::string_view, 6> kLevels = {"trace", "debug", "info",
                                                     "warn",  "error", "off"};

class JsonMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    const std::string escaped =
        EscapeJson(std::string_view(message.payload.data(), message.payload.size()));
    out.append(escaped.data(), escaped.data() + escaped.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonMessage>();
  }
};

std::unique_ptr<spdlog::formatter> MakeFormatter(LogFormat format) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  if (format == LogFormat::kText) {
    formatter->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l: %v");
  } else {
    formatter->add_flag<JsonMessage>('*').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":"%*"})");
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

}  // namespace

bool IsLogLevel(std::string_view level) {
  return std::find(kLevels.begin(), kLevels.end(), level) != kLevels.end();
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
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace lumen
