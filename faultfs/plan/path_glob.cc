#include "faultfs/plan/path_glob.h"

#include <cstddef>

namespace lumen::faultfs {

// Linear in memory, at most |glob| * |path| steps: only the newest star of each kind needs to be
// tried again, since what an earlier one could take the newer one can take as well. A single star
// is tried within its component, a double one when that fails.
bool GlobMatches(std::string_view glob, std::string_view path) {
  constexpr size_t kNone = std::string_view::npos;
  struct Star {
    size_t glob = kNone;  // what follows the star
    size_t path = 0;      // where that was tried last
  };
  Star within, across;
  size_t g = 0, p = 0;
  while (p < path.size() || g < glob.size()) {
    if (glob.substr(g).starts_with("**")) {
      g += 2;
      across = {g, p};
      within = {};
    } else if (g < glob.size() && glob[g] == '*') {
      ++g;
      within = {g, p};
    } else if (g < glob.size() && p < path.size() && glob[g] == path[p]) {
      ++g, ++p;
    } else if (within.glob != kNone && within.path < path.size() && path[within.path] != '/') {
      p = ++within.path;
      g = within.glob;
    } else if (across.glob != kNone && across.path < path.size()) {
      p = ++across.path;
      g = across.glob;
      within = {};
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace lumen::faultfs
