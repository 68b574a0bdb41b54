#include "engine/base/near_name.h"

#include <algorithm>
#include <numeric>

namespace lumen {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string NearestName(std::string_view unknown, const std::vector<std::string>& names,
                        size_t most_edits) {
  std::string nearest;
  size_t least = most_edits + 1;
  for (const std::string& name : names) {
    const size_t distance = EditDistance(unknown, name);
    if (distance >= least) continue;
    least = distance;
    nearest = name;
  }
  return nearest;
}

}  // namespace lumen
