#include "server/listen_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace lumen {
namespace {

using testing::HasSubstr;

class UnixAddressTest : public testing::Test {
 protected:
  ~UnixAddressTest() override {
    if (listener_ >= 0) close(listener_);
    std::filesystem::remove_all(folder_);
  }
  std::string Path() const { return folder_ + "/kv"; }
  std::string Address() const { return "unix:" + Path(); }
  void Listen() {
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    Path().copy(name.sun_path, sizeof name.sun_path - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    ASSERT_EQ(listen(listener_, 1), 0);
  }
  void Vanish() {
    close(listener_);
    listener_ = -1;
  }

 private:
  static std::string NewFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "listen-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    return name;
  }
  const std::string folder_ = NewFolder();
  int listener_ = -1;
};

TEST_F(UnixAddressTest, AFreePathStaysFree) {
  EXPECT_TRUE(TryListenAddress(Address()).ok());
  EXPECT_FALSE(std::filesystem::exists(Path()));
}

TEST_F(UnixAddressTest, OneThatSomebodyListensOnIsTakenAndLeftAlone) {
  Listen();
  for (int i = 0; i < 5; ++i) {  // more than its queue holds
    const absl::Status taken = TryListenAddress(Address());
    EXPECT_TRUE(absl::IsUnavailable(taken)) << taken;
    EXPECT_THAT(std::string(taken.message()), HasSubstr(Address()));
  }
  EXPECT_TRUE(std::filesystem::exists(Path()));
}

TEST_F(UnixAddressTest, OneThatIsLeftOverIsFree) {
  Listen();
  Vanish();
  EXPECT_TRUE(TryListenAddress(Address()).ok());
}

TEST_F(UnixAddressTest, WhatIsNoSocketIsRefusedAndLeftAlone) {
  std::ofstream(Path()) << "thesis";
  const absl::Status refused = TryListenAddress(Address());
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("is no socket"));
  EXPECT_EQ(std::filesystem::file_size(Path()), 6u);
}

TEST_F(UnixAddressTest, APathThatCannotBeIsRefusedWithTheReason) {
  const absl::Status missing = TryListenAddress(Address() + "/below/kv");
  EXPECT_TRUE(absl::IsInvalidArgument(missing)) << missing;
  EXPECT_THAT(std::string(missing.message()), HasSubstr("No such file or directory"));
  const absl::Status too_long = TryListenAddress(Address() + std::string(100, 'x'));
  EXPECT_TRUE(absl::IsInvalidArgument(too_long)) << too_long;
  EXPECT_THAT(std::string(too_long.message()), HasSubstr("at most 107"));
}

TEST(TcpAddressTest, TellsWhyNot) {
  EXPECT_TRUE(TryListenAddress("127.0.0.1:0").ok());
  EXPECT_TRUE(TryListenAddress("localhost:0").ok());
  const absl::Status foreign = TryListenAddress("192.0.2.1:50051");  // for documentation, RFC 5737
  EXPECT_TRUE(absl::IsUnavailable(foreign)) << foreign;
  EXPECT_THAT(std::string(foreign.message()), HasSubstr("no address of this machine"));
  const absl::Status unknown = TryListenAddress("nowhere.invalid:50051");
  EXPECT_TRUE(absl::IsUnavailable(unknown)) << unknown;
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("nowhere.invalid: "));
}

}  // namespace
}  // namespace lumen
