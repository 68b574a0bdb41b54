#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace lumen {

// Whether it is host:port, [IPv6]:port or unix:path. INVALID_ARGUMENT says what is wrong.
absl::Status CheckListenAddress(std::string_view address);

// Whether only this machine reaches what listens there: a unix socket, 127.0.0.0/8, ::1 or
// localhost. Of an address that CheckListenAddress accepts.
bool IsLocalAddress(std::string_view address);

}  // namespace lumen
