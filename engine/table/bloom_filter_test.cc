// Goal: the filter never denies a key, and rarely admits others, whatever the keys look like.
#include "engine/table/bloom_filter.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace lumen {
namespace {

std::string Sequential(uint64_t number) { return "user:" + std::to_string(number + 1'000'000'000); }
std::string Binary(uint64_t number) { return {reinterpret_cast<const char*>(&number), 8}; }
std::string Long(uint64_t number) {
  return std::string(50, 'k') + std::to_string(number) + "/tail";
}

double FalsePositiveRate(std::string (*key)(uint64_t), uint64_t keys, uint32_t bits_per_key) {
  std::vector<uint64_t> hashes;
  for (uint64_t i = 0; i < keys; ++i) hashes.push_back(FilterHash(key(i)));
  BloomFilter filter;
  EXPECT_EQ(filter.Load(BuildBloomFilter(hashes, bits_per_key)), "");
  for (uint64_t i = 0; i < keys; ++i) EXPECT_TRUE(filter.MayContain(FilterHash(key(i))));
  uint64_t passed = 0;
  for (uint64_t i = keys; i < keys + 100'000; ++i) {
    passed += filter.MayContain(FilterHash(key(i))) ? 1 : 0;
  }
  return static_cast<double>(passed) / 100'000;
}

TEST(BloomFilterTest, TenBitsAKeyAdmitAboutOneStrangerInAHundred) {
  for (auto* key : {Sequential, Binary, Long}) {
    for (const uint64_t keys : {50U, 1000U, 100'000U}) {
      EXPECT_LT(FalsePositiveRate(key, keys, 10), 0.014) << key(0) << " " << keys;
    }
  }
}

TEST(BloomFilterTest, MoreBitsAdmitFewer) {
  EXPECT_LT(FalsePositiveRate(Sequential, 100'000, 16), 0.002);
  EXPECT_LT(FalsePositiveRate(Sequential, 100'000, 6), 0.09);
  EXPECT_LT(FalsePositiveRate(Sequential, 100'000, 1), 0.75);
}

TEST(BloomFilterTest, WithoutBitsEveryKeyPasses) {
  BloomFilter filter;
  EXPECT_EQ(filter.Load(BuildBloomFilter({1, 2, 3}, 0)), "");
  EXPECT_TRUE(filter.MayContain(99));
  EXPECT_EQ(filter.memory_bytes(), 0U);
}

TEST(BloomFilterTest, HashesDifferWhereKeysDifferInOneBitOrLength) {
  std::set<uint64_t> hashes;
  size_t keys = 0;
  for (size_t length = 0; length <= 40; ++length) {
    const std::string key(length, '\0');
    hashes.insert(FilterHash(key));
    ++keys;
    for (size_t bit = 0; bit < length * 8; ++bit) {
      std::string flipped = key;
      flipped[bit / 8] = static_cast<char>(1 << bit % 8);
      hashes.insert(FilterHash(flipped));
      ++keys;
    }
  }
  EXPECT_EQ(hashes.size(), keys);
}

// The hash is part of the format: these numbers must never change.
TEST(BloomFilterTest, HashIsFrozen) {
  EXPECT_EQ(FilterHash(""), 0x34d2fe82daccaea6U);
  EXPECT_EQ(FilterHash("a"), 0x7075b0d76ab5045aU);
  EXPECT_EQ(FilterHash("0000000000000042"), 0xb6943b48115167f9U);
  EXPECT_EQ(FilterHash("a key of more than sixteen bytes"), 0xac8b5188ff5c88c2U);
}

}  // namespace
}  // namespace lumen
