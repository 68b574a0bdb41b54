#pragma once

#include <array>
#include <cstdint>
#include <ostream>
#include <vector>

#include "faultfs/disk_image.h"
#include "faultfs/operation.h"
#include "faultfs/verify/remains.h"
#include "rapidcheck.h"

// Histories as volumes write them, small enough for the enumerator.
namespace lumen::faultfs::verify {

// One call of a program, by numbers that each shrink to the simplest.
struct Step {
  uint32_t kind = 0;
  uint32_t path = 0;
  uint32_t other = 0;
  uint32_t amount = 0;
  uint32_t effect = 0;
  uint32_t seed = 0;
};
std::ostream& operator<<(std::ostream& out, const Step& step);

// `small`: appends of a few words, for profiles that count words.
struct Program {
  bool small = false;
  std::vector<Step> steps;
};
std::ostream& operator<<(std::ostream& out, const Program& program);
rc::Gen<Program> AnyProgram(bool small);

// What happened when a volume on `start` ran the program.
struct Ran {
  std::vector<Operation> history;
  PlainImage current;  // what programs saw in the end
};
Ran RunOnVolume(const Program& program, const DiskImage& start);

// What an image holds, as the enumerator takes it.
Disk PlainDisk(const DiskImage& image);

}  // namespace lumen::faultfs::verify
