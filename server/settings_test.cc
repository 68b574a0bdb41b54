// What an operator types: precedence, sizes, and how a mistake is answered.
#include "server/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace lumen {
namespace {

using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

std::variant<Settings, Farewell> Parse(const std::vector<std::string>& arguments,
                                       const Variables& variables = {}) {
  return ParseSettings(arguments, [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

Settings Accept(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  const auto parsed = Parse(arguments, variables);
  if (const auto* farewell = std::get_if<Farewell>(&parsed)) ADD_FAILURE() << farewell->text;
  return std::get<Settings>(parsed);
}

std::string Refusal(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  const auto parsed = Parse(arguments, variables);
  const auto* farewell = std::get_if<Farewell>(&parsed);
  if (farewell == nullptr) return "accepted";
  EXPECT_EQ(farewell->exit_code, 2);
  return farewell->text;
}

TEST(Settings, DefaultsServeTheLoopbackInterface) {
  const Settings settings = Accept({});
  EXPECT_EQ(settings.listen, "127.0.0.1:50051");
  EXPECT_EQ(settings.data_dir, "./data");
  EXPECT_EQ(settings.max_value_bytes, 4u * 1024 * 1024 - 128 * 1024);
}

TEST(Settings, FlagBeatsOurVariableBeatsTheOriginalsBeatsTheDefault) {
  const Variables original = {{"DATA_DIR", "/original"}, {"BIND_ADDR", "0.0.0.0:1"}};
  EXPECT_EQ(Accept({}, original).data_dir, "/original");
  EXPECT_EQ(Accept({}, original).listen, "0.0.0.0:1");
  Variables both = original;
  both["LUMEN_DATA_DIR"] = "/ours";
  both["LUMEN_LISTEN"] = "[::1]:2";
  EXPECT_EQ(Accept({}, both).data_dir, "/ours");
  EXPECT_EQ(Accept({}, both).listen, "[::1]:2");
  EXPECT_EQ(Accept({"--data-dir", "/flag"}, both).data_dir, "/flag");
  EXPECT_EQ(Accept({"--listen=unix:/tmp/s"}, both).listen, "unix:/tmp/s");
}

TEST(Settings, EverySettingIsRead) {
  const Settings settings =
      Accept({"--memory-budget", "1GiB", "--memtable-size", "8MiB", "--wal-segment-size", "64KiB",
              "--max-value=1MB", "--log-level", "debug"},
             {{"LUMEN_LOG_FORMAT", "json"}});
  EXPECT_EQ(settings.memory_budget_bytes, 1u << 30);
  EXPECT_EQ(settings.memtable_bytes, 8u << 20);
  EXPECT_EQ(settings.wal_segment_bytes, 64u << 10);
  EXPECT_EQ(settings.max_value_bytes, 1'000'000u);
  EXPECT_EQ(settings.log.level, "debug");
  EXPECT_EQ(settings.log.format, LogFormat::kJson);
}

TEST(Settings, RefusalsNameTheFlagOrTheVariableAndTheReason) {
  EXPECT_THAT(Refusal({"--memtable-size", "-1"}), HasSubstr("--memtable-size: '-1' is not a size"));
  EXPECT_THAT(Refusal({}, {{"LUMEN_MEMTABLE_SIZE", "1mb"}}),
              HasSubstr("LUMEN_MEMTABLE_SIZE: '1mb'"));
  EXPECT_THAT(Refusal({"--memtable-size", "64B"}), HasSubstr("below the minimum of 64KiB"));
  EXPECT_THAT(Refusal({"--max-value", "17MiB"}), HasSubstr("between 1B and 16MiB"));
  EXPECT_THAT(Refusal({"--max-value", "0"}), HasSubstr("between 1B and 16MiB"));
  for (const char* address : {"nowhere", ":50051", "host:", "host:70000", "host:5x", "unix:"}) {
    EXPECT_THAT(Refusal({"--listen", address}), HasSubstr("is not an address"));
  }
  EXPECT_THAT(Refusal({"--log-level", "loud"}), HasSubstr("--log-level"));
  EXPECT_THAT(Refusal({"--log-format", "xml"}), HasSubstr("--log-format"));
  EXPECT_THAT(Refusal({"--data-dir", ""}), HasSubstr("--data-dir"));
  EXPECT_THAT(Refusal({}, {{"DATA_DIR", ""}}), HasSubstr("DATA_DIR: must not be empty"));
}

TEST(Settings, UnknownFlagIsAnsweredWithTheNearestOne) {
  EXPECT_THAT(Refusal({"--data-dri", "/x"}), HasSubstr("did you mean --data-dir?"));
  EXPECT_THAT(Refusal({"--memtablesize=1MiB"}), HasSubstr("did you mean --memtable-size?"));
  EXPECT_THAT(Refusal({"--frobnicate-everything"}), testing::Not(HasSubstr("did you mean")));
  EXPECT_THAT(Refusal({"stray"}), HasSubstr("unknown argument 'stray'"));
  EXPECT_THAT(Refusal({"--listen"}), HasSubstr("--listen"));
}

TEST(Settings, HelpAndVersionGoToStandardOutput) {
  for (const char* flag : {"--help", "--version"}) {
    const auto parsed = Parse({flag});
    ASSERT_TRUE(std::holds_alternative<Farewell>(parsed));
    EXPECT_EQ(std::get<Farewell>(parsed).exit_code, 0);
    EXPECT_THAT(std::get<Farewell>(parsed).text, HasSubstr("lumen-server"));
  }
}

}  // namespace
}  // namespace lumen
