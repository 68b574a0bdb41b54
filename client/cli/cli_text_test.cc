// What lumen writes and reads as text: any bytes survive the way through text and JSON, what is
// wrong is refused with its reason, and every message of the interface can be printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>
#include <set>
#include <string>

#include "client/cli/batch_size.h"
#include "client/cli/bytes_text.h"
#include "client/cli/findings.h"
#include "client/cli/json.h"
#include "client/cli/manual.h"
#include "client/cli/message_json.h"
#include "client/cli/records.h"
#include "client/cli/status_report.h"
#include "client/cli/text_table.h"
#include "lumen/v1/admin.pb.h"
#include "lumen/v1/kv.pb.h"

namespace lumen::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Bytes that are often nearly UTF-8.
std::string RandomBytes(std::mt19937_64& random) {
  constexpr std::string_view kPieces[] = {
      "a",    "base64:", "\xC3\xA9",     "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
      "\xC3", "\x80",    "\xED\xA0\x80", "\xC0\x80",     "\xF4\x90\x80\x80",
      "\n",   "\"",      "\\",           "\x7F",         "\xC2\x85"};
  std::string bytes;
  for (uint64_t i = random() % 6; i > 0; --i) bytes += kPieces[random() % std::size(kPieces)];
  if (random() % 4 == 0) bytes += static_cast<char>(random());
  return bytes;
}

TEST(BytesText, AnyBytesComeBackFromText) {
  std::mt19937_64 random(1);
  std::set<std::string> texts;
  std::set<std::string> originals;
  for (int i = 0; i < 20'000; ++i) {
    const std::string bytes = RandomBytes(random);
    const std::string text = ToText(bytes);
    ASSERT_EQ(*FromText(text), bytes);
    ASSERT_EQ(text.find_first_of("\n\t\r\x7F"), std::string::npos);
    texts.insert(text);
    originals.insert(bytes);
  }
  EXPECT_EQ(texts.size(), originals.size());
}

TEST(BytesText, PrintableTextStandsAsItIs) {
  for (const char* text : {"", "a b", "é€😀", "~", "@x", "-"}) EXPECT_EQ(ToText(text), text);
  for (const char* text : {"a\tb", "base64:", "\x1B[31m", "\u202E", "\xC2\x9B"}) {
    EXPECT_THAT(ToText(text), HasSubstr("base64:"));
  }
  EXPECT_FALSE(FromText("base64:?").ok());
}

TEST(BytesText, PeopleReadNumbers) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1234567), "1,234,567");
  EXPECT_EQ(RoundedBytes(1023), "1023 B");
  EXPECT_EQ(RoundedBytes(1536), "1.5 KiB");
  EXPECT_EQ(RoundedBytes(UINT64_MAX), "16.0 EiB");
  EXPECT_EQ(RoundedSeconds(59), "59 s");
  EXPECT_EQ(RoundedSeconds(3 * 3600 + 60), "3 h 1 min");
  EXPECT_EQ(CutText("é€😀x", 3), "é€…");
  EXPECT_EQ(CutText("é€😀", 3), "é€😀");
  for (const char* wrong : {"", "-1", "1.5", "18446744073709551616", " 1", "1 "})
    EXPECT_FALSE(ParseWhole(wrong).ok());
}

TEST(Records, AnyEntryComesBackFromItsLine) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = RandomBytes(random);
    const std::string value = RandomBytes(random);
    const std::string line = EntryJson(key, value, i);
    ASSERT_EQ(line.find('\n'), std::string::npos);
    const Json same = {{"key", JsonOfBytes(key)}, {"value", JsonOfBytes(value)}, {"sequence", i}};
    ASSERT_EQ(Json::parse(line), same);
    const auto read = ParseEntry(line);
    ASSERT_TRUE(read.ok()) << line << read.status();
    ASSERT_EQ(read->key(), key);
    ASSERT_EQ(read->value(), value);
  }
}

