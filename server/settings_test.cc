// What an operator writes: precedence of flag, variable, file and default, and how each mistake is
// answered. Method: command lines and environments as values, files in a temporary folder.
#include "server/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "server/listen_address.h"
#include "server/setting_table.h"

namespace lumen {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using Arguments = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

Settings Accept(const Arguments& arguments, const Variables& variables = {}) {
  const auto parsed = ParseSettings(arguments, variables);
  if (const auto* farewell = std::get_if<Farewell>(&parsed)) {
    ADD_FAILURE() << farewell->text;
    return {};
  }
  return std::get<Settings>(parsed);
}

std::string Refusal(const Arguments& arguments, const Variables& variables = {}) {
  const auto parsed = ParseSettings(arguments, variables);
  const auto* farewell = std::get_if<Farewell>(&parsed);
  if (farewell == nullptr) return "accepted";
  EXPECT_EQ(farewell->exit_code, 2);
  return farewell->text;
}

std::string Printed(Arguments arguments, const Variables& variables = {}) {
  arguments.push_back("--print-config");
  const auto parsed = ParseSettings(arguments, variables);
  const auto& farewell = std::get<Farewell>(parsed);
  EXPECT_EQ(farewell.exit_code, 0) << farewell.text;
  return farewell.text;
}

SettingValue ValueOf(const Settings& settings, const std::string& name) {
  for (const SettingValue& value : settings.values) {
    if (value.name == name) return value;
  }
  ADD_FAILURE() << "no setting " << name;
  return {};
}

// A configuration file for the length of a test.
class File {
 public:
  explicit File(const std::string& content)
      : path_(testing::TempDir() + "settings_test." + std::to_string(getpid()) + ".toml") {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~File() { std::remove(path_.c_str()); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }
  Arguments flag() const { return {"--config", path_}; }

 private:
  const std::string path_;
};

// What is said about a file of this content, without its path.
std::string FileRefusal(const std::string& content) {
  const File file(content);
  std::string text = Refusal(file.flag());
  const std::string prefix = "lumen-server: " + file.path() + ":";
  EXPECT_THAT(text, StartsWith(prefix));
  return text.substr(std::min(prefix.size(), text.size()));
}

TEST(Settings, DefaultsServeTheLoopbackInterface) {
  const Settings settings = Accept({});
  EXPECT_EQ(settings.listen, "127.0.0.1:50051");
  EXPECT_EQ(settings.data_dir, "./data");
  EXPECT_EQ(settings.max_value_bytes, 4u * 1024 * 1024 - 128 * 1024);
  EXPECT_FALSE(settings.insecure);
  for (const SettingValue& value : settings.values) EXPECT_EQ(value.source, "default");
}

TEST(Settings, FlagBeatsOurVariableBeatsTheOriginalsBeatsTheFileBeatsTheDefault) {
  const File file("[storage]\ndata_dir = '/file'\n");
  const auto source = [](const Settings& settings) {
    return settings.data_dir + " " + ValueOf(settings, "storage.data_dir").source;
  };
  Arguments arguments;
  Variables variables;
  EXPECT_EQ(source(Accept(arguments, variables)), "./data default");
  arguments = file.flag();
  EXPECT_EQ(source(Accept(arguments, variables)), "/file file " + file.path() + ":2");
  variables["DATA_DIR"] = "/original";
  EXPECT_EQ(source(Accept(arguments, variables)), "/original environment DATA_DIR");
  variables["LUMEN_DATA_DIR"] = "/ours";
  EXPECT_EQ(source(Accept(arguments, variables)), "/ours environment LUMEN_DATA_DIR");
  arguments.insert(arguments.end(), {"--data-dir", "/flag"});
  EXPECT_EQ(source(Accept(arguments, variables)), "/flag flag --data-dir");
}

TEST(Settings, TheFileIsNamedByFlagOrVariable) {
  const File file("[limits]\nmax_key = '1KiB'\n");
  EXPECT_EQ(Accept(file.flag()).max_key_bytes, 1024u);
  EXPECT_EQ(Accept({}, {{"LUMEN_CONFIG", file.path()}}).max_key_bytes, 1024u);
  EXPECT_EQ(Accept(file.flag(), {{"LUMEN_CONFIG", "/nonexistent"}}).max_key_bytes, 1024u);
}

TEST(Settings, EachIsReadFromItsFlag) {
  const Settings s = Accept({"--data-dir=/d",
                             "--memory-budget=1GiB",
                             "--memtable-size=8MiB",
                             "--wal-segment-size=64KiB",
                             "--wal-lz4",
                             "--block-size=8KiB",
                             "--bloom-bits-per-key=0",
                             "--lz4-from-level=2",
                             "--on-sync-error=exit",
                             "--listen=0.0.0.0:1",
                             "--insecure",
                             "--read-threads=7",
                             "--drain-timeout=1m",
                             "--max-key=1kB",
                             "--max-value=1MB",
                             "--max-batch-bytes=2MiB",
                             "--max-batch-operations=77",
                             "--max-calls=9",
                             "--max-call-bytes=4MiB",
                             "--max-scans=8",
                             "--max-scan-bytes=3MiB",
                             "--max-queued-reads=6",
                             "--log-level=debug",
                             "--log-format=json",
                             "--slow-request=0"});
  EXPECT_EQ(s.data_dir, "/d");
  EXPECT_EQ(s.memory_budget_bytes, 1u << 30);
  EXPECT_EQ(s.memtable_bytes, 8u << 20);
  EXPECT_EQ(s.wal_segment_bytes, 64u << 10);
  EXPECT_TRUE(s.wal_lz4);
  EXPECT_EQ(s.block_bytes, 8192u);
  EXPECT_EQ(s.bloom_bits_per_key, 0u);
  EXPECT_EQ(s.lz4_from_level, 2u);
  EXPECT_EQ(s.on_sync_error, OnSyncError::kExit);
  EXPECT_EQ(s.listen, "0.0.0.0:1");
  EXPECT_TRUE(s.insecure);
  EXPECT_EQ(s.read_threads, 7u);
  EXPECT_EQ(s.drain_timeout, std::chrono::minutes(1));
  EXPECT_EQ(s.max_key_bytes, 1000u);
  EXPECT_EQ(s.max_value_bytes, 1'000'000u);
  EXPECT_EQ(s.max_batch_bytes, 2u << 20);
  EXPECT_EQ(s.max_batch_operations, 77u);
  EXPECT_EQ(s.max_calls, 9u);
  EXPECT_EQ(s.max_call_bytes, 4u << 20);
  EXPECT_EQ(s.max_scans, 8u);
  EXPECT_EQ(s.max_scan_bytes, 3u << 20);
  EXPECT_EQ(s.max_queued_reads, 6u);
  EXPECT_EQ(s.log.level, "debug");
  EXPECT_EQ(s.log.format, LogFormat::kJson);
  EXPECT_EQ(s.slow_request.count(), 0);
  for (const SettingValue& value : s.values) EXPECT_THAT(value.source, StartsWith("flag --"));
}

// The printed configuration is a file, and names every setting: so it tests the file's side of
// each.
TEST(Settings, ThePrintedConfigurationReadsBackAsAFile) {
  const std::string printed =
      Printed({"--wal-lz4", "--lz4-from-level=2", "--listen=unix:/tmp/\"s\"\\", "--insecure",
               "--slow-request=0", "--max-batch-operations=77", "--on-sync-error=exit"},
              {{"LUMEN_MEMTABLE_SIZE", "8MiB"}, {"DATA_DIR", "/d\xc3\xbc\n"}});
  const File file(printed);
  const Settings settings = Accept(file.flag());
  for (const SettingValue& value : settings.values) {
    EXPECT_THAT(value.source, StartsWith("file " + file.path() + ":")) << value.name;
  }
  EXPECT_EQ(settings.listen, "unix:/tmp/\"s\"\\");
  EXPECT_EQ(settings.data_dir, "/d\xc3\xbc\n");
  EXPECT_EQ(settings.lz4_from_level, 2u);
  EXPECT_EQ(settings.slow_request.count(), 0);
  EXPECT_TRUE(settings.wal_lz4);
  EXPECT_EQ(settings.memtable_bytes, 8u << 20);
  std::string again = Printed(file.flag());
  EXPECT_EQ(std::count(again.begin(), again.end(), '\n'),
            std::count(printed.begin(), printed.end(), '\n'));
}

TEST(Settings, ThePrintedConfigurationNamesTheSources) {
  const File file("\n[logging]\nlog_level = 'debug'\n");
  Arguments arguments = file.flag();
  arguments.insert(arguments.end(), {"--read-threads", "9"});
  const std::string printed =
      Printed(arguments, {{"LUMEN_MAX_KEY", "1KiB"}, {"LUMEN_MAX_KEYS", "x"}});
  EXPECT_THAT(printed, HasSubstr("\n[logging]\nlog_level = \"debug\""));
  EXPECT_THAT(printed, HasSubstr("  # file " + file.path() + ":3\n"));
  EXPECT_THAT(printed, testing::ContainsRegex("read_threads = 9 +# flag --read-threads\n"));
  EXPECT_THAT(printed, testing::ContainsRegex("max_key = \"1KiB\" +# environment LUMEN_MAX_KEY\n"));
  EXPECT_THAT(printed, testing::ContainsRegex("data_dir = \"./data\" +# default\n"));
  EXPECT_THAT(printed, HasSubstr("# warning: the environment variable LUMEN_MAX_KEYS"));
}

TEST(Settings, RefusalsNameTheFlagOrTheVariableAndTheReason) {
  EXPECT_THAT(Refusal({"--memtable-size", "-1"}), HasSubstr("--memtable-size: '-1' is not a size"));
  EXPECT_THAT(Refusal({}, {{"LUMEN_MEMTABLE_SIZE", "1mb"}}),
              HasSubstr("LUMEN_MEMTABLE_SIZE: '1mb'"));
  EXPECT_THAT(Refusal({"--memtable-size", "64"}), HasSubstr("it has no unit"));
  EXPECT_THAT(Refusal({"--memtable-size", "64B"}), HasSubstr("64B is below the minimum of 64KiB"));
  EXPECT_THAT(Refusal({"--wal-segment-size", "65537B"}), HasSubstr("not a multiple of 4KiB"));
  EXPECT_THAT(Refusal({"--max-value", "17MiB"}), HasSubstr("17MiB is above the maximum of 16MiB"));
  EXPECT_THAT(Refusal({"--max-value", "0"}), HasSubstr("below the minimum of 1B"));
  EXPECT_THAT(Refusal({"--max-value", "nan"}), HasSubstr("'nan' is not a size"));
  EXPECT_THAT(Refusal({"--memory-budget", "16777216TiB"}), HasSubstr("above 16 EiB"));
  EXPECT_THAT(Refusal({"--drain-timeout", "5"}), HasSubstr("it has no unit"));
  EXPECT_THAT(Refusal({"--drain-timeout", "2h"}), HasSubstr("2h is above the maximum of 1h"));
  for (const char* count : {"-1", "", "4.0", "1e3", "nan", "4 ", "0x4"}) {
    EXPECT_THAT(Refusal({"--read-threads=1", "--max-calls", count}),
                testing::AnyOf(HasSubstr("is not a whole number; expected a whole number from 1"),
                               HasSubstr("--max-calls")));
  }
  EXPECT_THAT(Refusal({}, {{"LUMEN_READ_THREADS", "-1"}}), HasSubstr("'-1' is not a whole number"));
  EXPECT_THAT(Refusal({}, {{"LUMEN_READ_THREADS", "99999999999999999999"}}),
              HasSubstr("is too large; expected a whole number from 1 to 256"));
  EXPECT_THAT(Refusal({"--lz4-from-level", "all"}), HasSubstr("from 0 to 7, or \"none\""));
  EXPECT_THAT(Refusal({}, {{"LUMEN_INSECURE", "1"}}),
              HasSubstr("'1' is not understood; expected true or false"));
  EXPECT_THAT(Refusal({"--insecure=maybe"}),
              HasSubstr("'maybe' is not understood; expected true or false"));
  EXPECT_THAT(Refusal({"--log-level", "loud"}),
              HasSubstr("expected one of trace debug info warn error"));
  EXPECT_THAT(Refusal({"--log-format", "xml"}), HasSubstr("--log-format"));
  EXPECT_THAT(Refusal({"--on-sync-error", "retry"}), HasSubstr("expected one of read-only exit"));
  EXPECT_THAT(Refusal({"--data-dir", ""}), HasSubstr("--data-dir"));
  EXPECT_THAT(Refusal({}, {{"DATA_DIR", ""}}), HasSubstr("DATA_DIR: must not be empty"));
}

TEST(Settings, UnknownFlagIsAnsweredWithTheNearestOne) {
  EXPECT_THAT(Refusal({"--data-dri", "/x"}), HasSubstr("did you mean --data-dir?"));
  EXPECT_THAT(Refusal({"--memtablesize=1MiB"}), HasSubstr("did you mean --memtable-size?"));
  EXPECT_THAT(Refusal({"--print-cfg"}), HasSubstr("did you mean --print-config?"));
  EXPECT_THAT(Refusal({"--frobnicate-everything"}), Not(HasSubstr("did you mean")));
  EXPECT_THAT(Refusal({"stray"}), HasSubstr("unknown argument 'stray'"));
  EXPECT_THAT(Refusal({"--listen"}), HasSubstr("--listen"));
}

TEST(Settings, VariablesThatLookLikeOursAreWarnedOf) {
  EXPECT_THAT(
      Accept({}, {{"LUMEN_MEMTABEL_SIZE", "8MiB"}, {"LUMEN_CONFG", "x"}}).warnings,
      ElementsAre(
          "the environment variable LUMEN_CONFG is not a setting; did you mean LUMEN_CONFIG?",
          "the environment variable LUMEN_MEMTABEL_SIZE is not a setting; did you mean "
          "LUMEN_MEMTABLE_SIZE?"));
  // Of other programs, or settings.
  EXPECT_THAT(Accept({}, {{"LUMEN_TEST_STAGES", "x"},
                          {"LUMEN_SERVER", "x"},
                          {"LUMEN_OFFLINE", "1"},
                          {"LUMEN_CRASH_SUITE", "ci"},
                          {"LUMEN_MAX_KEY", "1KiB"},
                          {"DATA_DRI", "x"}})
                  .warnings,
              IsEmpty());
}

TEST(Settings, WhatDoesNotGoTogetherIsRefusedWithBothSources) {
  EXPECT_THAT(Refusal({"--max-batch-bytes=1MiB"}),
              AllOf(HasSubstr("limits.max_batch_bytes = 1MiB (flag --max-batch-bytes)"),
                    HasSubstr("limits.max_value = 3968KiB (default)")));
  EXPECT_THAT(Refusal({"--max-call-bytes=33MiB"}),
              HasSubstr("is less than twice the largest batch: limits.max_batch_bytes = 17MiB"));
  EXPECT_THAT(Refusal({"--max-scan-bytes=8063KiB"}),
              HasSubstr("is less than twice the largest entry: limits.max_key = 64KiB"));
  EXPECT_EQ(Accept({"--max-scan-bytes=8064KiB"}).max_scan_bytes, 8064u << 10);
}

TEST(Settings, WhatIsSeldomMeantIsWarnedOf) {
  EXPECT_THAT(Accept({}).warnings, IsEmpty());
  EXPECT_THAT(Accept({"--memory-budget=1MiB"}).warnings,
              ElementsAre(HasSubstr("three memtables of 64MiB")));
  EXPECT_THAT(Accept({"--listen=0.0.0.0:1", "--insecure"}).warnings,
              ElementsAre(HasSubstr("0.0.0.0:1 without TLS")));
}

TEST(Settings, HelpAndVersionGoToStandardOutput) {
  for (const char* flag : {"--help", "--version"}) {
    const auto parsed = ParseSettings({flag}, {});
    ASSERT_TRUE(std::holds_alternative<Farewell>(parsed));
    EXPECT_EQ(std::get<Farewell>(parsed).exit_code, 0);
    EXPECT_THAT(std::get<Farewell>(parsed).text, HasSubstr("lumen-server"));
  }
}

TEST(Settings, HelpNamesEveryFlagWithItsDefaultAndVariables) {
  const std::string help = std::get<Farewell>(ParseSettings({"--help"}, {})).text;
  Settings defaults;
  for (const Setting& setting : AllSettings(defaults)) {
    EXPECT_THAT(help, HasSubstr("\n  " + setting.flag()));
    EXPECT_THAT(help,
                HasSubstr("default " + setting.show() + "; env " + setting.variables().front()));
  }
  EXPECT_THAT(help, AllOf(HasSubstr("LUMEN_DATA_DIR or DATA_DIR"), HasSubstr("env LUMEN_CONFIG")));
}

TEST(Settings, HelpNamesTheValueOfEveryFlagThatTakesOne) {
  const std::string help = std::get<Farewell>(ParseSettings({"--help"}, {})).text;
  for (const char* flag : {"--data-dir DIR ", "--memory-budget SIZE ", "--listen ADDRESS ",
                           "--drain-timeout TIME ", "--max-calls N ", "--log-level WORD "}) {
    EXPECT_THAT(help, HasSubstr(flag));
  }
  Settings defaults;
  for (const Setting& setting : AllSettings(defaults)) {
    EXPECT_EQ(setting.value_name.empty(), setting.kind == Setting::Kind::kBool) << setting.name;
  }
}

TEST(Settings, AFlagWithoutItsValueIsToldWhatItTakes) {
  EXPECT_THAT(Refusal({"--listen"}),
              StartsWith("lumen-server: --listen needs a value; expected host:port, "));
  EXPECT_THAT(Refusal({"--config"}), StartsWith("lumen-server: --config needs a value: "));
}

TEST(Settings, AllWrongValuesAreToldAtOnceWhereverTheyAre) {
  const std::string refusal =
      Refusal({"--max-key", "70KiB"}, {{"LUMEN_READ_THREADS", "0"}, {"LUMEN_DRAIN_TIMEOUT", "5"}});
  EXPECT_THAT(refusal, AllOf(HasSubstr("--max-key: "), HasSubstr("\nLUMEN_DRAIN_TIMEOUT: "),
                             HasSubstr("LUMEN_READ_THREADS: ")));
  EXPECT_THAT(FileRefusal("[limits]\nmax_key = '70KiB'\nmax_value = '1'\n"),
              AllOf(HasSubstr("2:"), HasSubstr("70KiB"), HasSubstr("3:"), HasSubstr("'1'")));
}

TEST(Settings, NoTwoHaveTheSameName) {
  Settings defaults;
  std::vector<std::string> names;
  for (const Setting& setting : AllSettings(defaults)) names.push_back(setting.name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(ConfigFile, UnknownKeysAreRefusedWithTheirPlaceAndTheNearestName) {
  EXPECT_THAT(FileRefusal("[serving]\nlisten = '[::1]:1'\n  lisen = 'x'\n"),
              StartsWith("3:3: unknown key 'serving.lisen'; did you mean 'serving.listen'?"));
  EXPECT_THAT(FileRefusal("[serving]\nmax_value = '1MiB'\n"),
              StartsWith("2:1: unknown key 'serving.max_value'; max_value belongs in the table "
                         "[limits]"));
  EXPECT_THAT(FileRefusal("[serving]\nmax_valeu = '1MiB'\n"),
              StartsWith("2:1: unknown key 'serving.max_valeu'; did you mean 'limits.max_value'?"));
  EXPECT_THAT(FileRefusal("listen = 'x'\n"),
              StartsWith("1:1: unknown key 'listen'; listen belongs in the table [serving]"));
  EXPECT_THAT(FileRefusal("[storge]\n"), StartsWith("1:2: unknown table 'storge'; did you mean "
                                                    "[storage]?"));
  EXPECT_THAT(FileRefusal("serving.lissten = 'x'\n"),
              StartsWith("1:9: unknown key 'serving.lissten'; did you mean 'serving.listen'?"));
  EXPECT_THAT(FileRefusal("[frobnication]\nx = 1\n"),
              AllOf(StartsWith("1:2: unknown key 'frobnication'; "), HasSubstr("--print-config")));
  EXPECT_THAT(FileRefusal("[serving]\n\"a\\u001b\\n\" = 1\n"),
              StartsWith("2:1: unknown key 'serving.a\\x1b\\x0a'"));
}

TEST(ConfigFile, WrongValuesAreRefusedWithTheirPlaceAndWhatWasExpected) {
  const std::map<std::string, std::string> refusals = {
      {"[storage]\nmemtable_size = '1mb'\n",
       "2:17: storage.memtable_size: '1mb' is not a size: the unit must be one of B"},
      {"[storage]\nmemtable_size = 64\n",
       "2:17: storage.memtable_size: '64' is not a size: it has "
       "no unit"},
      {"[storage]\nmemtable_size = -1\n",
       "2:17: storage.memtable_size: '-1' is not a size: it is negative"},
      {"[storage]\nmemtable_size = nan\n",
       "2:17: storage.memtable_size: expected a size of 64KiB or more, not a "
       "floating-point number"},
      {"[storage]\nmemtable_size = []\n",
       "2:17: storage.memtable_size: expected a size of 64KiB "
       "or more, not an array"},
      {"[storage]\nwal_lz4 = 'true'\n",
       "2:11: storage.wal_lz4: expected true or false, not a string"},
      {"[storage]\nlz4_from_level = 8\n", "2:18: storage.lz4_from_level: 8 is above the maximum"},
      {"[storage]\ndata_dir = 5\n",
       "2:12: storage.data_dir: expected the path of a directory, not "
       "an integer"},
      {"[storage]\ndata_dir = ''\n", "2:12: storage.data_dir: must not be empty"},
      {"[serving]\nread_threads = '4'\n",
       "2:16: serving.read_threads: expected a whole number from 1 to 256, not a string"},
      {"[serving]\nread_threads = 0\n", "2:16: serving.read_threads: 0 is below the minimum of 1"},
      {"[serving]\nread_threads = -1\n", "2:16: serving.read_threads: '-1' is not a whole number"},
      {"[serving]\ndrain_timeout = 5\n",
       "2:17: serving.drain_timeout: '5' is not a duration: it "
       "has no unit"},
      {"[serving]\ndrain_timeout = 07:32:00\n",
       "2:17: serving.drain_timeout: expected a duration up to 1h"},
      {"storage = 3\n", "1:11: expected a table [storage], not an integer"},
      {"[[storage]]\n", "1:1: expected a table [storage], not an array"},
      {"[serving.listen]\nhost = 'x'\n", "1:1: serving.listen: expected host:port"},
  };
  for (const auto& [content, refusal] : refusals) {
    EXPECT_THAT(FileRefusal(content), StartsWith(refusal)) << content;
  }
}

TEST(ConfigFile, WhatIsNoTomlIsRefusedWithItsPlace) {
  EXPECT_THAT(FileRefusal("[storage]\ndata_dir = /var\n"), StartsWith("2:12: "));
  EXPECT_THAT(FileRefusal("[storage]\nwal_lz4 = true\nwal_lz4 = true\n"), StartsWith("3:"));
  EXPECT_THAT(FileRefusal("[storage]\nmax_value = 99999999999999999999\n"), StartsWith("2:"));
  EXPECT_THAT(FileRefusal("# \xff\n"), StartsWith("1:"));
}

TEST(ConfigFile, AllMistakesAreToldInTheFilesOrder) {
  const std::string refusal =
      FileRefusal("[storage]\nwal_lz = true\nmax_key = 1\n[limits]\nmax_calls = 'x'\n");
  std::vector<size_t> at;
  for (const char* place : {"2:1: ", ":3:1: ", ":5:13: "}) at.push_back(refusal.find(place));
  EXPECT_THAT(at, Not(Contains(std::string::npos))) << refusal;
  EXPECT_TRUE(std::is_sorted(at.begin(), at.end())) << refusal;
}

TEST(ConfigFile, AWrongFileIsRefusedThoughAFlagWinsOverIt) {
  const File file("[storage]\nmemtable_size = '1mb'\n");
  Arguments arguments = file.flag();
  arguments.insert(arguments.end(), {"--memtable-size", "8MiB"});
  EXPECT_THAT(Refusal(arguments), HasSubstr(":2:17: "));
}

TEST(ConfigFile, WhatCannotBeReadIsRefused) {
  EXPECT_THAT(
      Refusal({"--config", "/nonexistent/lumen.toml"}),
      HasSubstr("cannot read the configuration file /nonexistent/lumen.toml: No such file"));
  EXPECT_THAT(Refusal({"--config", "/"}), HasSubstr("file /: Is a directory"));
  const File large("#" + std::string(1 << 20, 'x'));
  EXPECT_THAT(Refusal(large.flag()), HasSubstr("larger than 1MiB"));
}

TEST(ConfigFile, AnEmptyOneChangesNothing) {
  const File file("# nothing\n[storage]\n");
  EXPECT_EQ(Accept(file.flag()).data_dir, "./data");
}

TEST(Listen, WhatIsNoAddressIsRefused) {
  for (const char* address :
       {"nowhere", ":50051", "host:", "host:70000", "host:5x", "host:-1", "unix:", "::1:50051",
        "[::1]", "[localhost]:1", "[::1:1", "", "[]:1"}) {
    EXPECT_FALSE(CheckListenAddress(address).ok()) << address;
    EXPECT_THAT(Refusal({"--listen", address, "--insecure"}), HasSubstr("--listen")) << address;
  }
}

TEST(Listen, LoopbackAndUnixSocketsNeedNothing) {
  for (const char* address :
       {"127.0.0.1:0", "127.255.255.254:1", "[::1]:50051", "[::ffff:127.0.0.1]:1", "localhost:1",
        "LocalHost:1", "unix:/tmp/s", "unix:relative"}) {
    EXPECT_EQ(Accept({"--listen", address}).listen, address);
  }
}

TEST(Listen, WhatOtherMachinesMayReachNeedsInsecure) {
  for (const char* address : {"0.0.0.0:1", "[::]:1", "db1.example:1", "10.0.0.1:1", "128.0.0.1:1",
                              "[::2]:1", "[::ffff:10.0.0.1]:1", "127.1:1", "localhost.example:1"}) {
    EXPECT_THAT(Refusal({"--listen", address}),
                AllOf(HasSubstr("--insecure"), HasSubstr("there is no TLS yet"), HasSubstr(address),
                      HasSubstr("flag --listen")));
    EXPECT_EQ(Accept({"--listen", address, "--insecure"}).listen, address);
  }
  EXPECT_THAT(Refusal({}, {{"BIND_ADDR", "0.0.0.0:1"}}), HasSubstr("environment BIND_ADDR"));
  EXPECT_TRUE(Accept({}, {{"BIND_ADDR", "0.0.0.0:1"}, {"LUMEN_INSECURE", "true"}}).insecure);
  EXPECT_THAT(Refusal({"--listen=0.0.0.0:1", "--insecure=false"}), HasSubstr("--insecure"));
}

}  // namespace
}  // namespace lumen
