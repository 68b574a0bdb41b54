// What reaches the log is one parseable line, whatever a client put into a key; gRPC's and
// protobuf's own messages arrive too, and not too many of them. Method: standard error is captured.
#include "server/logging.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"
#include "engine/base/utf8.h"

namespace lumen {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;

// The lines that `log` writes.
template <typename Log>
std::vector<std::string> Captured(const LogOptions& options, const Log& log) {
  testing::internal::CaptureStderr();
  InstallLogging(options);
  log();
  spdlog::default_logger()->flush();
  return absl::StrSplit(testing::internal::GetCapturedStderr(), '\n', absl::SkipEmpty());
}

TEST(LineLimiter, PassesSoManyLinesASecondAndCountsTheRest) {
  LineLimiter limiter(2);
  const auto start = LineLimiter::TimePoint(std::chrono::hours(1));
  EXPECT_TRUE(limiter.Admit(start).pass);
  EXPECT_TRUE(limiter.Admit(start).pass);
  EXPECT_FALSE(limiter.Admit(start).pass);
  EXPECT_FALSE(limiter.Admit(start + std::chrono::milliseconds(999)).pass);
  const auto later = limiter.Admit(start + std::chrono::seconds(1));
  EXPECT_TRUE(later.pass);
  EXPECT_EQ(later.dropped_before, 2u);
  EXPECT_EQ(limiter.Admit(start + std::chrono::seconds(1)).dropped_before, 0u);
}

TEST(Escape, WhatWouldBreakAJsonStringIsEscaped) {
  EXPECT_EQ(EscapeJson("a\"b\\c\nd\x01\x7f"), "a\\\"b\\\\c\\u000ad\\u0001\\u007f");
  EXPECT_EQ(EscapeJson("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(EscapeJson("a\xff\xc3"), "a\\\\xff\\\\xc3");
}

TEST(Escape, EveryByteBecomesPrintableUtf8) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      for (const std::string& escaped : {EscapeJson(text), EscapeControls(text)}) {
        EXPECT_TRUE(IsUtf8(escaped)) << first << ' ' << second;
        EXPECT_EQ(escaped.find_first_of(std::string("\n\r\x1b\x7f\0", 5)), std::string::npos);
      }
    }
  }
}

TEST(Escape, TextKeepsWhatATerminalMayShow) {
  EXPECT_EQ(EscapeControls("\"gr\xc3\xbc\xc3\x9f\" \\"), "\"gr\xc3\xbc\xc3\x9f\" \\");
  EXPECT_EQ(EscapeControls("a\n2026 error: forged\x1b[2J\xff"),
            "a\\x0a2026 error: forged\\x1b[2J\\xff");
}

TEST(Log, AMessageIsOneLineInEitherFormat) {
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const auto lines =
        Captured({.format = format}, [] { spdlog::warn("key a\nb\r\"{}\"", "\xff"); });
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_THAT(lines[0], format == LogFormat::kText
                              ? EndsWith(R"( warning: key a\x0ab\x0d"\xff")")
                              : EndsWith(R"("message":"key a\u000ab\u000d\"\\xff\""})"));
  }
}

TEST(Log, LevelsChangeWhileOthersLog) {
  const auto lines = Captured({.level = "warn"}, [] {
    EXPECT_EQ(LogLevel(), "warn");
    spdlog::info("unheard");
    for (const char* level : {"trace", "debug", "info", "warn", "error", "off"}) {
      std::jthread other([] { spdlog::trace("heard once"); });
      EXPECT_TRUE(SetLogLevel(level).ok());
      other.join();
      EXPECT_EQ(LogLevel(), level);
    }
    EXPECT_TRUE(SetLogLevel("debug").ok());
    spdlog::debug("heard");
  });
  ASSERT_FALSE(lines.empty());
  EXPECT_THAT(lines.back(), EndsWith("debug: heard"));
  for (const std::string& line : lines) EXPECT_THAT(line, testing::Not(HasSubstr("unheard")));
}

TEST(Log, AnUnknownLevelIsRefusedAndChangesNothing) {
  Captured({.level = "error"}, [] {
    for (const char* level : {"", "loud", "INFO", "warning", "critical", "info "}) {
      const absl::Status status = SetLogLevel(level);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << level;
      EXPECT_THAT(std::string(status.message()), HasSubstr("trace debug info warn error off"));
    }
    EXPECT_EQ(LogLevel(), "error");
  });
}

TEST(Log, LibrariesLogThroughItAndAreRateLimited) {
  const auto lines = Captured({.level = "debug", .format = LogFormat::kJson}, [] {
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);  // as grpc_init does
    gpr_log("transport.cc", 7, GPR_LOG_SEVERITY_ERROR, "connection \"%s\" broken", "a");
    GOOGLE_LOG(ERROR) << "String field contains invalid UTF-8";
    for (int i = 0; i < 1000; ++i) gpr_log("x.cc", 1, GPR_LOG_SEVERITY_ERROR, "again");
  });
  ASSERT_GE(lines.size(), 2u);
  EXPECT_THAT(
      lines[0],
      HasSubstr(
          R"-("level":"warning","message":"gRPC: connection \"a\" broken (transport.cc:7)")-"));
  EXPECT_THAT(lines[1], HasSubstr(R"("level":"debug","message":"protobuf: String field)"));
  // A second may end between two of the thousand.
  EXPECT_LE(lines.size(), 2u * kLibraryLinesPerSecond + 1);
}

}  // namespace
}  // namespace lumen
