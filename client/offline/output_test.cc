// Goal: what commands print as JSON is JSON, whatever bytes a key has.
#include "client/offline/output.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace lumen {
namespace {

TEST(JsonObjectTest, FieldsComeInTheirOrder) {
  JsonObject object;
  object.Add("text", "a\"b\\c\n").Add("number", uint64_t{18446744073709551615U}).Add("yes", true);
  object.Add("level", -1).Add("list", std::vector<std::string>{"x", "y"});
  object.Add("objects", std::vector<JsonObject>{JsonObject().Add("a", 1), JsonObject()});
  EXPECT_EQ(object.ToString(),
            "{\"text\":\"a\\\"b\\\\c\\u000a\",\"number\":18446744073709551615,\"yes\":true,"
            "\"level\":-1,\"list\":[\"x\",\"y\"],\"objects\":[{\"a\":1},{}]}");
}

TEST(JsonObjectTest, BytesThatAreNoUtf8AreBase64WithAMarker) {
  EXPECT_EQ(JsonObject().AddBytes("key", "gr\xc3\xbc\xc3\x9f").ToString(),
            "{\"key\":\"gr\xc3\xbc\xc3\x9f\"}");
  EXPECT_EQ(JsonObject().AddBytes("key", "\xff\x01").ToString(), "{\"key_base64\":\"/wE=\"}");
}

TEST(OutputTest, AnArrayIsOneWhateverIsInIt) {
  for (int records = 0; records < 3; ++records) {
    std::FILE* const file = std::tmpfile();
    {
      Output output(OutputFormat::kJson, file);
      output.Line("not shown");
      for (int i = 0; i < records; ++i) output.Record(JsonObject().Add("i", i));
    }
    std::rewind(file);
    char text[64] = {};
    const size_t length = std::fread(text, 1, sizeof text, file);
    std::fclose(file);
    const char* expected[] = {"[]\n", "[{\"i\":0}]\n", "[{\"i\":0},\n{\"i\":1}]\n"};
    EXPECT_EQ(std::string(text, length), expected[records]);
  }
}

}  // namespace
}  // namespace lumen
