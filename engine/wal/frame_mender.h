#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/format/frame.h"

// For fuzzers: mutations that get behind the checksums.
namespace lumen {

// Mends every checksum of a framed file: the header block's, then, frame by frame from the front
// for as long as lengths lead to a legal place, identity word, payload and header checksums.
void MendFile(FramedFileKind kind, uint64_t number, uint64_t epoch, std::string& file);

// What fuzz inputs hold: several files, each behind its u32 length.
std::string PackFiles(const std::vector<std::string>& files);
// Tolerates anything: what is left over is the last file.
std::vector<std::string> UnpackFiles(std::string_view input, size_t most_files);

// Writes `input` as a seed into the corpus folder that the last argument names, if one does.
void WriteSeed(int argc, char** argv, const std::string& name, const std::string& input);

}  // namespace lumen
