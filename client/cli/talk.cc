#include "client/cli/talk.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace lumen::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kProgressInterval{100};
constexpr char kRed[] = "\033[31m";
constexpr char kPlain[] = "\033[0m";
constexpr char kClearLine[] = "\r\033[K";

}  // namespace

bool MayColour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return isatty(fd) != 0 && (no_colour == nullptr || *no_colour == '\0') && terminal != nullptr &&
         std::strcmp(terminal, "dumb") != 0;
}

Talk::Talk()
    : is_terminal_(isatty(STDERR_FILENO) != 0),
      colours_(MayColour(STDERR_FILENO)),
      next_progress_(Clock::now() + kProgressInterval) {}

Talk::~Talk() { ClearProgress(); }

void Talk::Complain(const std::string& what) {
  ClearProgress();
  std::fprintf(stderr, "%slumen:%s %s\n", colours_ ? kRed : "", colours_ ? kPlain : "",
               what.c_str());
}

void Talk::Note(const std::string& what) {
  ClearProgress();
  std::fprintf(stderr, "%s\n", what.c_str());
}

bool Talk::WantsProgress() { return is_terminal_ && Clock::now() >= next_progress_; }

void Talk::ShowProgress(const std::string& line) {
  if (!WantsProgress()) return;
  next_progress_ = Clock::now() + kProgressInterval;
  ReplaceProgress(line);
}

void Talk::ReplaceProgress(const std::string& line) {
  if (!is_terminal_) return;
  progress_shown_ = true;
  std::fprintf(stderr, "%s%s", kClearLine, line.c_str());
  std::fflush(stderr);
}

void Talk::ClearProgress() {
  if (!progress_shown_) return;
  progress_shown_ = false;
  std::fputs(kClearLine, stderr);
}

}  // namespace lumen::cli
