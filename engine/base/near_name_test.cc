// What a misspelt name is answered with.
#include "engine/base/near_name.h"

#include <gtest/gtest.h>

namespace lumen {
namespace {

TEST(NearName, IsTheFewestEditsAway) {
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(NearestName("lsten", {"listen", "insecure"}, 2), "listen");
  EXPECT_EQ(NearestName("listen", {"listen"}, 0), "listen");
  EXPECT_EQ(NearestName("frobnicate", {"listen"}, 3), "");
}

}  // namespace
}  // namespace lumen
