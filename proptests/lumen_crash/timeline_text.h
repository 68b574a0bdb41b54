#pragma once

#include <string>
#include <string_view>

#include "proptests/harness/failure.h"

namespace lumen::crash {

// The story for a terminal: what clients asked, each operation and its fate, the crashes and what
// survived, what recovery made of it against what was allowed.
std::string TimelineText(const Failure& failure, const Timeline& timeline);

// "durable", "survived", "lost", "partly", "sync".
std::string_view FateName(TimelineEntry::Fate fate);

}  // namespace lumen::crash
