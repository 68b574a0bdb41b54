#pragma once

#include <vector>

#include "proptests/conformance/session.h"

namespace lumen::conformance {

// One sentence about the API, and what decides whether it holds of a server. A row works on keys of
// its own, so that rows may run on a server that holds other data and serves other clients.
struct Row {
  const char* id;
  const char* sentence;
  void (*check)(Session&);
};

std::vector<Row> PointRows();  // Get, Put, Delete, MultiGet
std::vector<Row> WriteRows();  // batches and preconditions
std::vector<Row> ScanRows();
std::vector<Row> ServiceRows();  // kv.KeyValueStore beside lumen.v1, Admin, health
std::vector<Row> LimitRows();
std::vector<Row> ErrorRows();

}  // namespace lumen::conformance
