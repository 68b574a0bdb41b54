// A guarded field touched without its lock, planted: with the project's flags clang has to refuse
// this file.
#include "engine/base/mutex.h"

class Counter {
 public:
  void Add() { ++count_; }

 private:
  lumen::Mutex mutex_;
  int count_ GUARDED_BY(mutex_) = 0;
};

int main() { Counter().Add(); }
