#pragma once

#include <string_view>

namespace lumen {

// Whether `bytes` is well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates,
// nothing above U+10FFFF. Agrees with what protobuf demands of a string.
bool IsUtf8(std::string_view bytes);

}  // namespace lumen
