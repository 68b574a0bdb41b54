#!/usr/bin/env python3
"""grpcurl by reflection, where there is a Go to build it with.

usage: grpcurl_test.py BIN_FOLDER TOOLS_FOLDER
"""
import json
import pathlib
import subprocess
import sys
import unittest

import stock

BIN, TOOLS = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
GRPCURL = stock.grpcurl(TOOLS)


class Grpcurl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = stock.Server(BIN)
        cls.addClassCleanup(cls.server.stop)

    def grpcurl(self, *arguments, data="{}"):
        return subprocess.run([GRPCURL, "-plaintext", "-d", data, self.server.address, *arguments], text=True,
                              timeout=stock.PATIENCE, capture_output=True)

    def test_the_originals_call(self):
        put = self.grpcurl("kv.KeyValueStore/Put", data='{"key":"faang","value":"aGlyZWQ="}')
        self.assertEqual(put.returncode, 0, put.stderr)
        self.assertEqual(json.loads(put.stdout), {"success": True})
        got = self.grpcurl("kv.KeyValueStore/Get", data='{"key":"faang"}')
        self.assertEqual(json.loads(got.stdout), {"value": "aGlyZWQ=", "found": True})

    def test_describe(self):
        run = self.grpcurl("describe", "lumen.v1.KeyValue")
        self.assertIn("rpc Scan ( .lumen.v1.ScanRequest ) returns ( stream .lumen.v1.ScanResponse );", run.stdout)

    def test_errors_show_their_details(self):
        run = self.grpcurl("lumen.v1.KeyValue/Get")
        self.assertEqual(run.returncode, 64 + 3, run.stderr)
        self.assertIn("key must not be empty", run.stderr)
        self.assertIn("INVALID_FIELD", run.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
