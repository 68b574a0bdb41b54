#include "proptests/lumen_crash/build_identity.h"

#include "build_commit.h"

namespace lumen::crash {

std::string BuildIdentity() { return LUMEN_BENCH_COMMIT " " LUMEN_COMPILER; }

}  // namespace lumen::crash
