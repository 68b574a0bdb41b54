#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace lumen {

// Whether it is host:port, [IPv6]:port or unix:path. INVALID_ARGUMENT says what is wrong.
absl::Status CheckListenAddress(std::string_view address);

// Whether a server could listen there now, by trying: gRPC does not tell why it cannot, and takes
// the path of a unix socket from whoever listens on it. Of an address that CheckListenAddress
// accepts. UNAVAILABLE, which may end by itself: another process has it, its name is not known, or
// it is not this machine's. INVALID_ARGUMENT: this process may not listen there, or no socket can
// be made there. The message says what, and the address.
absl::Status TryListenAddress(std::string_view address);

// Whether only this machine reaches what listens there: a unix socket, 127.0.0.0/8, ::1 or
// localhost. Of an address that CheckListenAddress accepts.
bool IsLocalAddress(std::string_view address);

}  // namespace lumen
