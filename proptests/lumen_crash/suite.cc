#include "proptests/lumen_crash/suite.h"

namespace lumen::crash {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

}  // namespace

std::span<const Suite> Suites() {
  // Long workloads find what needs many files, short ones reach far more states a second.
  static const std::vector<Suite> suites = {
      {"smoke", "30 seconds over the profiles: every push", 30 * kSecondNs, 10, {{16, 64, 1}}},
      {"ci", "5 minutes: before a merge", 300 * kSecondNs, 10, {{8, 64, 4}, {200, 1000, 1}}},
      {"nightly",
       "8 hours; give it a seed of its own each night",
       8 * 3600 * kSecondNs,
       100,
       {{4, 32, 1}, {16, 64, 2}, {200, 1000, 1}}},
      {"hunt", "until the first failure", 0, 1, {{16, 64, 1}}},
  };
  return suites;
}

const Suite* FindSuite(std::string_view name) {
  for (const Suite& suite : Suites()) {
    if (suite.name == name) return &suite;
  }
  return nullptr;
}

}  // namespace lumen::crash
