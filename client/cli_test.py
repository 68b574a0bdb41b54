#!/usr/bin/env python3
"""lumen and lumen-server as a person meets them: exit codes, what goes where, and that nothing is lost on the way.

usage: cli_test.py BIN_FOLDER
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

BIN = pathlib.Path(sys.argv[1])
FROZEN = pathlib.Path(__file__).resolve().parent.parent / "engine/core/testdata/frozen_0_1_0/db"
PATIENCE = 60


class Server:
    """A running lumen-server on a free port."""

    def __init__(self, data, *arguments):
        self.process = subprocess.Popen([BIN / "lumen-server", "--data-dir", data, "--listen", "127.0.0.1:0", *arguments],
                                        stderr=subprocess.PIPE, text=True)
        self.log = ""
        for line in self.process.stderr:
            self.log += line
            found = re.search(r"serving on .* \(port (\d+)\)", line)
            if found:
                self.address = "127.0.0.1:" + found.group(1)
                return
        raise AssertionError("the server did not start:\n" + self.log)

    def stop(self, by=signal.SIGTERM):
        self.process.send_signal(by)
        self.log += self.process.communicate(timeout=PATIENCE)[1]
        return self.process.returncode


def refused(*arguments, environment=None):
    run = subprocess.run([BIN / "lumen-server", *arguments], capture_output=True, text=True, timeout=PATIENCE,
                         env=dict(os.environ, **(environment or {})))
    return run.returncode, run.stderr


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = str(self.folder / "data")
        self.server = Server(self.data)
        self.addCleanup(self.server.process.wait)
        self.addCleanup(self.server.process.kill)

    def lumen(self, *arguments, stdin=b"", server=None):
        environment = dict(os.environ, LUMEN_SERVER=server or self.server.address)
        return subprocess.run([BIN / "lumen", *arguments], input=stdin, capture_output=True, timeout=PATIENCE,
                              env=environment)

    def code(self, *arguments, **options):
        return self.lumen(*arguments, **options).returncode

    def value(self, key):
        run = self.lumen("get", key)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        return run.stdout

    def test_values_come_back_byte_for_byte_from_each_source(self):
        binary = bytes(range(256)) * 3
        (self.folder / "file").write_bytes(binary)
        self.assertEqual(self.code("put", "a", "plain text"), 0)
        self.assertEqual(self.code("put", "b", "-", stdin=binary), 0)
        self.assertEqual(self.code("put", "c", "@" + str(self.folder / "file")), 0)
        self.assertEqual(self.code("put", "d", ""), 0)
        self.assertEqual([self.value(key) for key in "abcd"], [b"plain text", binary, binary, b""])

    def test_absent_keys_have_an_exit_code_of_their_own(self):
        self.assertEqual(self.code("get", "k"), 6)
        self.assertEqual(self.code("put", "k", "v"), 0)
        self.assertEqual(self.code("del", "k"), 0)
        run = self.lumen("del", "k")
        self.assertEqual((run.returncode, run.stdout), (6, b""))
        self.assertIn(b"not found: k", run.stderr)

    def test_mistakes_are_usage_errors(self):
        for wrong in (["put", "k"], ["get"], ["frobnicate"], [], ["get", "k", "--timeout", "5"],
                      ["put", "k", "@/nonexistent"], ["wal"], ["wal", "dump", str(self.folder / "x")],
                      ["sst"], ["sst", "dump"], ["sst", "verify", "--entries", "x"]):
            self.assertEqual(self.code(*wrong), 2, wrong)
        self.assertEqual(self.code("--help"), 0)

    def test_server_errors_and_absent_servers_differ(self):
        run = self.lumen("put", "", "v")
        self.assertEqual(run.returncode, 4)
        self.assertIn(b"INVALID_ARGUMENT", run.stderr)
        self.assertIn(b"key must not be empty", run.stderr)
        self.assertEqual(self.code("get", "k", "--timeout", "200ms", server="127.0.0.1:1"), 3)

    def test_a_drained_server_exits_0_and_its_files_verify(self):
        self.assertEqual(self.code("put", "k", "v"), 0)
        self.assertEqual(self.server.stop(), 0)
        self.assertIn("drained", self.server.log)
        run = self.lumen("wal", "verify", self.data)
        self.assertEqual(run.returncode, 0, run.stdout)
        dumps = b"".join(self.lumen("wal", "dump", str(file)).stdout for file in pathlib.Path(self.data).glob("*.wal"))
        self.assertIn(b'put "k" 1 bytes', dumps)

    def test_tables_verify_and_say_what_is_in_them(self):
        table = str(FROZEN / "00000122.sst")
        run = self.lumen("sst", "verify", table)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        self.assertEqual(run.stdout.decode(), f"{table}: 303 bytes, whole\n")
        run = self.lumen("sst", "dump", table)
        self.assertEqual(run.returncode, 0)
        self.assertIn(b"properties: 2 entries, 1 tombstones", run.stdout)
        self.assertNotIn(b'543 delete "key001"', run.stdout)
        self.assertIn(b'543 delete "key001"', self.lumen("sst", "dump", "--entries", table).stdout)

    def test_a_damaged_table_is_code_5_and_the_place_is_named(self):
        damaged = bytearray((FROZEN / "00000083.sst").read_bytes())
        damaged[600] ^= 1
        table = self.folder / "00000083.sst"
        table.write_bytes(damaged)
        for command in "verify", "dump":
            run = self.lumen("sst", command, str(table))
            self.assertEqual(run.returncode, 5, run.stderr)
            self.assertIn(f"{table}: offset 527: ".encode(), run.stderr)
        # The dump goes on behind the damage.
        self.assertIn(b"block 3: offset 1360", run.stdout)

    def test_a_table_that_cannot_be_read_is_code_4(self):
        for path in self.folder / "none.sst", self.folder:
            for command in "verify", "dump":
                run = self.lumen("sst", command, str(path))
                self.assertEqual((run.returncode, run.stdout), (4, b""), run.stderr)
                self.assertIn(str(path).encode(), run.stderr)

    def test_a_killed_server_keeps_what_it_acknowledged(self):
        self.assertEqual(self.code("put", "k", "v"), 0)
        self.server.stop(signal.SIGKILL)
        self.server = Server(self.data)
        self.addCleanup(self.server.process.wait)
        self.addCleanup(self.server.process.kill)
        self.assertEqual(self.value("k"), b"v")

    def test_a_second_server_on_the_directory_names_the_first(self):
        code, log = refused("--data-dir", self.data, "--listen", "127.0.0.1:0")
        self.assertEqual(code, 3, log)
        self.assertIn(f"process {self.server.process.pid} on ", log)

    def test_a_second_server_on_the_port_is_refused_before_it_touches_a_file(self):
        other = self.folder / "other"
        code, log = refused("--data-dir", str(other), "--listen", self.server.address)
        self.assertEqual(code, 3, log)
        self.assertIn("cannot listen on " + self.server.address, log)
        self.assertFalse(other.exists())

    def test_corruption_is_refused_with_file_and_code_5(self):
        self.assertEqual(self.code("put", "k", "v"), 0)
        self.server.stop()
        current = pathlib.Path(self.data) / "CURRENT"
        current.write_bytes(b"MANIFEST-1 nonsense\n")
        code, log = refused("--data-dir", self.data, "--listen", "127.0.0.1:0")
        self.assertEqual(code, 5, log)
        self.assertIn("CURRENT", log)
        self.assertEqual(self.code("wal", "verify", self.data), 5)

    def test_directories_that_cannot_be_written_are_io_errors(self):
        (self.folder / "file").write_bytes(b"")
        code, log = refused("--data-dir", str(self.folder / "file" / "data"), "--listen", "127.0.0.1:0")
        self.assertEqual(code, 4, log)
        self.assertIn(str(self.folder / "file"), log)

    def test_wrong_settings_are_usage_errors(self):
        for wrong in (["--memtable-size", "-1"], ["--listen", "x"], ["--data-dri", "y"], ["stray"]):
            self.assertEqual(refused(*wrong)[0], 2, wrong)
        self.assertEqual(refused(environment={"LUMEN_MEMTABLE_SIZE": "1mb"})[0], 2)

    def test_the_originals_variables_are_obeyed(self):
        run = subprocess.Popen([BIN / "lumen-server"], stderr=subprocess.PIPE, text=True,
                               env=dict(os.environ, DATA_DIR=str(self.folder / "by-env"), BIND_ADDR="127.0.0.1:0"))
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        first = run.stderr.readline()
        self.assertIn(f"data {self.folder}/by-env, listen 127.0.0.1:0", first)
        run.terminate()
        run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
