#!/usr/bin/env python3
"""The quickstart end to end: green on the real server, red on one that loses data and on one that does not come back.

usage: quickstart_test.py BIN_FOLDER
"""
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

BIN = pathlib.Path(sys.argv[1])
PLANTED = pathlib.Path(__file__).parent / "testdata"


def quickstart(*arguments):
    environment = dict(os.environ, LUMEN_SERVER_BINARY=str(BIN / "lumen-server"))
    return subprocess.run([BIN / "lumen-quickstart", *arguments], env=environment, text=True, timeout=100,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Quickstart(unittest.TestCase):
    def test_nothing_is_lost_by_the_real_server(self):
        run = quickstart("--rounds", "5", "--seed", "11")
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertIn("OK: 5 kills, each with at least ", run.stdout)

    def red(self, planted, *words):
        run = quickstart("--rounds", "5", "--seed", "11", "--server-binary", str(PLANTED / planted))
        self.assertEqual(run.returncode, 1, run.stdout)
        for word in words:
            self.assertIn(word, run.stdout)
        kept = run.stdout.split("Data and log are kept in ")[1].splitlines()[0]
        self.assertTrue(os.path.isdir(kept))
        shutil.rmtree(kept)

    def test_lost_data_is_red_and_names_keys(self):
        self.red("forgetful-server", "FAILED in round 1", "key c", "acknowledged: put counter", "found: nothing",
                 "--seed 11")

    def test_a_server_that_does_not_come_back_is_red_and_shows_its_log(self):
        self.red("refusing-server", "the server refused to start: exit code 5", "planted refusal")

    def test_wrong_usage(self):
        self.assertEqual(quickstart("--rounds", "0").returncode, 2)
        self.assertEqual(quickstart("--frobnicate").returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
