#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lumen {

// How many characters have to be put in, taken out or replaced to make `a` into `b`.
size_t EditDistance(std::string_view a, std::string_view b);

// The name that somebody who wrote `unknown` most likely meant, at most `most_edits` away; empty:
// none is near.
std::string NearestName(std::string_view unknown, const std::vector<std::string>& names,
                        size_t most_edits);

}  // namespace lumen
