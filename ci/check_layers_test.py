#!/usr/bin/env python3
"""Goal: ci/check-layers sees each kind of violation, and only that.
Method: a small clean tree passes; each case adds one file to it and names the line and the words that the report must
hold. A row of files that look like violations, and are none, must stay silent."""
import os
import subprocess
import sys
import tempfile
import unittest

CHECK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "check-layers")

CLEAN = {
    "engine/engine.h": '#pragma once\n#include "engine/options.h"\n',
    "engine/options.h": "#pragma once\n",
    "engine/base/mutex.h": "#pragma once\n#include <mutex>\nclass Mutex { std::mutex mutex_; };\n",
    "engine/format/frame.h": '#pragma once\n#include "engine/base/mutex.h"\n',
    "engine/wal/writer.h": '#pragma once\n#include "engine/format/frame.h"\n',
    "engine/table/table.h": "#pragma once\n",
    "engine/table/table_summary.h": "#pragma once\n",
    "engine/manifest/edit.h": '#pragma once\n#include "engine/table/table_summary.h"\n',
    "engine/core/core.cc": '#include "engine/wal/writer.h"\n#include "engine/manifest/edit.h"\n',
    "engine/env/files.cc": "#include <fcntl.h>\nint Open() { return ::open(\"x\", O_RDONLY); }\n",
    "faultfs/volume.h": '#pragma once\n#include "engine/options.h"\n',
    "faultfs/operation.h": "#pragma once\n#include <string>\n",
    "faultfs/verify/remains.h": '#pragma once\n#include <string>\n#include "faultfs/operation.h"\n',
    "faultfs/verify/enumerator.cc": '#include "faultfs/verify/remains.h"\n',
    "faultfs/verify/set_test.cc": '#include "absl/status/status.h"\n#include "faultfs/volume.h"\n',
    "server/service.cc": '#include "engine/engine.h"\n#include "proto/kv.pb.h"\n#include "kv.grpc.pb.h"\n',
    "client/client.h": '#pragma once\n#include "proto/kv.grpc.pb.h"\n',
    "proptests/model_test.cc": '#include "faultfs/volume.h"\n#include "client/client.h"\n#include "engine/wal/writer.h"\n',
}

