#!/usr/bin/env python3
"""The offline half of lumen as a person and as a script meet it: exit codes, what goes where, and what it leaves behind.

usage: cli_offline_test.py BIN_FOLDER
"""
import base64
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

BIN = pathlib.Path(sys.argv[1])
FROZEN = pathlib.Path(__file__).resolve().parent.parent / "engine/core/testdata/frozen_0_1_0/db"
LEGACY = pathlib.Path(__file__).resolve().parent / "testdata/legacy"
PATIENCE = 60


class Server:
    """A running lumen-server on a free port."""

    def __init__(self, data):
        self.process = subprocess.Popen([BIN / "lumen-server", "--data-dir", data, "--listen", "127.0.0.1:0"],
                                        stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"serving on .* \(port (\d+)\)", line)
            if found:
                self.address = "127.0.0.1:" + found.group(1)
                return
        raise AssertionError("the server did not start")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE)


def lumen(*arguments, **options):
    run = subprocess.run([BIN / "lumen", *arguments], capture_output=True, text=True, timeout=PATIENCE, **options)
    return run.returncode, run.stdout, run.stderr


class Offline(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.db = self.folder / "db"
        shutil.copytree(FROZEN, self.db)

    def damage(self, name, offset=600):
        data = bytearray((self.db / name).read_bytes())
        data[offset] ^= 1
        (self.db / name).write_bytes(data)

    def content(self):
        return {path.name: path.read_bytes() for path in self.db.iterdir() if path.is_file() and path.name != "LOCK"}

    def test_a_whole_directory_verifies_and_is_not_repaired(self):
        before = self.content()
        code, out, err = lumen("verify", self.db)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("tables: 11, 16011 bytes, 235 entries, 0 damaged", out)
        self.assertTrue(out.endswith(f"whole: {self.db}\n"), out)
        for arguments in [], ["--yes"]:
            code, out, err = lumen("repair", *arguments, self.db)
            self.assertEqual((code, err), (0, ""))
            self.assertIn("nothing to repair", out)
        self.assertEqual(self.content(), before)
        self.assertFalse((self.db / "lost").exists())

    def test_damage_in_a_table_is_found_where_an_open_would_not_look(self):
        self.damage("00000083.sst")
        code, out, err = lumen("verify", self.db)
        self.assertEqual(code, 5)
        self.assertIn("00000083.sst: offset 527: ", out)
        self.assertIn("lumen repair", err)
        code, out, _ = lumen("verify", "-o", "jsonl", self.db)
        records = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(code, 5)
        self.assertEqual([r["name"] for r in records if r["type"] == "table" and not r["whole"]], ["00000083.sst"])
        self.assertEqual(records[-1]["damages"], 1)
        self.assertEqual(json.loads(lumen("verify", "-o", "json", self.db)[1]), records)

    def test_a_dry_run_changes_nothing_and_yes_does_what_it_said(self):
        self.damage("00000083.sst")
        damaged = self.content()
        code, said, err = lumen("repair", self.db)
        self.assertEqual(code, 5)
        self.assertIn("lost: 00000083.sst: ", said)
        self.assertIn("nothing was changed", err)
        self.assertEqual(self.content(), damaged)
        code, did, err = lumen("repair", "--yes", self.db)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(did, said + f"repaired: {self.db}\n")
        self.assertEqual((self.db / "lost/1/00000083.sst").read_bytes(), damaged["00000083.sst"])
        self.assertEqual(lumen("verify", self.db)[0], 0)
        server = Server(self.db)
        self.addCleanup(server.process.wait)
        self.addCleanup(server.process.kill)
        server.stop()
        self.assertEqual((self.db / "lost/1/00000083.sst").read_bytes(), damaged["00000083.sst"])

    def test_a_lost_current_costs_nothing(self):
        (self.db / "CURRENT").unlink()
        code, out, _ = lumen("repair", "-o", "jsonl", self.db)
        summary = json.loads(out.splitlines()[-1])
        self.assertEqual((code, summary["needed"], summary["repaired"]), (5, True, False))
        code, out, _ = lumen("repair", "--yes", self.db)
        self.assertEqual(code, 0)
        self.assertNotIn(".sst", "".join(line for line in out.splitlines() if line.startswith("lost:")))
        self.assertEqual(lumen("verify", self.db)[0], 0)

    def test_the_listing_of_operations_can_be_cut_short(self):
        self.damage("00000119.wal", 5000)
        full = lumen("repair", self.db)[1]
        self.assertRegex(full, r"\n    \d+ put \"key\d+\"")
        short = lumen("repair", "--operations", "1", self.db)[1]
        self.assertEqual(len(re.findall(r"\n    \d+ (?:put|delete) ", short)), 1)
        self.assertRegex(short, r"\n    and \d+ more\n")

    def test_where_there_is_no_database_the_code_is_6(self):
        for command in "verify", "repair":
            self.assertEqual(lumen(command, self.folder)[0], 6)
        self.assertEqual(lumen("repair", self.folder / "none")[0], 6)

    def test_beside_a_server_verify_warns_and_repair_refuses(self):
        server = Server(self.db)
        self.addCleanup(server.process.wait)
        self.addCleanup(server.process.kill)
        code, out, err = lumen("verify", self.db)
        self.assertEqual(code, 0, out)
        self.assertIn(f"process {server.process.pid} on ", err)
        code, _, err = lumen("repair", "--yes", self.db)
        self.assertEqual(code, 4)
        self.assertIn(f"process {server.process.pid} on ", err)
        server.stop()

    def test_a_refused_open_names_the_commands(self):
        self.damage("00000119.wal", 5000)
        run = subprocess.run([BIN / "lumen-server", "--data-dir", self.db, "--listen", "127.0.0.1:0"],
                             capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(run.returncode, 5)
        self.assertIn("lumen repair ", run.stderr)

    def test_dumps_are_text_or_json(self):
        code, out, _ = lumen("manifest", "dump", self.db / "MANIFEST-117")
        self.assertEqual(code, 0)
        self.assertIn("add 00000108.sst to level 6", out)
        records = [json.loads(line) for line in lumen("manifest", "dump", "-o", "jsonl",
                                                      self.db / "MANIFEST-117")[1].splitlines()]
        self.assertEqual([r["type"] for r in records], ["header", "frame", "frame", "frame", "verdict"])
        records = json.loads(lumen("wal", "dump", "-o", "json", self.db / "00000121.wal")[1])
        self.assertEqual(records[-1]["operations"], 12)
        self.assertEqual(lumen("manifest", "dump", self.db / "00000121.wal")[0], 2)

    def test_verdicts_are_text_or_json(self):
        records = [json.loads(line) for line in lumen("wal", "verify", "-o", "jsonl", self.db)[1].splitlines()]
        self.assertEqual([r["type"] for r in records], ["manifest"] + 3 * ["segment"] + ["summary"])
        self.assertTrue(records[-1]["whole"])
        self.damage("00000083.sst")
        for name, whole in ("00000083.sst", False), ("00000122.sst", True):
            code, out, _ = lumen("sst", "verify", "-o", "jsonl", self.db / name)
            self.assertEqual((code, json.loads(out)["whole"]), (0 if whole else 5, whole))
        records = json.loads(lumen("wal", "verify", "-o", "json", self.db / "00000121.wal")[1])
        self.assertEqual(records[-1]["operations"], 12)

    def assert_holds(self, directory, expected):
        server = Server(directory)
        self.addCleanup(server.process.wait)
        self.addCleanup(server.process.kill)
        for key, value in list(expected.items())[::7]:
            run = subprocess.run([BIN / "lumen", "get", key, "--server", server.address], capture_output=True,
                                 timeout=PATIENCE)
            self.assertEqual((run.returncode, run.stdout), (0, base64.b64decode(value)), key)
        server.stop()

    def test_the_originals_log_is_imported_and_served(self):
        for case in "clean", "torn":
            expected = json.loads((LEGACY / case / "expected.json").read_text())
            to = self.folder / case
            code, out, err = lumen("import-legacy", LEGACY / case / "wal.log", to)
            self.assertEqual((code, err), (0, ""))
            self.assertEqual("torn tail at offset 76620: 60 bytes" in out, case == "torn", out)
            self.assertIn(f"{len(expected)} keys in {to}", out)
            self.assertEqual(lumen("verify", to)[0], 0)
            self.assert_holds(to, expected)

    def test_a_damaged_log_is_refused_unless_its_good_prefix_is_asked_for(self):
        log, to = LEGACY / "corrupt/wal.log", self.folder / "to"
        code, out, err = lumen("import-legacy", log, to)
        self.assertEqual((code, out), (5, ""))
        self.assertIn(f"{log}: offset 27475: the record is damaged: its checksum does not match", err)
        self.assertIn("nothing was imported; --good-prefix imports the 150 records before the damage", err)
        self.assertEqual([to.exists(), (self.folder / "to.importing").exists()], [False, False])
        code, out, _ = lumen("import-legacy", "--good-prefix", "-o", "jsonl", log, to)
        summary = json.loads(out)
        self.assertEqual((code, summary["puts"] + summary["deletes"], summary["imported_bytes"]), (0, 150, 27475))
        self.assertIn("offset 27475", summary["damage"])

    def test_an_import_goes_into_what_is_empty_unless_asked(self):
        log = LEGACY / "clean/wal.log"
        before = self.content()
        code, _, err = lumen("import-legacy", log, self.db)
        self.assertEqual(code, 4)
        self.assertIn("is not empty", err)
        self.assertEqual(self.content(), before)
        self.assertEqual(lumen("import-legacy", "--into-existing", log, self.db)[0], 0)
        expected = json.loads((LEGACY / "clean/expected.json").read_text())
        self.assert_holds(self.db, expected)
        empty = self.folder / "empty"
        empty.mkdir()
        self.assertEqual(lumen("import-legacy", log, str(empty) + "/")[0], 0)
        self.assertEqual(lumen("import-legacy", self.folder / "none", self.folder / "x")[0], 4)
        (self.folder / "y.importing").mkdir()
        code, _, err = lumen("import-legacy", log, self.folder / "y")
        self.assertEqual(code, 4)
        self.assertIn("y.importing: is there", err)

    def test_progress_is_for_terminals(self):
        screen, terminal = pty.openpty()
        self.addCleanup(os.close, screen)
        run = subprocess.run([BIN / "lumen", "verify", self.db], stdout=subprocess.PIPE, stderr=terminal, timeout=PATIENCE)
        os.close(terminal)
        self.assertEqual(run.returncode, 0)
        self.assertIn(b"verifying: 100 %", os.read(screen, 65536))

    def test_each_command_has_help_with_three_examples(self):
        for command in (["verify"], ["repair"], ["wal", "dump"], ["wal", "verify"], ["manifest", "dump"],
                        ["sst", "dump"], ["sst", "verify"], ["import-legacy"]):
            code, out, err = lumen(*command, "--help")
            self.assertEqual((code, err), (0, ""))
            examples = out.split("Examples:")[1].split("Exit codes:")[0]
            self.assertGreaterEqual(examples.count(f"lumen {' '.join(command)} "), 3, out)

    def test_mistakes_are_usage_errors(self):
        for wrong in (["verify"], ["repair"], ["repair", "--yes"], ["verify", "-o", "xml", "x"], ["manifest"],
                      ["manifest", "dump"], ["import-legacy", "x"], ["repair", "--operations", "-1", "x"]):
            self.assertEqual(lumen(*wrong)[0], 2, wrong)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
