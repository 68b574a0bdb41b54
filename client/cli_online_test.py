#!/usr/bin/env python3
"""The commands of lumen that talk to a server, as scripts and people meet them: what goes in comes out, byte for byte;
what goes where; exit codes; servers that are absent, foreign or slow; interruptions; and the shell around it.

usage: cli_online_test.py BIN_FOLDER
"""
import base64
import json
import os
import pathlib
import pty
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import cli_test
import foreign_server

BIN, PATIENCE = cli_test.BIN, cli_test.PATIENCE
LUMEN = str(BIN / "lumen")
CLI_DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "docs/cli.md"
# Of lumen alone: 19 MiB, most of it what it links. Held in memory, the test's million entries are above 140 MiB.
# Sanitizers multiply it, and say by how much.
MEMORY_KIB = 48 * 1024 * int(os.environ.get("LUMEN_MEMORY_FACTOR", "1"))


def as_json(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def as_bytes(value):
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])


def as_argument(data):
    return "base64:" + base64.b64encode(data).decode()


class Online(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "data"
        self.server = self.start(self.data)

    def start(self, data):
        server = cli_test.Server(str(data))
        self.addCleanup(server.process.stderr.close)
        self.addCleanup(server.process.wait)
        self.addCleanup(server.process.kill)
        return server

    def lumen(self, *arguments, stdin=b"", server=None, code=0, **environment):
        environment = dict(os.environ, LUMEN_SERVER=server or self.server.address, **environment)
        run = subprocess.run([LUMEN, *arguments], input=stdin, capture_output=True, timeout=PATIENCE, env=environment)
        self.assertEqual(run.returncode, code, run)
        return run

    def popen(self, *arguments, server=None, **options):
        run = subprocess.Popen([LUMEN, *arguments], stderr=subprocess.PIPE,
                               env=dict(os.environ, LUMEN_SERVER=server or self.server.address), **options)
        self.addCleanup(run.stderr.close)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        return run

    def out(self, *arguments, **options):
        run = self.lumen(*arguments, **options)
        self.assertEqual(run.stderr, b"")
        return run.stdout

    def entries(self, server=None):
        lines = self.out("scan", "-o", "jsonl", server=server).splitlines()
        return [(as_bytes(entry["key"]), as_bytes(entry["value"])) for entry in map(json.loads, lines)]

    def foreign(self, kind=foreign_server.ForeignServer, **options):
        server = kind(**options)
        self.addCleanup(server.close)
        return server


class Data(Online):
    def test_keys_and_values_are_any_bytes(self):
        for key in b"text", b"\0\xff\n", b"base64:text", "ü".encode(), b"-dash", b"@at":
            self.lumen("put", as_argument(key), as_argument(key[::-1]))
            self.assertEqual(self.out("get", as_argument(key)), key[::-1])
            found = json.loads(self.out("get", as_argument(key), "-o", "json"))
            self.assertEqual((found["key"], found["value"]), (as_json(key), as_json(key[::-1])))
        # What is printed can be typed.
        for line in self.out("scan", "--keys-only").splitlines():
            self.out("get", "--", line)

    def test_values_that_look_like_something_else_have_a_way_in(self):
        self.lumen("put", "a", "@@home")
        self.lumen("put", "--", "-k", "-5")
        self.assertEqual(self.out("get", "a"), b"@home")
        self.assertEqual(self.out("get", "--", "-k"), b"-5")

    def test_writes_say_what_they_did_in_json(self):
        first = json.loads(self.out("put", "k", "v", "-o", "json"))
        self.assertEqual(first["sequence"], first["durable_sequence"])
        second = json.loads(self.out("put", "k", "w", "--async", "-o", "json"))
        self.assertGreater(second["sequence"], first["sequence"])
        self.assertEqual(json.loads(self.out("del", "k", "-o", "json"))["existed"], True)

    def test_a_write_under_a_condition_happens_or_is_answered_with_1(self):
        self.lumen("put", "k", "v", "--if-present", code=1)
        self.lumen("put", "k", "v", "--if-absent")
        run = self.lumen("put", "k", "w", "--if-absent", code=1)
        self.assertIn(b"not applied: k exists, last written at sequence ", run.stderr)
        sequence = str(json.loads(self.out("get", "k", "-o", "json"))["sequence"])
        self.lumen("put", "k", "w", "--if-value", "x", code=1)
        self.lumen("put", "k", "w", "--if-value", "v")
        self.lumen("del", "k", "--if-sequence", sequence, code=1)
        self.assertEqual(self.out("get", "k"), b"w")
        answer = json.loads(self.lumen("del", "k", "--if-value", "", "-o", "json", code=1).stdout)
        self.assertEqual((answer["applied"], answer["unmet"]["current"]["value"]), (False, "w"))
        self.lumen("del", "k", "--if-value", "w")
        self.lumen("get", "k", code=6)
        self.lumen("put", "k", "v", "--if-absent", "--if-present", code=2)
        self.lumen("put", "k", "v", "--if-sequence", "-1", code=2)

    def test_a_scan_is_in_order_and_as_far_as_asked_for(self):
        for key in "a/1", "a/2", "a/3", "b/1":
            self.lumen("put", key, "v" + key)
        self.assertEqual(self.out("scan"), b"a/1\tva/1\na/2\tva/2\na/3\tva/3\nb/1\tvb/1\n")
        self.assertEqual(self.out("scan", "a/", "--keys-only", "--reverse", "--limit", "2"), b"a/3\na/2\n")
        self.assertEqual(self.out("scan", "--start", "a/2", "--end", "b", "--keys-only"), b"a/2\na/3\n")
        self.assertEqual(self.out("scan", "a/", "--count"), b"3\n")
        self.assertEqual(json.loads(self.out("scan", "--count", "-o", "json"))["count"], 4)
        self.assertEqual(self.out("scan", "none/"), b"")

    def test_a_scan_has_the_format_asked_for(self):
        self.lumen("put", "k", "a\tb")
        self.lumen("put", as_argument(b"\xff"), "")
        self.assertEqual(self.out("scan"), b"k\tbase64:YQli\nbase64:/w==\t\n")
        self.assertEqual(self.out("scan", "-o", "raw"), b"k\ta\tb\n\xff\t\n")
        listed = json.loads(self.out("scan", "-o", "json"))
        self.assertEqual([entry["key"] for entry in listed], ["k", {"base64": "/w=="}])
        self.assertEqual(json.loads(self.out("scan", "none", "-o", "json")), [])
        table = self.out("scan", "-o", "table").decode().splitlines()
        self.assertRegex(table[0], r"^KEY +SEQUENCE +BYTES +VALUE$")
        self.assertRegex(table[1], r"^k +\d+ +3  base64:YQli$")
        self.lumen("scan", "-o", "yaml", code=2)

    def test_a_value_has_the_format_asked_for(self):
        sequence = json.loads(self.out("put", "k", "a\tb", "-o", "json"))["sequence"]
        entry = {"key": "k", "value": "a\tb", "sequence": sequence}
        self.assertEqual(self.out("get", "k", "-o", "text"), b"base64:YQli\n")
        for lines in "json", "jsonl":
            self.assertEqual(json.loads(self.out("get", "k", "-o", lines)), entry)
        self.assertEqual(self.out("get", "k", "-o", "table"), self.out("scan", "k", "-o", "table"))
        self.assertEqual(len(self.out("get", "k", "-o", "table").splitlines()), 2)
        self.assertEqual(self.lumen("get", "x", "-o", "table", code=6).stdout, b"")

    def test_a_reader_that_has_enough_ends_a_scan_quietly(self):
        self.lumen("import", "-", stdin=b"".join(b'{"key":"%06d","value":"%s"}\n' % (i, b"v" * 100) for i in range(30000)))
        for command in ["scan"], ["scan", "-o", "json"], ["export"]:
            run = self.popen(*command, stdout=subprocess.PIPE)
            run.stdout.readline()
            run.stdout.close()
            self.assertEqual((run.wait(PATIENCE), run.stderr.read()), (0, b""), command)


class Batches(Online):
    def batch(self, *lines, **options):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        return self.lumen("batch", "-", stdin=text.encode(), **options)

    def test_a_batch_happens_as_a_whole(self):
        run = self.batch({"put": "a", "value": "1"}, {"put": {"base64": "/w=="}, "value": {"base64": "/g=="}},
                         {"delete": "a"})
        self.assertIn(b"applied 3 operations at sequence ", run.stdout)
        self.assertEqual(self.entries(), [(b"\xff", b"\xfe")])

    def test_a_condition_that_does_not_hold_is_named_by_its_line(self):
        self.lumen("put", "a", "1")
        change = {"put": "a", "value": "2"}
        for condition, reason in (({"if": "a", "exists": False}, b"a exists, last written at"),
                                  ({"if": "b", "exists": True}, b"there is no b"),
                                  ({"if": "a", "value": "x"}, b"with another value"),
                                  ({"if": "a", "sequence": 1 << 63}, b"a exists, last written at")):
            run = self.batch(change, {"if": "a", "exists": True}, condition, code=1)
            self.assertIn(b"the condition in line 3 does not hold", run.stderr)
            self.assertIn(reason, run.stderr)
        self.assertEqual(self.out("get", "a"), b"1")
        self.batch({"if": "a", "value": "1"}, {"if": "b", "exists": False}, change)
        self.assertEqual(self.out("get", "a"), b"2")

    def test_a_wrong_line_is_named_and_nothing_is_written(self):
        for wrong in ('{"put":"k"}', '{"put":"k","value":1}', '{"put":"k","value":"v","tll":5}', '{"del":"k"}', "[]",
                      '{"if":"k"}', '{"if":"k","exists":true,"value":"v"}', '{"if":"k","sequence":-1}', "nonsense",
                      '{"put":{"base64":"?"},"value":"v"}', '{"put":"\\ud800","value":"v"}'):
            run = self.lumen("batch", "-", stdin=b'{"put":"a","value":"1"}\n' + wrong.encode(), code=2)
            self.assertIn(b"standard input:2: ", run.stderr, wrong)
        self.lumen("batch", "-", stdin=b"\n", code=2)
        self.lumen("batch", "/nonexistent", code=2)
        self.assertEqual(self.entries(), [])


class Transfers(Online):
    def random_entries(self, seed=1):
        choose = random.Random(seed)
        sizes = lambda: choose.choice([1, 2, 7, 100, 5000])
        entries = {choose.randbytes(sizes()): choose.randbytes(choose.choice([0, sizes()])) for _ in range(700)}
        entries.update({b"\n": b"\r\n", b'"': b"\\", b"\x7f": b"\0", "é\u2028".encode(): b"", b"base64:": b"base64:x",
                        b"large": choose.randbytes(3 << 20)})
        return entries

    def test_an_export_imported_elsewhere_is_the_same_bytes(self):
        entries = self.random_entries()
        lines = [json.dumps({"key": as_json(key), "value": as_json(value)}) for key, value in entries.items()]
        run = self.lumen("import", "-", stdin="\n".join(lines).encode())
        self.assertRegex(run.stderr.decode(), r"^imported [0-9,]+ entries \(.*\) in .* s, [0-9,]+ a second\n$")
        self.assertEqual(self.entries(), sorted(entries.items()))
        exported = self.folder / "all.jsonl"
        run = self.lumen("export", str(exported))
        self.assertEqual(run.stdout, b"")
        self.assertEqual(self.lumen("export").stdout, exported.read_bytes())
        other = self.start(self.folder / "other")
        self.lumen("import", str(exported), server=other.address)
        self.assertEqual(self.lumen("export", server=other.address).stdout, exported.read_bytes())
        # What a scan prints can be imported too.
        third = self.start(self.folder / "third")
        self.lumen("import", "-", stdin=self.out("scan", "-o", "jsonl"), server=third.address)
        self.assertEqual(self.lumen("export", server=third.address).stdout, exported.read_bytes())

    def test_an_export_is_of_a_prefix_and_replaces_a_file_only_when_whole(self):
        self.lumen("put", "a/1", "1")
        self.lumen("put", "b/1", "1")
        exported = self.folder / "a.jsonl"
        exported.write_text("before")
        self.lumen("export", str(exported), "--prefix", "a/")
        self.assertEqual(exported.read_text(), '{"key":"a/1","value":"1"}\n')
        for never in self.folder, "/dev/null", self.folder / "none" / "x":
            self.lumen("export", str(never), code=2)
        exported.chmod(0o600)
        link = self.folder / "link.jsonl"
        link.symlink_to("a.jsonl")
        self.lumen("export", str(link))
        self.assertEqual((len(exported.read_text().splitlines()), exported.stat().st_mode & 0o777), (2, 0o600))
        self.assertTrue(link.is_symlink())
        link.unlink()
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.jsonl", "data"])

    def test_an_import_ends_at_a_wrong_line_and_goes_on_from_there(self):
        lines = [b'{"key":"%03d","value":"v"}' % i for i in range(1, 201)]
        wrong = lines[:120] + [b'{"key":"121"}'] + lines[121:]
        file = self.folder / "x.jsonl"
        file.write_bytes(b"\n".join(wrong))
        run = self.lumen("import", str(file), code=2)
        self.assertIn(f'{file}:121: "value" is missing'.encode(), run.stderr)
        self.assertIn(b"the lines before 121 are stored; --from-line 121 goes on", run.stderr)
        self.assertEqual(self.out("scan", "--count"), b"120\n")
        file.write_bytes(b"\r\n".join(lines))
        run = self.lumen("import", str(file), "--from-line", "121")
        self.assertIn(b"imported 80 entries", run.stderr)
        self.assertEqual(self.out("scan", "--count"), b"200\n")

    def test_what_the_server_refuses_is_told_with_the_line_to_go_on_from(self):
        run = self.lumen("import", "-", stdin=b'{"key":"a","value":""}\n{"key":"","value":""}\n', code=4)
        self.assertIn(b"INVALID_ARGUMENT", run.stderr)
        self.assertIn(b"the lines before 2 are stored; --from-line 2 goes on", run.stderr)
        self.assertRegex(run.stderr, rb"^lumen: standard input:2: : write at .*key must not be empty \(INVALID_ARGUMENT")
        self.assertEqual(self.out("get", "a"), b"")

    def test_an_import_adapts_to_the_limits_of_the_server(self):
        lines = [b'{"key":"%05d","value":"%s"}\n' % (i, b"v" * (3000 if i % 100 == 7 else 20)) for i in range(5000)]
        file = self.folder / "x.jsonl"
        file.write_bytes(b"".join(lines))
        for limits in (["--max-batch-operations", "7"], ["--max-batch-bytes", "4KiB"],
                       ["--max-batch-operations", "500", "--max-batch-bytes", "20KiB"]):
            limited = cli_test.Server(str(self.folder / limits[-1]), "--max-key", "1KiB", "--max-value", "3KiB", *limits)
            self.addCleanup(limited.process.stderr.close)
            self.addCleanup(limited.process.wait)
            self.addCleanup(limited.process.kill)
            self.assertIn(b"imported 5,000 entries", self.lumen("import", str(file), server=limited.address).stderr)
            self.assertEqual(self.lumen("export", server=limited.address).stdout, b"".join(lines))
            # The one line that is too large is named, and all before it is there.
            wrong = lines[:3000] + [b'{"key":"large","value":"%s"}\n' % (b"v" * 3073)] + lines[3000:]
            run = self.lumen("import", "-", stdin=b"".join(wrong), server=limited.address, code=4)
            self.assertRegex(run.stderr, rb"lumen: standard input:3001: large: write at .*value has 3073 bytes; the limit is 3072 "
                                         rb"\(INVALID_ARGUMENT, FIELD_TOO_LARGE\)\n")
            self.assertIn(b"the lines before 3001 are stored; --from-line 3001 goes on", run.stderr)
            limited.stop()

    def test_a_batch_is_not_cut(self):
        batch = b"".join(b'{"put":"%05d","value":"v"}\n' % i for i in range(10001))
        run = self.lumen("batch", "-", stdin=batch, code=4)
        self.assertIn(b"request has 10001 operations; the limit is 10000 (RESOURCE_EXHAUSTED, LIMIT_EXCEEDED)", run.stderr)
        self.assertIn(b"a batch happens as a whole, so it is not cut", run.stderr)
        self.assertEqual(self.out("scan", "--count"), b"0\n")

    def test_a_million_entries_pass_through_little_memory(self):
        file = self.folder / "million.jsonl"
        with open(file, "w", encoding="ascii") as out:
            for i in range(1_000_000):
                out.write('{"key":"key/%07d","value":"%s"}\n' % (i, "v" * 80))
        self.measure("import", str(file), "--async")
        self.assertEqual(self.out("scan", "--count"), b"1000000\n")
        for command in ["scan"], ["scan", "-o", "table"], ["export"], ["export", str(self.folder / "again.jsonl")]:
            self.measure(*command)
        self.assertEqual((self.folder / "again.jsonl").read_bytes(), file.read_bytes())

    def measure(self, *arguments):
        """Runs it; its VmHWM has to stay below MEMORY_KIB."""
        run = self.popen(*arguments, stdout=subprocess.DEVNULL)
        peak_kib = 0
        # Not wait4: its ru_maxrss begins with what this interpreter has.
        while run.poll() is None:
            status = pathlib.Path(f"/proc/{run.pid}/status").read_text(encoding="ascii")
            peak_kib = max(peak_kib, *map(int, re.findall(r"VmHWM:\s+(\d+) kB", status)), 0)
            time.sleep(0.01)
        self.assertEqual(run.returncode, 0, run.stderr.read())
        self.assertLess(peak_kib, MEMORY_KIB, arguments)
        print(f"{arguments[0]}: VmHWM {peak_kib} KiB", file=sys.stderr)


class Operation(Online):
    def test_health_answers_by_exit_code(self):
        self.assertEqual(self.out("health"), b"serving\n")
        self.assertEqual(self.server.stop(), 0)
        self.lumen("health", code=3)
        closed = self.foreign(answer=foreign_server.not_serving)
        run = self.lumen("health", "-o", "json", server=closed.address, code=1)
        self.assertEqual(json.loads(run.stdout), {"serving": False})
        self.assertIn(b"NOT_SERVING", run.stderr)
        self.lumen("health", server=self.foreign(answer=foreign_server.unimplemented).address, code=4)

    def test_status_is_for_people_and_for_programs(self):
        self.lumen("put", "k", "v")
        text = self.out("status").decode()
        for part in (self.server.address, str(self.data), "writes       accepted", "1 operations"):
            self.assertIn(part, text)
        self.assertNotIn("\033", text)
        status = json.loads(self.out("status", "-o", "json"))
        self.assertEqual(status["writes"]["operations"], 1)
        self.assertEqual(status["data_directory"], str(self.data))
        self.assertEqual(status["read_only_reason"], "")

    def test_a_checkpoint_is_a_directory_that_opens(self):
        self.lumen("put", "k", "v")
        directory = self.out("admin", "checkpoint", "one").decode().strip()
        self.lumen("put", "k", "w")
        run = self.lumen("admin", "checkpoint", "one", code=4)
        self.assertIn(b"exists", run.stderr)
        self.assertEqual(self.entries(self.start(directory).address), [(b"k", b"v")])
        self.lumen("admin", "checkpoint", "../two", code=4)

    def test_verify_finds_a_flipped_bit(self):
        self.lumen("import", "-", stdin=b"".join(b'{"key":"%06d","value":"v"}\n' % i for i in range(20000)))
        self.assertEqual(self.lumen("admin", "flush").stderr, b"flushed\n")
        self.assertIn(b"no corruption", self.out("admin", "verify"))
        (table,) = self.data.glob("*.sst")
        damaged = bytearray(table.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        table.write_bytes(damaged)
        run = self.lumen("admin", "verify", code=5)
        self.assertIn(table.name.encode(), run.stdout)
        report = json.loads(self.lumen("admin", "verify", "-o", "json", code=5).stdout)
        self.assertEqual((report["done"], len(report["corruptions"])), (True, 1))

    def test_a_running_server_is_looked_after(self):
        self.lumen("put", "k", "v")
        self.assertEqual(self.lumen("admin", "compact").stderr, b"compacted\n")
        self.assertEqual(json.loads(self.out("status", "-o", "json"))["memory"]["immutable_memtables"], 0)
        self.lumen("admin", code=2)


class Servers(Online):
    def test_a_dead_server_is_noticed_at_once(self):
        run = self.lumen("get", "k", server="127.0.0.1:1", code=3)
        self.assertRegex(run.stderr, rb"^lumen: cannot connect to 127.0.0.1:1: .*Connection refused\n$")
        self.lumen("scan", server="unix:" + str(self.folder / "none"), code=3)

    def test_a_server_that_never_answers_is_given_up(self):
        for silent in True, False:
            server = self.foreign(silent=silent)
            for command in ["get", "k"], ["scan"], ["health"], ["status"], ["put", "k", "v"], ["admin", "verify"]:
                # The second is connected to first, which takes its time on a busy machine.
                run = self.lumen(*command, "--timeout", "300ms" if silent else "1s", server=server.address,
                                 code=3 if silent else 4)
                self.assertIn(server.address.encode(), run.stderr)
        run = self.lumen("put", "k", "v", "--timeout", "1s", server=server.address, code=4)
        self.assertIn(b"the write may or may not have happened", run.stderr)

    def test_a_web_server_is_told_from_ours(self):
        server = self.foreign(foreign_server.HttpServer)
        run = self.lumen("get", "k", "--timeout", "2s", server=server.address, code=3)
        self.assertIn(b"no gRPC server answers there", run.stderr)

    def test_another_grpc_server_is_told_from_ours(self):
        server = self.foreign(answer=foreign_server.unimplemented)
        for command in ["get", "k"], ["scan"], ["export"], ["status"], ["admin", "verify"]:
            run = self.lumen(*command, server=server.address, code=4)
            self.assertIn(b"is it a LumenKV server", run.stderr)
            self.assertEqual(run.stdout, b"")

    def test_a_server_that_stands_still_does_not_hold_a_command(self):
        self.server.process.send_signal(signal.SIGSTOP)
        self.lumen("get", "k", "--timeout", "300ms", code=3)
        self.server.process.send_signal(signal.SIGCONT)


class Interruptions(Online):
    def interrupt(self, run, signal_number=signal.SIGINT):
        run.send_signal(signal_number)
        return run.wait(PATIENCE), run.stderr.read()

    def test_calls_end_with_130(self):
        server = self.foreign()
        for command in ["get", "k"], ["scan"], ["admin", "verify"], ["admin", "compact"], ["health"]:
            server.called.clear()
            run = self.popen(*command, server=server.address)
            self.assertTrue(server.called.wait(PATIENCE))
            code, said = self.interrupt(run)
            self.assertEqual(code, 130, command)
            self.assertIn(b"interrupted", said)
        server.called.clear()
        run = self.popen("put", "k", "v", server=server.address)
        self.assertTrue(server.called.wait(PATIENCE))
        code, said = self.interrupt(run, signal.SIGTERM)
        self.assertEqual(code, 143)
        self.assertIn(b"may or may not have happened", said)

    def test_an_export_leaves_the_file_that_was_there(self):
        exported = self.folder / "x.jsonl"
        exported.write_text("before")
        server = self.foreign()
        run = self.popen("export", str(exported), server=server.address)
        self.assertTrue(server.called.wait(PATIENCE))
        code, said = self.interrupt(run)
        self.assertEqual(code, 130, said)
        self.assertEqual(exported.read_text(), "before")
        self.assertEqual(sorted(os.listdir(self.folder)), ["data", "x.jsonl"])

    def test_an_import_says_where_it_goes_on(self):
        run = self.popen("import", "-", stdin=subprocess.PIPE)
        self.addCleanup(run.stdin.close)
        lines = b"".join(b'{"key":"%05d","value":"v"}\n' % i for i in range(1, 5001))
        run.stdin.write(lines)
        run.stdin.flush()
        while int(self.out("scan", "--count")) < 4000:
            self.assertIsNone(run.poll())
        code, said = self.interrupt(run)
        self.assertEqual(code, 130)
        self.assertIn(b"interrupted; the lines before 4001 are stored", said)
        self.lumen("import", "-", "--from-line", "4001", stdin=lines)
        self.assertEqual(self.out("scan", "--count"), b"5000\n")

    def test_a_command_stuck_in_a_pipe_ends_too(self):
        self.lumen("import", "-", stdin=b"".join(b'{"key":"%05d","value":"%s"}\n' % (i, b"v" * 200) for i in range(9000)))
        run = self.popen("scan", stdout=subprocess.PIPE)
        self.addCleanup(run.stdout.close)
        run.stdout.readline()
        self.assertEqual(self.interrupt(run)[0], 130)


class Terminal(Online):
    def on_terminal(self, *arguments, code=0, **environment):
        """What a person sees: both streams on one terminal."""
        mine, theirs = pty.openpty()
        run = subprocess.Popen([LUMEN, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                               env={**os.environ, "LUMEN_SERVER": self.server.address, "TERM": "xterm", **environment})
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(mine, 65536):
                seen += piece
        except OSError:  # the other side is closed
            pass
        os.close(mine)
        self.assertEqual(run.wait(PATIENCE), code, seen)
        return seen

    def test_a_value_ends_its_line_on_a_terminal_only(self):
        self.lumen("put", "k", "v")
        self.assertEqual(self.on_terminal("get", "k"), b"v\r\n")
        self.assertEqual(self.out("get", "k"), b"v")

    def test_colours_are_for_terminals_and_can_be_refused(self):
        self.assertIn(b"\033[31mlumen:", self.on_terminal("get", "k", code=6))
        self.assertNotIn(b"\033", self.on_terminal("get", "k", code=6, NO_COLOR="1"))
        self.assertIn(b"\033[32maccepted", self.on_terminal("status"))
        self.assertNotIn(b"\033", self.on_terminal("status", NO_COLOR="1"))
        self.assertNotIn(b"\033", self.lumen("get", "k", code=6).stderr)

    # Steps that a server which answers nothing keeps waiting until the time limit.
    STUCK = ((b"compacting", ["admin", "compact"]), (b"flushing", ["admin", "flush"]),
             (b"making the checkpoint", ["admin", "checkpoint", "x"]), (b"counting", ["scan", "--count"]))

    def test_a_long_step_shows_its_time_on_a_terminal_until_it_ends(self):
        stuck = self.foreign()
        for what, command in self.STUCK:
            seen = self.on_terminal(*command, "--timeout", "1500ms", code=4, LUMEN_SERVER=stuck.address, NO_COLOR="1")
            self.assertRegex(seen, rb"^\r\x1b\[K" + what + rb": 1 s\r\x1b\[Klumen: ")

    def test_a_long_step_is_silent_with_json_and_without_a_terminal(self):
        stuck = self.foreign()
        for what, command in self.STUCK:
            limited = [*command, "--timeout", "1500ms"]
            seen = self.on_terminal(*limited, "-o", "json", code=4, LUMEN_SERVER=stuck.address)
            self.assertNotIn(what + b":", seen)
            self.assertNotIn(what + b":", self.lumen(*limited, server=stuck.address, code=4).stderr)

    def test_progress_is_shown_on_a_terminal_only(self):
        file = self.folder / "x.jsonl"
        file.write_bytes(b"".join(b'{"key":"%06d","value":"v"}\n' % i for i in range(150000)))
        seen = self.on_terminal("import", str(file))
        self.assertRegex(seen, rb"\[[#.]{24}\] +\d+%  imported ")
        self.assertEqual(self.lumen("import", str(file)).stderr.count(b"\r"), 0)


class Formats(Online):
    """What each command prints for programs, beside those that Data and Batches ask."""

    def json(self, *arguments, **options):
        run = self.lumen(*arguments, "-o", "json", **options)
        self.assertEqual(run.stderr, b"")
        return json.loads(run.stdout)

    def test_what_was_done_is_an_object(self):
        self.lumen("put", "k", "v")
        self.assertEqual(self.json("admin", "flush"), {"flushed": True})
        self.assertEqual(self.json("admin", "compact"), {"compacted": True})
        self.assertEqual(self.json("admin", "log-level", "debug"), {"level": "debug", "previous_level": "info"})
        self.assertEqual(self.json("admin", "checkpoint", "c"), {"directory": f"{self.data}/checkpoints/c"})
        verified = self.json("admin", "verify")
        self.assertEqual((verified["tables_done"], verified["corruptions"], verified["done"]), (1, [], True))
        self.assertEqual(self.json("health"), {"serving": True})
        self.assertEqual(self.json("status")["log_level"], "debug")
        self.assertIn("storage.data_dir", [value["name"] for value in self.json("admin", "config")["values"]])

    def test_an_export_and_an_import_say_how_much(self):
        self.lumen("import", "-", stdin=b'{"key":"a","value":"12"}\n\n{"key":"b","value":"3"}\n')
        file = self.folder / "x.jsonl"
        exported = self.json("export", str(file))
        self.assertEqual((exported["entries"], exported["bytes"], sorted(exported)), (2, 5, ["bytes", "entries", "seconds"]))
        self.assertGreaterEqual(exported["seconds"], 0)
        imported = self.json("import", str(file))
        self.assertEqual((imported["complete"], imported["entries"], imported["bytes"], imported["next_line"]),
                         (True, 2, 5, 3))
        # Its entries go where the object would.
        run = self.lumen("export", "-o", "json", code=2)
        self.assertEqual((run.stdout, b"needs a FILE" in run.stderr), (b"", True))

    def test_an_import_that_ends_early_says_where_to_go_on(self):
        run = self.lumen("import", "-", "-o", "json", stdin=b'{"key":"a","value":"1"}\nnonsense\n', code=2)
        imported = json.loads(run.stdout)
        self.assertEqual((imported["complete"], imported["entries"], imported["next_line"]), (False, 1, 2))
        self.assertIn(b"--from-line 2 goes on", run.stderr)


class Shell(Online):
    def test_the_nearest_name_is_offered(self):
        for wrong, offered in ((["gte", "k"], b"get"), (["scan", "--limt", "5"], b"--limit"),
                               (["admin", "flsh"], b"flush"), (["put", "k", "v", "--if-absnt"], b"--if-absent")):
            self.assertIn(b"did you mean " + offered + b"?", self.lumen(*wrong, code=2).stderr)
        self.assertNotIn(b"did you mean", self.lumen("xyzzy", code=2).stderr)
        self.assertIn(b"flag '--server' goes behind the command", self.lumen("--server", "h:1", "get", "k", code=2).stderr)
        self.assertIn(b"goes behind --", self.lumen("put", "k", "-x", code=2).stderr)

    def commands(self):
        """Every command, by what --help lists."""
        found, open_ones = [], [[]]
        while open_ones:
            path = open_ones.pop()
            text = self.out(*path, "--help").decode()
            found.append((path, text))
            listed = text.split("\nOptions:")[0] if "COMMAND ..." in text else ""
            open_ones += [[*path, name] for name in re.findall(r"^  ([a-z][a-z-]*)", listed, re.MULTILINE)]
        return found

    def test_help_is_complete(self):
        offline = re.findall(r"^  ([a-z-]+)", self.out("--help").decode().split("Offline:")[1].split("\n\n")[0], re.MULTILINE)
        for path, text in self.commands():
            if path and path[0] in offline:
                continue
            self.assertIn("Usage: lumen " + " ".join(path), text)
            examples = text.split("Examples:\n")[1].split("\n\n")[0].strip().splitlines()
            self.assertEqual(len(examples), 3, path)
            self.assertLessEqual(max(map(len, text.splitlines())), 80, path)

    def test_help_tells_the_time_limit_that_holds(self):
        unlimited = [path for path, text in self.commands() if "[default no limit]" in " ".join(text.split())]
        self.assertEqual(sorted(unlimited), [["admin", "checkpoint"], ["admin", "compact"], ["admin", "flush"]])
        for path, text in self.commands():
            if "--timeout" in text and path not in unlimited:
                self.assertIn("of each answer: 500ms, 5s, 2m [default 10s]", " ".join(text.split()), path)

    def test_every_command_that_prints_a_result_has_text_and_json(self):
        table = CLI_DOCUMENT.read_text().split("\n## Formats\n")[1].split("\n## ")[0]
        documented = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|$", table, re.MULTILINE)
        formats = {command: text.split(", ") for line, text in documented for command in line.split(", ")}
        for path, text in self.commands():
            if "COMMAND ..." in text or path in (["completion"], ["man"]):
                continue
            accepted = re.search(r"-o,--output (\S+)\s+How to print \[default (\w+)\]", text)
            self.assertEqual(formats.pop(" ".join(path)), accepted[1].split("|"), path)
            self.assertEqual(accepted[2], accepted[1].split("|")[0], path)
            self.assertLessEqual({"text", "json"}, set(accepted[1].split("|")), path)
        self.assertEqual(formats, {})

    def complete(self, shell, line):
        words = line.split(" ")
        script = self.folder / ("lumen." + shell)
        script.write_bytes(self.out("completion", shell))
        if shell == "bash":
            program = f"source {script}; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _lumen; printf '%s\\n' \"${{COMPREPLY[@]}}\""
            return subprocess.run(["bash", "-c", program, "bash", *words], capture_output=True, text=True, check=True,
                                  cwd=self.folder, timeout=PATIENCE).stdout.split()
        program = f"source {script}; complete -C '{line}'"
        run = subprocess.run(["fish", "--no-config", "-c", program], capture_output=True, text=True, check=True,
                             cwd=self.folder, timeout=PATIENCE)
        return [each.split("\t")[0] for each in run.stdout.splitlines()]

    def test_bash_and_fish_complete_commands_flags_words_and_files(self):
        (self.folder / "dump.jsonl").touch()
        for shell in "bash", "fish":
            self.assertEqual(self.complete(shell, "lumen adm"), ["admin"])
            self.assertEqual(self.complete(shell, "lumen admin che"), ["checkpoint"])
            self.assertEqual(self.complete(shell, "lumen scan --rev"), ["--reverse"])
            self.assertEqual(self.complete(shell, "lumen scan -o ta"), ["table"])
            self.assertEqual(sorted(self.complete(shell, "lumen sst dump -o json")), ["json", "jsonl"])
            self.assertEqual(self.complete(shell, "lumen verify --output te"), ["text"])
            self.assertEqual(self.complete(shell, "lumen admin log-level de"), ["debug"])
            self.assertEqual(self.complete(shell, "lumen import dum"), ["dump.jsonl"])

    def test_zsh_takes_its_script(self):
        script = self.folder / "_lumen"
        script.write_bytes(self.out("completion", "zsh"))
        check = subprocess.run(["zsh", "-f", "-c", f"autoload -U compinit; compinit -D; source {script}; echo $_comps[lumen]"],
                               capture_output=True, text=True, timeout=PATIENCE, env=dict(os.environ, HOME=str(self.folder)))
        self.assertEqual((check.stdout, check.stderr), ("_lumen\n", ""))
        self.assertIn("'checkpoint:Make a consistent copy", script.read_text())

    def test_manual_pages_are_clean(self):
        pages = {"lumen.1": self.out("man")}
        for page in (BIN.parent / "man").glob("*.[18]"):
            pages[page.name] = page.read_bytes()
        self.assertEqual(sorted(pages), ["lumen-server.8", "lumen.1"])
        for name, page in pages.items():
            lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=page, capture_output=True, timeout=PATIENCE)
            self.assertEqual(lint.stdout, b"", name)
            troff = subprocess.run(["groff", "-ww", "-man", "-Tutf8"], input=page, capture_output=True, timeout=PATIENCE)
            self.assertEqual((troff.returncode, troff.stderr), (0, b""), name)
        text = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou"], input=pages["lumen.1"], capture_output=True,
                              timeout=PATIENCE)
        for word in b"--if-absent", b"lumen admin verify", b"LUMEN_SERVER":
            self.assertIn(word, text.stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