# File, its text, the line of the report, words in it.
VIOLATIONS = [
    ("engine/wal/a.cc", '#include <string>\n#include "faultfs/volume.h"\n', 2, "engine must not include faultfs"),
    ("engine/wal/a.cc", '#include "proto/kv.pb.h"\n', 1, "engine must not include proto"),
    ("faultfs/a.cc", '#include "engine/wal/writer.h"\n', 1, "private to engine"),
    ("faultfs/a.cc", '#include "server/service.h"\n', 1, "faultfs must not include server"),
    ("faultfs/verify/a.cc", '#include <set>\n#include "faultfs/volume.h"\n', 2, "stands alone"),
    ("faultfs/verify/a.h", '#pragma once\n#include "faultfs/volume/inner.h"\n', 2, "stands alone"),
    ("faultfs/verify/a.cc", '#include "engine/options.h"\n', 1, "stands alone"),
    ("faultfs/verify/a.cc", '#include "absl/status/status.h"\n', 1, "stands alone"),
    ("faultfs/verify/a.cc", "#include <faultfs/volume.h>\n", 1, "stands alone"),
    ("faultfs/verify/a.cc", '#define H "faultfs/volume.h"\n# include H\n', 2, "stands alone"),
    ("server/a.cc", '#include "faultfs/volume.h"\n', 1, "server must not include faultfs"),
    ("server/a_test.cc", '#include "engine/core/core.h"\n', 1, "private to engine"),
    ("client/a.cc", '#include "server/service.h"\n', 1, "client must not include server"),
    ("bench/a.cc", '#include "engine/wal/writer.h"\n', 1, "private to engine"),
    ("proptests/a_test.cc", '#include "faultfs/deep/inner.h"\n', 1, "private to faultfs"),
    ("engine/base/a.h", '#pragma once\n#include "engine/format/frame.h"\n', 2, "engine/base must not include engine/format"),
    ("engine/wal/a.cc", '#include "engine/env/files.h"\n', 1, "engine/wal must not include engine/env"),
    ("engine/manifest/a.cc", '#include "engine/table/table.h"\n', 1, "engine/manifest must not include engine/table"),
    ("engine/table/a.cc", '#include "engine/memtable/memtable.h"\n', 1, "engine/table must not include engine/memtable"),
    ("engine/table/a_test.cc", '#include "engine/core/core.h"\n', 1, "engine/table must not include engine/core"),
    ("engine/core/a.cc", '#include "engine/core/core_test_support.h"\n', 1, "made for tests"),
    ("engine/public.h", '#pragma once\n#include "engine/wal/writer.h"\n', 2, "public header must not include a private one"),
    ("engine/novel/a.cc", "int a;\n", 1, "engine/novel has no row"),
    ("engine/wal/a.h", "int a;\n", 1, "without #pragma once"),
    ("server/a.cc", "\n" * 601, 601, "longer than 600 lines"),
    ("engine/wal/a.cc", '#include "writer.h"\n', 1, "write the path from the top"),
    ("engine/core/a.cc", "void F() {\n  std::thread t;\n}\n", 2, "a thread behind"),
    ("engine/core/a.cc", "auto t = std::chrono::steady_clock::now();\n", 1, "a clock behind"),
    ("engine/core/a.cc", "void F() { std::this_thread::sleep_for(x); }\n", 1, "a sleep behind"),
    ("engine/core/a.cc", "int r = rand();\n", 1, "a random number behind"),
    ("engine/core/a.cc", "std::random_device device;\n", 1, "a random number behind"),
    ("engine/core/a.cc", 'FILE* f = fopen("x", "r");\n', 1, "a file behind"),
    ("engine/core/a.cc", "int f = open(path, 0);\n", 1, "a file behind"),
    ("engine/core/a.cc", "int f = ::open(path, 0);\n", 1, "a file behind"),
    ("engine/core/a.cc", "std::ofstream out;\n", 1, "a file behind"),
    ("engine/core/a.cc", "const char c = '\"'; int r = rand();  // \"\n", 1, "a random number behind"),
    ("engine/core/a.cc", "std::mutex mutex;\n", 1, "a lock of its own behind"),
    ("engine/env/a.cc", "absl::Mutex mutex;\n", 1, "a lock of its own behind"),
]

SILENT = {
    "engine/core/words.cc": "// std::thread, rand() and open(x) in a comment\n"
                            "/* fopen(\n   std::mutex */\n"
                            'const char* s = "rand() std::thread \\" open(x)";\n'
                            "const int n = 1'000 + operand(2) + reopen(3) + file.open(4) + Engine::Open(5);\n",
    "engine/core/core_test_support.h": "#pragma once\nstd::mt19937 random;\n",
    "engine/core/core_bench.cc": "std::mt19937 random;\n",
    "engine/core/core_test.cc": '#include "engine/env/memory_files.h"\n#include "engine/wal/writer_test_support.h"\nstd::thread t; int r = rand();\n',
    "engine/env/clock.cc": "auto t = std::chrono::steady_clock::now();\n",
    "server/main.cc": '#include <thread>\n#include "engine/base/mutex.h"\nstd::thread t;\n',
}


class CheckLayersTest(unittest.TestCase):
    def run_check(self, files):
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run([sys.executable, CHECK, "--root", root], capture_output=True, text=True, check=False)
            return done.returncode, done.stdout.splitlines()

    def test_a_clean_tree_passes(self):
        code, lines = self.run_check(CLEAN)
        self.assertEqual((code, len(lines)), (0, 1), lines)

    def test_each_violation_is_reported_once_where_it_is(self):
        for path, text, line, words in VIOLATIONS:
            with self.subTest(path=path, text=text[:60]):
                code, lines = self.run_check({**CLEAN, path: text})
                self.assertEqual(code, 1, lines)
                self.assertEqual(len(lines), 2, lines)
                self.assertTrue(lines[0].startswith(f"{path}:{line}: "), lines[0])
                self.assertIn(words, lines[0])

    def test_what_only_looks_like_a_violation_is_silent(self):
        code, lines = self.run_check({**CLEAN, **SILENT})
        self.assertEqual((code, len(lines)), (0, 1), lines)

    def test_an_empty_tree_is_red(self):
        code, _ = self.run_check({})
        self.assertEqual(code, 1)


if __name__ == "__main__":
    unittest.main()
