#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace lumen::crash {

// A named budget: what `run --suite NAME` does where the command line does not say otherwise.
struct Suite {
  // Workloads of so many client steps, for so many parts of the budget.
  struct Pass {
    uint32_t least_steps = 16;
    uint32_t most_steps = 64;
    uint32_t weight = 1;
  };
  std::string_view name;
  std::string_view summary;
  int64_t time_ns = 0;  // 0: without end
  uint64_t max_failures = 0;
  std::vector<Pass> passes = {};
};

// smoke, ci, nightly, hunt.
std::span<const Suite> Suites();
// Null where there is none of that name.
const Suite* FindSuite(std::string_view name);

}  // namespace lumen::crash
