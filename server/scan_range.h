#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/iterator.h"
#include "lumen/v1/kv.pb.h"

namespace lumen {

// The keys of a scan: lower <= key < upper; empty: no bound.
struct ScanRange {
  std::optional<std::string> lower;
  std::optional<std::string> upper;
};

// start, end and prefix together. The range may be empty.
ScanRange RangeOf(const v1::ScanRequest& request);

// The smallest key above all that begin with `prefix`; empty: there is none ("\xff\xff", or no
// prefix).
std::optional<std::string> AfterPrefix(std::string_view prefix);

}  // namespace lumen
