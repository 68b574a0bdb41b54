#pragma once

#include "rapidcheck.h"

// Fails the running property. The message is made only then.
#define REQUIRE(condition, message)     \
  do {                                  \
    if (!(condition)) RC_FAIL(message); \
  } while (false)
