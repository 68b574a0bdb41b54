#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "server/logging.h"

namespace lumen {

// What lumen-server is told at its start. Each comes from its flag, else its environment variables,
// else the default here.
struct Settings {
  std::string data_dir = "./data";
  std::string listen = "127.0.0.1:50051";
  uint64_t memory_budget_bytes = uint64_t{512} << 20;
  uint64_t memtable_bytes = uint64_t{64} << 20;
  uint64_t wal_segment_bytes = uint64_t{64} << 20;
  uint64_t max_value_bytes = (uint64_t{4} << 20) - (uint64_t{128} << 10);
  LogOptions log;
};

// Nothing to run: what to print, and the exit code.
struct Farewell {
  std::string text;
  int exit_code = 0;  // 0: --help, --version, on standard output; 2: wrong usage, on standard error
};

// `arguments` without the program's name. `environment` answers like getenv.
std::variant<Settings, Farewell> ParseSettings(
    const std::vector<std::string>& arguments,
    const std::function<const char*(const char*)>& environment);

}  // namespace lumen