TEST(Records, WrongLinesAreRefusedAndLeaveTheBatchAsItWas) {
  v1::WriteRequest request;
  ASSERT_TRUE(ParseBatchLine(R"({"put":"k","value":"v"})", request).ok());
  ASSERT_TRUE(ParseBatchLine(R"({"if":"k","sequence":18446744073709551615})", request).ok());
  const std::string before = request.SerializeAsString();
  for (const char* line :
       {"", "1", "{}", R"({"put":"k"})", R"({"put":"k","value":null})",
        R"({"delete":"k","value":"v"})", R"({"if":"k","exists":1})", R"({"if":"k","sequence":1.5})",
        R"({"put":"k","value":"v"} x)", R"({"put":{"base64":"AA==","x":1},"value":"v"})",
        "{\"put\":\"\xFF\",\"value\":\"v\"}"}) {
    EXPECT_EQ(ParseBatchLine(line, request).code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_EQ(request.SerializeAsString(), before) << line;
  }
  EXPECT_THAT(ParseEntry(R"({"key":"k","value":"v","vlaue":1})").status().ToString(),
              HasSubstr("unknown field \"vlaue\""));
}

// Sets every field, in turn each of a oneof.
void Fill(google::protobuf::Message& message, int depth) {
  const google::protobuf::Reflection& access = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto& field = *message.GetDescriptor()->field(i);
    if (field.cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (depth > 0) {
      Fill(field.is_repeated() ? *access.AddMessage(&message, &field)
                               : *access.MutableMessage(&message, &field),
           depth - 1);
    }
  }
}

TEST(MessageJson, EveryMessageOfTheInterfaceCanBePrinted) {
  for (const auto* file :
       {v1::StatusRequest::descriptor()->file(), v1::GetRequest::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      const std::unique_ptr<google::protobuf::Message> message(
          google::protobuf::MessageFactory::generated_factory()
              ->GetPrototype(file->message_type(i))
              ->New());
      Fill(*message, 3);
      EXPECT_THAT(MessageToJson(*message, false), ::testing::StartsWith("{"))
          << file->message_type(i)->name();
    }
  }
}

TEST(MessageJson, NumbersAreNumbersAndBytesAreBytes) {
  v1::GetResponse response;
  response.set_found(true);
  response.set_value("\xFF");
  response.set_sequence(UINT64_MAX);
  EXPECT_EQ(MessageToJson(response, false),
            R"({"found":true,"value":{"base64":"/w=="},"sequence":18446744073709551615})");
}

TEST(Json, WhatIsSaidToPeopleIsUtf8) {
  EXPECT_EQ(JsonOfText("grüß").dump(), "\"grüß\"");
  EXPECT_EQ(JsonOfText("a\xff\n").dump(), R"("a\\xff\\n")");
}

TEST(Findings, HaveTheFormThatIsAskedFor) {
  const auto printed = [](const std::string& format, int records, bool ended) {
    std::FILE* const file = std::tmpfile();
    Output out(fileno(file));
    Findings findings(format, out);
    findings.Line("line");
    for (int i = 0; i < records; ++i) findings.Record({{"i", i}});
    if (ended) findings.End();
    EXPECT_TRUE(out.Flush());
    std::rewind(file);
    char text[64] = {};
    const size_t length = std::fread(text, 1, sizeof text, file);
    std::fclose(file);
    return std::string(text, length);
  };
  EXPECT_EQ(printed("text", 2, true), "line\n");
  EXPECT_EQ(printed("jsonl", 2, true), "{\"i\":0}\n{\"i\":1}\n");
  EXPECT_EQ(printed("json", 0, true), "[]\n");
  EXPECT_EQ(printed("json", 2, true), "[\n{\"i\":0},\n{\"i\":1}\n]\n");
  EXPECT_EQ(printed("json", 1, false), "[\n{\"i\":0}");
}

// A server with limits, and entries of varying sizes: how many calls it refuses.
int RefusedCalls(size_t limit_operations, size_t limit_bytes, size_t entries) {
  std::mt19937_64 random(3);
  BatchSize size(2'000, size_t{1} << 20);
  int refused = 0;
  for (size_t left = entries; left > 0;) {
    size_t operations = 0;
    size_t bytes = 0;
    for (; operations < std::min(left, size.operations()); ++operations) {
      const size_t next = random() % 50 == 0 ? limit_bytes / 2 + 1 : 20;
      if (operations > 0 && bytes + next > size.bytes()) break;
      bytes += next;
    }
    if (operations <= limit_operations && bytes <= limit_bytes) {
      size.Accepted(operations, bytes);
      left -= operations;
    } else {
      EXPECT_GT(operations, 1u);
      size.Refused(operations, bytes);
      ++refused;
    }
  }
  return refused;
}

TEST(BatchSize, ComesToWhatTheServerTakesAndStays) {
  EXPECT_EQ(RefusedCalls(10'000, 17 << 20, 100'000), 0);
  for (const size_t operations : {1u, 2u, 3u, 10u, 999u, 1'000u, 10'000u}) {
    for (const size_t bytes : {100u, 10'000u, 1'000'000u}) {
      EXPECT_LE(RefusedCalls(operations, bytes, 100'000), 40) << operations << " " << bytes;
    }
  }
}

TEST(BatchSize, LargeEntriesDoNotMakeTheWritesOfSmallOnesShort) {
  BatchSize size(2'000, size_t{1} << 20);
  size.Refused(2, 80'000);
  EXPECT_EQ(size.operations(), 1u);
  for (int i = 0; i < 11; ++i) size.Accepted(size.operations(), 40'000);
  EXPECT_EQ(size.operations(), 2'000u);
  EXPECT_EQ(size.bytes(), 40'000u);
}

TEST(StatusReport, WhatIsWrongIsSaid) {
  v1::StatusResponse status;
  EXPECT_THAT(StatusReport(status, "here", false), HasSubstr("accepted"));
  status.set_background_error("disk full");
  EXPECT_THAT(StatusReport(status, "here", false), HasSubstr("accepted as long as there is room"));
  status.set_read_only_reason("sync of 1.wal failed");
  const std::string report = StatusReport(status, "here", true);
  EXPECT_THAT(report, HasSubstr("\033[31mrefused until the next start: sync of 1.wal failed"));
  EXPECT_THAT(report, HasSubstr("\033[31mwaits: disk full"));
  EXPECT_THAT(StatusReport(status, "here", false), Not(HasSubstr("\033")));
}

TEST(TextTable, ColumnsAreAsWideAsTheirWidestCell) {
  TextTable table({false, true});
  table.Add({"NAME", "N"});
  table.Add({"é", "1,000"});
  EXPECT_EQ(table.Render(), "NAME      N\né     1,000\n");
}

TEST(Manual, OfAHelpTextHasItsHeadingsFlagsAndExamples) {
  const std::string page = ManualFromHelp(
      "Serves.\nUsage: x [OPTIONS]\n\nServing:\n  --listen ADDRESS    Where\n                      "
      "to\n\n"
      "Examples:\n  x --listen .\n",
      "Files:\n  d/LOCK  Held while\n    it runs.\n  d/*.x, d/y  Others.\n",
      {.name = "x", .section = "8", .summary = "serve", .version = "1", .date = "2026-01-31"});
  EXPECT_THAT(page, HasSubstr(".TH \"X\" 8 2026-01-31 \"LumenKV 1\"\n.SH NAME\nx \\- serve\n"));
  EXPECT_THAT(page, HasSubstr(".SH \"SERVING\"\n.TP\n.B \"\\-\\-listen ADDRESS\"\nWhere\nto\n"));
  EXPECT_THAT(page, HasSubstr(".nf\nx \\-\\-listen .\n.fi\n"));
  EXPECT_THAT(page, HasSubstr(".SH \"FILES\"\n.TP\n.B \"d/LOCK\"\nHeld while\nit runs.\n"
                              ".TP\n.B \"d/*.x, d/y\"\nOthers.\n"));
}

}  // namespace
}  // namespace lumen::cli
