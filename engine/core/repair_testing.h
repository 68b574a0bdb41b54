#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/crash_testing.h"
#include "engine/memory_file_system.h"
#include "engine/repair.h"

// A database as it was before somebody damaged it, and what a repair plan says about it. What a
// plan keeps is read from the undamaged files, by none of repair's code.
namespace lumen {

class PristineDatabase {
 public:
  // What /db holds, as a process crash after `script` leaves it.
  PristineDatabase(uint64_t seed, const std::string& script);

  MemoryFileSystem& files() { return *files_; }
  const std::vector<std::string>& names() const { return names_; }
  // What every reader saw.
  const Content& content() const { return content_; }
  // Where the frames of a WAL segment or manifest end; of other files their size.
  uint64_t UsedBytes(const std::string& name) const;

  // What a database holds whose tables and WAL are those that `plan`, of the directory as it is in
  // `damaged`, keeps.
  Content Kept(const RepairPlan& plan, MemoryFileSystem& damaged) const;
  // Whether the plan, of the directory as it is in `damaged`, accounts for the loss of what `key`
  // was.
  bool Accounted(const RepairPlan& plan, const std::string& key, MemoryFileSystem& damaged) const;

 private:
  struct Version {
    uint64_t sequence = 0;
    EntryKind kind = EntryKind::kPut;
    std::string key;
    std::string value;
  };
  using Newest = std::map<std::string, const Version*>;

  void ReadTable(const std::string& name);
  void ReadWal(const std::string& name);
  static void Add(const std::vector<Version>& versions, Newest& newest);

  std::unique_ptr<MemoryFileSystem> files_;
  std::vector<std::string> names_;
  Content content_;
  std::map<std::string, std::vector<Version>> tables_;
  std::map<std::string, std::map<uint64_t, std::vector<Version>>> frames_;  // by offset
  std::map<std::string, uint64_t> used_;
};

// The same files, all durable.
std::unique_ptr<MemoryFileSystem> DurableCopy(MemoryFileSystem& files);

// Puts one wrong thing into /db: a flipped bit, garbage, zeros, a cut, a missing file. Says what.
std::string DamageSomething(uint64_t seed, const PristineDatabase& pristine,
                            MemoryFileSystem& files);

}  // namespace lumen
