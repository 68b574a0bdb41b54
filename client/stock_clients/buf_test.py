#!/usr/bin/env python3
"""buf at the version of package-lock.json: the protos are in order, nothing a client relies on has changed, and
`buf curl` calls the server by reflection alone.

usage: buf_test.py BIN_FOLDER TOOLS_FOLDER
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import stock

BIN, TOOLS = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
NODE, MODULES = stock.node_modules(TOOLS)
FROZEN = stock.PROTO / "frozen.binpb"


def buf(*arguments, folder=stock.PROTO):
    return subprocess.run([*NODE, MODULES / "@bufbuild" / "buf" / "bin" / "buf", *arguments], text=True, cwd=folder,
                          timeout=stock.PATIENCE, capture_output=True)


class Protos(unittest.TestCase):
    def test_lint(self):
        run = buf("lint")
        self.assertEqual((run.returncode, run.stdout + run.stderr), (0, ""))

    def test_nothing_that_was_frozen_has_changed(self):
        run = buf("breaking", "--against", FROZEN)
        self.assertEqual((run.returncode, run.stdout + run.stderr), (0, ""))

    def test_everything_there_is_has_been_frozen(self):
        """Else a later change of what is not would pass: proto/buf.yaml says how to freeze."""
        with tempfile.TemporaryDirectory() as folder:
            now = pathlib.Path(folder) / "now.binpb"
            self.assertEqual(buf("build", "--exclude-source-info", "-o", now).returncode, 0)
            # The frozen one must have all that there is now, which is to say: nothing of it is missing there.
            run = buf("breaking", FROZEN, "--against", now)
            self.assertEqual((run.returncode, run.stdout + run.stderr), (0, ""))

    def test_a_field_that_changes_is_seen(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "proto"
            shutil.copytree(stock.PROTO, copy)
            kv = copy / "lumen" / "v1" / "kv.proto"
            kv.write_text(kv.read_text().replace("bool existed = 1;", "bytes existed = 1;"))
            run = buf("breaking", "--against", FROZEN, folder=copy)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("existed", run.stdout)


class Curl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = stock.Server(BIN)
        cls.addClassCleanup(cls.server.stop)

    def curl(self, method, data="{}"):
        return buf("curl", "--protocol", "grpc", "--http2-prior-knowledge", "--emit-defaults", "-d", data,
                   f"http://{self.server.address}/{method}")

    def test_methods_are_listed_by_reflection(self):
        run = buf("curl", "--protocol", "grpc", "--http2-prior-knowledge", "--list-methods",
                  f"http://{self.server.address}")
        self.assertEqual(run.returncode, 0, run.stderr)
        for method in ("kv.KeyValueStore/Put", "lumen.v1.KeyValue/Scan", "lumen.v1.Admin/Verify",
                       "grpc.health.v1.Health/Check"):
            self.assertIn(method, run.stdout.split())

    def test_put_get_scan(self):
        self.assertEqual(self.curl("lumen.v1.KeyValue/Put", '{"key": "aw==", "value": "dg=="}').returncode, 0)
        got = json.loads(self.curl("lumen.v1.KeyValue/Get", '{"key": "aw=="}').stdout)
        self.assertEqual((got["found"], got["value"]), (True, "dg=="))
        original = json.loads(self.curl("kv.KeyValueStore/Get", '{"key": "k"}').stdout)
        self.assertEqual((original["found"], original["value"]), (True, "dg=="))
        scanned = json.loads(self.curl("lumen.v1.KeyValue/Scan", '{"prefix": "aw=="}').stdout)
        self.assertEqual([entry["key"] for entry in scanned["entries"]], ["aw=="])

    def test_errors_have_details_that_it_can_show(self):
        run = self.curl("lumen.v1.KeyValue/Get")
        self.assertNotEqual(run.returncode, 0)
        error = json.loads(run.stderr)
        self.assertEqual((error["code"], error["message"]), ("invalid_argument", "key must not be empty"))
        self.assertEqual(error["details"][0]["type"], "google.rpc.ErrorInfo")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
