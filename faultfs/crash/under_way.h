#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "faultfs/crash/layout.h"

// What CrashSpace answers in the profiles in which a crash chooses nothing of what is pending. In
// `kill` it may choose how much of an append that is under way had happened.
namespace lumen::faultfs {

// As CrashSpace::Enumerate.
bool EachWithoutChoice(const CrashSpace::Layout& layout, uint64_t limit,
                       const std::function<bool(const CrashImage&)>& take);
CrashImage SampleWithoutChoice(const CrashSpace::Layout& layout, uint64_t seed);
// INVALID_ARGUMENT: the survivors choose something else.
absl::StatusOr<CrashImage> MakeWithoutChoice(const CrashSpace::Layout& layout,
                                             const Survivors& survivors);

}  // namespace lumen::faultfs
