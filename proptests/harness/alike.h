#pragma once

#include <cstdint>

#include "proptests/harness/failure.h"
#include "proptests/harness/shrinking.h"
#include "proptests/harness/trial.h"

namespace lumen::crash {

// Searches the workload of `base` for a crash that fails as `known` does: by the same rule and
// after as many crashes. Those of `base` do not count, because what makes a workload smaller moves
// them; instead, moments come first at which the same is being done to the same kind of file as at
// the known crash. Where `base` has recovery faults, a recovery meets such faults wherever they may
// strike it. Tests at most `states`.
// `open_for` is OpenEngineOf but in tests of the harness.
ShrinkTools::Found FindAlike(const OpenerFor& open_for, const Case& base, const Failure& known,
                             uint64_t states);

}  // namespace lumen::crash
