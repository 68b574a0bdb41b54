#pragma once

#include <map>
#include <string>

#include "faultfs/disk_image.h"
#include "faultfs/operation.h"

namespace lumen::crash {

// Tells operations by the names that their inodes have. Follows one history from its start.
class OperationText {
 public:
  explicit OperationText(const faultfs::DiskImage& start);

  // "append 00000001.wal @4096 +512", "sync 00000001.wal: error, its data is marked clean". Takes
  // the operation as done.
  std::string Tell(const faultfs::Operation& operation);

 private:
  std::string PathOf(faultfs::InodeNumber inode) const;
  std::string Joined(faultfs::InodeNumber directory, const std::string& name) const;
  void Remember(const faultfs::DiskImage& image, faultfs::InodeNumber directory);

  std::map<faultfs::InodeNumber, std::string> paths_;  // the newest name of each
};

}  // namespace lumen::crash
