#pragma once

#include <cstddef>
#include <string_view>

namespace lumen {

// Length of the well-formed UTF-8 sequence (Unicode 15, table 3-7) that `bytes` starts with; 0: it
// starts with none. No overlong forms, no surrogates, nothing above U+10FFFF.
size_t Utf8SequenceLength(std::string_view bytes);

// Whether `bytes` is such sequences only. Agrees with what protobuf demands of a string.
bool IsUtf8(std::string_view bytes);

}  // namespace lumen
