#pragma once

#include <set>
#include <string>

#include "faultfs/operation.h"
#include "faultfs/verify/enumerator.h"

// Includes what remains.h may include.
namespace lumen::faultfs::verify {

// What is wrong with a set of images that claims to be all the legal ones; empty: nothing. Names
// each image that is too many, with the rule that it breaks where that is one rule, and each that
// is missing, with the nearest one that is there, up to a few; then the history.
std::string Differences(const Question& question, const Answer& legal,
                        const std::set<PlainImage>& claimed);

// One line an operation.
std::string ShowHistory(const std::vector<Operation>& history);
// Each path with its bytes in runs: "/a: 512 x 'b', 3 x 0".
std::string ShowImage(const PlainImage& image);

}  // namespace lumen::faultfs::verify
