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
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "server"))
from newer_format import make_newer

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
        self.assertIn("stop the server first", err)
        code, _, err = lumen("import-legacy", "--into-existing", LEGACY / "clean/wal.log", self.db)
        self.assertEqual(code, 4)
        self.assertIn(f"process {server.process.pid} on ", err)
        self.assertIn("stop the server first", err)
        server.stop()

    def test_a_removed_lock_lets_nobody_in(self):
        server = Server(self.db)
        self.addCleanup(server.process.wait)
        self.addCleanup(server.process.kill)
        (self.db / "LOCK").unlink()
        run = subprocess.run([BIN / "lumen-server", "--data-dir", self.db, "--listen", "127.0.0.1:0"],
                             capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(run.returncode, 3, run.stderr)
        code, _, err = lumen("repair", "--yes", self.db)
        self.assertEqual(code, 4)
        self.assertIn("stop the server first", err)
        server.stop()

    def test_directories_of_ours_are_not_foreign(self):
        for made in "checkpoints/one", "checkpoints/.two.tmp", "lost/1", "mine":
            (self.db / made).mkdir(parents=True)
        code, out, _ = lumen("verify", self.db)
        self.assertEqual(code, 0)
        self.assertIn("checkpoints: 1, not checked\nlost: kept by a repair\nnot ours: mine\n", out)
        code, out, _ = lumen("verify", "-o", "jsonl", self.db)
        self.assertEqual(json.loads(out.splitlines()[-1])["not_ours"], ["mine"])

    def test_a_refused_open_names_the_commands(self):
        self.damage("00000119.wal", 5000)
        run = subprocess.run([BIN / "lumen-server", "--data-dir", f"{self.db}/", "--listen", "127.0.0.1:0"],
                             capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(run.returncode, 5)
        refusal = run.stderr.splitlines()[-1]
        self.assertIn(f" error: cannot open {self.db}: DATA_LOSS: {self.db}/00000119.wal: offset 4096: ", refusal)
        # Nothing behind it that is for programs only.
        self.assertTrue(refusal.endswith(f"lumen repair {self.db}"), refusal)

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

    def test_the_dump_of_a_table_is_text_or_json(self):
        table = self.db / "00000122.sst"
        records = [json.loads(line) for line in lumen("sst", "dump", "-o", "jsonl", "--entries", table)[1].splitlines()]
        self.assertEqual([r["type"] for r in records], ["table", "block", "entry", "entry", "verdict"])
        self.assertEqual((records[0]["entries"], records[0]["tombstones"], records[0]["bytes"]), (2, 1, 303))
        self.assertEqual([(r["sequence"], r["op"], r["key"]) for r in records if r["type"] == "entry" and r["op"] == "delete"],
                         [(543, "delete", "key001")])
        self.assertIsInstance(next(r["value"] for r in records if r.get("op") == "put"), (str, dict))
        self.assertEqual(json.loads(lumen("sst", "dump", "-o", "json", "--entries", table)[1]), records)
        self.assertNotIn("entry", lumen("sst", "dump", "-o", "json", table)[1])
        # The dump goes on behind the damage, and says so at its end.
        self.damage("00000083.sst")
        code, out, err = lumen("sst", "dump", "-o", "jsonl", self.db / "00000083.sst")
        blocks = [r for r in map(json.loads, out.splitlines()) if r["type"] == "block"]
        self.assertEqual((code, [b["whole"] for b in blocks].count(False)), (5, 1))
        self.assertIn("offset 527", next(b["damage"] for b in blocks if not b["whole"]))
        verdict = json.loads(out.splitlines()[-1])
        self.assertEqual((verdict["type"], verdict["damaged"], "lumen: " + verdict["text"] + "\n"), ("verdict", True, err))

    def test_an_array_that_a_failure_ends_is_not_taken_for_the_whole(self):
        for command in ["wal", "dump", self.db / "00000200.wal"], ["sst", "dump", self.db / "none.sst"], ["verify", self.folder]:
            code, out, _ = lumen(*command, "-o", "json")
            self.assertEqual((code in (4, 6), out), (True, ""), command)

    def legacy_log(self, records):
        log = self.folder / "wal.log"
        with open(log, "wb") as out:
            for i in range(records):
                key, value = b"%08d" % i, b"v" * 400
                rest = len(key).to_bytes(8, "big") + len(value).to_bytes(8, "big") + key + value
                out.write(b"\1" + zlib.crc32(b"\1" + rest).to_bytes(4, "big") + rest)
        return log

    def interrupt_at(self, words, *arguments, by=signal.SIGINT):
        """Runs it on a terminal until that stands there; the exit code, and what was said after that."""
        screen, terminal = pty.openpty()
        self.addCleanup(os.close, screen)
        run = subprocess.Popen([BIN / "lumen", *arguments], stdout=subprocess.DEVNULL, stderr=terminal,
                               env=dict(os.environ, NO_COLOR="1"))
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        os.close(terminal)
        said = b""
        while words not in said:
            said += os.read(screen, 65536)
        run.send_signal(by)
        try:
            while piece := os.read(screen, 65536):
                said += piece
        except OSError:  # the other side is closed
            pass
        return run.wait(PATIENCE), said.split(words, 1)[1].decode()

    def started(self, *arguments):
        """A command that has come so far that it waits for signals."""
        run = subprocess.Popen([BIN / "lumen", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(run.stderr.close)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        while not self.blocks_signals(run):
            self.assertIsNone(run.poll())
        return run

    def blocks_signals(self, run):
        status = pathlib.Path(f"/proc/{run.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"SigBlk:\s+(\w+)", status).group(1), 16) & 1 << signal.SIGINT - 1

    def interrupt_early(self, *arguments):
        run = self.started(*arguments)
        run.send_signal(signal.SIGINT)
        return run.wait(PATIENCE), run.stderr.read()

    def test_an_interrupted_import_leaves_nothing_behind(self):
        log, to = self.legacy_log(200_000), self.folder / "to"
        for by, expected in (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129):
            for phase in b"reading: 1", b"importing: 1":
                code, said = self.interrupt_at(phase, "import-legacy", log, to, by=by)
                self.assertEqual(code, expected, said)
                self.assertIn("lumen: interrupted; nothing was imported\r\n", said)
                self.assertEqual(sorted(os.listdir(self.folder)), ["db", "wal.log"])
        code, said = self.interrupt_at(b"importing: 1", "import-legacy", "--into-existing", log, self.db)
        self.assertEqual(code, 130)
        self.assertIn("holds a part of the log on top of what it held; the same command again imports all", said)
        self.assertEqual(lumen("import-legacy", "--into-existing", log, self.db)[0], 0)
        self.assertEqual(lumen("verify", self.db)[0], 0)

    def test_under_nohup_the_end_of_the_terminal_is_no_interruption(self):
        os.mkfifo(self.folder / "pipe")
        run = subprocess.Popen(["nohup", BIN / "lumen", "import-legacy", self.folder / "pipe", self.folder / "to"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        while not self.blocks_signals(run):
            self.assertIsNone(run.poll())
        run.send_signal(signal.SIGHUP)
        run.send_signal(signal.SIGTERM)
        self.assertEqual(run.wait(PATIENCE), 143)

    def test_an_import_that_was_killed_says_what_to_do(self):
        log, to = self.legacy_log(200_000), self.folder / "to"
        self.assertEqual(self.interrupt_at(b"importing: 1", "import-legacy", log, to, by=signal.SIGKILL)[0], -signal.SIGKILL)
        code, _, err = lumen("import-legacy", log, to)
        self.assertEqual((code, to.exists()), (4, False))
        self.assertIn("to.importing: is there, from an import that was cut short; remove it", err)
        shutil.rmtree(self.folder / "to.importing")
        self.assertEqual(lumen("import-legacy", log, to)[0], 0)

    def test_interrupted_reading_changes_nothing_and_claims_nothing(self):
        to = self.folder / "to"
        self.assertEqual(lumen("import-legacy", self.legacy_log(200_000), to)[0], 0)
        self.assertEqual(self.interrupt_early("verify", to), (130, f"lumen: interrupted; nothing is known of {to}\n"))
        wal = self.folder / "00000002.wal"
        os.link(to / wal.name, wal)
        # All of it in tables that are whole: closing leaves a flush that was under way, and its file, to the next open.
        server = Server(to)
        self.addCleanup(server.process.wait)
        self.addCleanup(server.process.kill)
        self.assertEqual(lumen("admin", "flush", "--server", server.address)[0], 0)
        server.stop()
        for dump, file in (["wal", "dump"], wal), (["sst", "dump", "--entries"], max(to.glob("*.sst"), key=lambda file: file.stat().st_size)):
            self.assertEqual(self.interrupt_early(*dump, file), (130, "lumen: interrupted\n"))
        (to / "CURRENT").unlink()
        self.assertEqual(self.interrupt_early("repair", "--yes", to), (130, "lumen: interrupted; nothing was changed\n"))
        self.assertFalse((to / "CURRENT").exists())
        self.assertEqual(lumen("repair", "--yes", to)[0], 0)
        self.assertEqual(lumen("verify", to)[0], 0)

    def test_a_reader_that_has_enough_ends_a_dump_quietly(self):
        run = subprocess.Popen([BIN / "lumen", "wal", "dump", "-o", "jsonl", self.db / "00000119.wal"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(run.stderr.close)
        run.stdout.close()
        self.assertEqual((run.wait(PATIENCE), run.stderr.read()), (0, b""))

    def test_what_is_stuck_ends_with_its_last_words(self):
        # Opening a pipe that nobody writes to hangs.
        os.mkfifo(self.folder / "pipe")
        run = self.started("import-legacy", self.folder / "pipe", self.folder / "to")
        asleep = 0
        while asleep < 5:
            asleep = asleep + 1 if "\nState:\tS" in pathlib.Path(f"/proc/{run.pid}/status").read_text(encoding="ascii") else 0
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(PATIENCE), 130)
        self.assertIn(f"if {self.folder}/to is there, all was imported; if {self.folder}/to.importing is, nothing was",
                      run.stderr.read())

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

    def test_a_file_of_a_newer_format_is_not_called_damaged(self):
        make_newer(self.db)
        manifest, = self.db.glob("MANIFEST-*")
        code, out, _ = lumen("manifest", "dump", manifest)
        self.assertEqual(code, 4)
        self.assertRegex(out.splitlines()[-1], "^NEWER FORMAT: .* written in format 2; this program knows format 1$")
        code, out, _ = lumen("manifest", "dump", "-o", "json", manifest)
        verdict = json.loads(out)[-1]
        self.assertEqual((code, verdict["damaged"], verdict["newer_format"]), (4, False, True))

    def test_another_file_is_not_taken_for_a_log(self):
        code, _, err = lumen("import-legacy", self.db / "CURRENT", self.folder / "to")
        self.assertEqual((code, (self.folder / "to").exists()), (5, False))
        self.assertIn("no record is good; is", err)

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

    def until_stuck_for_more_than_a_second(self, *arguments):
        """Runs it on a terminal, where it reads a pipe that is its input file: opening that hangs. Closes the pipe once
        there was time for progress to be shown: the file is empty then. What stood on the terminal."""
        pipe = self.db / "00000119.wal" if arguments[0] == "wal" else self.folder / "00000001.sst"
        pipe.unlink(missing_ok=True)
        os.mkfifo(pipe)
        screen, terminal = pty.openpty()
        self.addCleanup(os.close, screen)
        run = subprocess.Popen([BIN / "lumen", *arguments], stdout=subprocess.DEVNULL, stderr=terminal,
                               env=dict(os.environ, NO_COLOR="1"))
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        os.close(terminal)
        shown = select.select([screen], [], [], 1.5)[0]
        said = os.read(screen, 65536) if shown else b""
        # Not before somebody reads it.
        os.close(os.open(pipe, os.O_WRONLY))
        try:
            while piece := os.read(screen, 65536):
                said += piece
        except OSError:  # the other side is closed
            pass
        self.assertEqual(run.wait(PATIENCE), 5, said)
        return said

    def test_a_long_verification_shows_its_time_and_what_was_read(self):
        for command in ["wal", "verify", self.db], ["sst", "verify", self.folder / "00000001.sst"]:
            self.assertRegex(self.until_stuck_for_more_than_a_second(*command),
                             rb"^\r\x1b\[Kverifying: 1 s, [0-9.]+ (B|KiB) read\r\x1b\[Klumen: ")
            self.assertNotIn(b"verifying", self.until_stuck_for_more_than_a_second(*command, "-o", "json"))

    def test_each_command_has_help_with_three_examples(self):
        for command in (["verify"], ["repair"], ["wal", "dump"], ["wal", "verify"], ["manifest", "dump"],
                        ["sst", "dump"], ["sst", "verify"], ["import-legacy"]):
            code, out, err = lumen(*command, "--help")
            self.assertEqual((code, err), (0, ""))
            examples = out.split("Examples:")[1].split("Exit codes:")[0]
            self.assertGreaterEqual(examples.count(f"lumen {' '.join(command)} "), 3, out)
            self.assertIn("-o,--output text|json|jsonl", out)
            self.assertIn("How to print [default text]", out)
            self.assertLessEqual(max(map(len, out.splitlines())), 100, out)

    def test_a_group_of_commands_has_examples_of_its_own(self):
        for group in "wal", "manifest", "sst":
            out = lumen(group, "--help")[1]
            examples = out.split("Examples:\n")[1].strip().splitlines()
            self.assertEqual(len(examples), 3, out)
            self.assertIn(f"lumen {group} dump ", out)
            self.assertNotIn("lumen put", out)

    def test_mistakes_are_usage_errors(self):
        for wrong in (["verify"], ["repair"], ["repair", "--yes"], ["verify", "-o", "xml", "x"], ["manifest"],
                      ["manifest", "dump"], ["import-legacy", "x"], ["repair", "--operations", "-1", "x"]):
            self.assertEqual(lumen(*wrong)[0], 2, wrong)
        self.assertIn("lumen: --operations needs a value: --operations N\n", lumen("repair", "x", "--operations")[2])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
