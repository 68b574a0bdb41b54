#!/usr/bin/env python3
"""lumen-server does what proto/ says, and lumen-conformance notices a
server that does not.

usage: conformance_test.py BIN_FOLDER
"""
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import unittest

BIN = pathlib.Path(sys.argv[1])
PATIENCE = 240


def conformance(*arguments):
    return subprocess.run([BIN / "lumen-conformance", *arguments], text=True, timeout=PATIENCE, capture_output=True)


class Conformance(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, *arguments):
        server = subprocess.Popen([BIN / "lumen-server", "--data-dir", self.folder / "data", "--listen", "127.0.0.1:0",
                                   *arguments], stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        for line in server.stderr:
            found = re.search(r"serving on .* \(port (\d+)\)", line)
            if found:
                return server, "127.0.0.1:" + found.group(1)
        self.fail("lumen-server did not start")

    def test_lumen_server_does_what_the_protos_say(self):
        server, address = self.start()
        run = conformance("--server", address, "--checkpoint")
        print(run.stdout)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        rows = len(re.findall(r"^pass  ", run.stdout, re.MULTILINE))
        self.assertRegex(run.stdout, rf"\n{rows} rows: {rows} passed, 0 failed\n$")
        self.assertGreater(rows, 70)
        server.terminate()
        self.assertEqual(server.wait(timeout=PATIENCE), 0)

    def test_a_row_that_does_not_hold_is_red_and_says_why(self):
        _, address = self.start("--max-value", "1KiB")
        run = conformance("--server", address, "--only", "limit.value", "--only", "get.absent", "--max-value", "2KiB")
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertRegex(run.stdout, r"(?m)^pass  get.absent ")
        self.assertRegex(run.stdout, r"(?m)^FAIL  limit.value .*value has 2048 bytes; the limit is 1024")
        self.assertRegex(run.stdout, r"\n3 rows: 1 passed, 2 failed\n$")

    def test_nobody_there(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            run = conformance("--server", f"127.0.0.1:{taken.getsockname()[1]}")
        self.assertEqual(run.returncode, 3, run.stderr)
        self.assertIn("nobody listens", run.stderr)

    def test_usage(self):
        for arguments in ((), ("--frobnicate",), ("--server", "127.0.0.1:1", "--only", "no.such.row")):
            self.assertEqual(conformance(*arguments).returncode, 2, arguments)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
