#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "proptests/oracle.h"
#include "proptests/oracle/view.h"

namespace lumen::crash {

// Which prefix of the commit order a view is the result of.
struct Prefix {
  size_t count = 0;
  std::vector<size_t> skipped;  // in-doubt writes before `count` that are not in it
};

// The shortest allowed one; nothing: none. Keys that the view does not know may be anything.
std::optional<Prefix> FindPrefix(const WriteLog& log, const Obligations& obligations,
                                 const View& view);

enum class Presence : uint8_t { kThere, kPerhaps, kNotThere };

// The same for a given `count`, whatever is allowed: walks the writes backwards; `presence` says of
// each whether it is in the state. Exact: a write that may be there and fits is taken, which only
// ever takes demands away from those before it.
std::optional<std::vector<size_t>> Fit(const WriteLog& log, size_t count, const View& view,
                                       const std::function<Presence(size_t)>& presence);

}  // namespace lumen::crash
