#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

// What happened to a simulated volume, one operation at a time. The only thing that faultfs shares
// with the enumerator that checks it, so nothing but data. The model: docs/fault_model.md.
namespace lumen::faultfs {

using InodeNumber = uint32_t;  // never used twice in a volume's life; 0: none
inline constexpr InodeNumber kRootInode = 1;
inline constexpr uint64_t kSectorBytes = 512;

enum class OperationKind : uint8_t {
  kCreate,           // a new empty file `inode` at (directory, name)
  kMakeDirectory,    // a new directory `inode` at (directory, name)
  kLink,             // (directory, name) becomes another name of file `inode`
  kUnlink,           // (directory, name), which named file `inode`, is removed
  kRemoveDirectory,  // (directory, name), which named directory `inode`, is removed
  kRename,           // `inode` moves from (directory, name) to (to_directory, to_name)
  kAllocate,         // file `inode` now has `size` bytes, the new ones zero
  kAppend,           // `data` was put at `offset` of file `inode`, which now has `size` bytes
  kSync,             // of file `inode`
  kSyncDirectory,    // of directory `inode`
  // Damage at rest, never pending: the base, and the page cache, of file `inode` now have `size`
  // bytes (never more than before) and `data` at `offset`.
  kDamage,
};

// What a sync did; docs/fault_model.md, section 2.
enum class SyncEffect : uint8_t {
  kDurable,        // OK, and true
  kLied,           // OK, and nothing became durable
  kMarkedClean,    // error (or OK, where it is told late): what was pending never reaches the disk
  kReverted,       // error: the page cache went back to what is durable
  kFailedDurable,  // error, though everything became durable
  kFailedPartly,   // error: sectors chosen by `seed` became durable, the others never will
};

struct Operation {
  OperationKind kind = OperationKind::kCreate;
  InodeNumber inode = 0;
  InodeNumber directory = 0;
  std::string name = {};
  InodeNumber to_directory = 0;
  std::string to_name = {};
  InodeNumber replaced = 0;  // kRename: what (to_directory, to_name) named before; 0: nothing
  uint64_t offset = 0;
  std::shared_ptr<const std::string> data = {};
  uint64_t size = 0;
  SyncEffect effect = SyncEffect::kDurable;
  uint64_t seed = 0;  // kFailedPartly
  // For people: the file's role and what is being done, such as "wal 3: append".
  std::string tag = {};
};

// A disk's content by absolute path, "/db/CURRENT": bytes of a file, nothing for a directory. The
// root is not in it.
using PlainImage = std::map<std::string, std::optional<std::string>>;

}  // namespace lumen::faultfs
