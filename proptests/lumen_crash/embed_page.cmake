# Writes PAGE into OUTPUT as a string that a program can hold. In pieces: a compiler need not take a
# literal of more than 64 KiB.
file(READ ${PAGE} page)
string(LENGTH "${page}" length)
set(pieces "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${page}" ${at} 8000 piece)
  string(APPEND pieces "\n    R\"PAGE(${piece})PAGE\"")
  math(EXPR at "${at} + 8000")
endwhile()
file(WRITE ${OUTPUT} "#pragma once\n\n#include <string_view>\n\nnamespace lumen::crash {\n\n"
  "inline constexpr std::string_view kTimelinePage =${pieces};\n\n}  // namespace lumen::crash\n")
