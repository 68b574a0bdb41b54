#!/usr/bin/env python3
"""lumen-server as an operator and systemd meet it: configuration, exit codes, notices, signals, its log.

usage: program_test.py BIN_FOLDER
"""
import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import unittest

from newer_format import make_newer

BIN = pathlib.Path(sys.argv[1])
SERVER = BIN / "lumen-server"
DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "docs/configuration.md"
PATIENCE = 60
# LeakSanitizer cannot work in a process that is traced.
TRACED = {"ASAN_OPTIONS": "detect_leaks=0"}
SETTING = re.compile(r"^(\w+) = (.*?) +# (.*)$")


def environment(**changes):
    """Ours, without what would configure the server."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("LUMEN_") and name not in ("DATA_DIR", "BIND_ADDR", "NOTIFY_SOCKET")}
    return dict(kept, **changes)


def run(*arguments, **variables):
    done = subprocess.run([SERVER, *arguments], capture_output=True, timeout=PATIENCE, env=environment(**variables))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def printed_settings(*arguments, **variables):
    """{"storage.data_dir": ("\"./data\"", "default")}, in order."""
    code, out, err = run("--print-config", *arguments, **variables)
    assert code == 0, err
    settings, group = {}, None
    for line in out.splitlines():
        if line.startswith("["):
            group = line.strip("[]")
        elif found := SETTING.match(line):
            settings[f"{group}.{found.group(1)}"] = found.group(2), found.group(3)
    return settings


class Server:
    """A lumen-server on a free port that has said that it serves."""

    def __init__(self, data, *arguments, prefix=(), listen="127.0.0.1:0", **variables):
        self.process = subprocess.Popen(
            [*prefix, SERVER, "--data-dir", data, "--listen", listen, *arguments],
            stderr=subprocess.PIPE, env=environment(**variables), start_new_session=True)
        self.log = ""
        while not (found := re.search(r"serving on (unix:\S+|.* \(port (\d+)\))", self.log)):
            line = self.process.stderr.readline().decode()
            if not line:
                raise AssertionError("the server did not start:\n" + self.log)
            self.log += line
        self.address = found.group(1) if listen.startswith("unix:") else "127.0.0.1:" + found.group(2)

    def put(self, key, value):
        return subprocess.run([BIN / "lumen", "put", key, value, "--server", self.address], capture_output=True,
                              timeout=PATIENCE)

    def get(self, key):
        return subprocess.run([BIN / "lumen", "get", key, "--server", self.address], capture_output=True,
                              timeout=PATIENCE)

    def ended(self):
        """Its exit code, once it has ended by itself."""
        self.log += self.process.communicate(timeout=PATIENCE)[1].decode()
        return self.process.returncode

    def stop(self, by=signal.SIGTERM):
        self.process.send_signal(by)
        return self.ended()

    def kill(self):
        """And what `prefix` started on the way."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()


class NotifySocket:
    """What systemd would read."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)

    def next(self):
        """The next notice, as a dictionary."""
        return dict(line.split("=", 1) for line in self.socket.recv(65536).decode().splitlines())

    def until(self, name):
        """All notices up to the first that has `name`."""
        notices = [self.next()]
        while name not in notices[-1]:
            notices.append(self.next())
        return notices

    def rest(self):
        notices = []
        while select.select([self.socket], [], [], 0)[0]:
            notices.append(self.next())
        return notices


class Program(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = str(self.folder / "data")

    def start(self, *arguments, **variables):
        server = Server(self.data, *arguments, **variables)
        self.addCleanup(server.kill)
        return server

    def refused(self, code, *arguments, **variables):
        """Exits with `code`, says why, and made no database."""
        got, out, err = run(*arguments, **variables)
        self.assertEqual((got, out), (code, ""), err)
        return err

    def file(self, content):
        path = self.folder / "lumen.toml"
        path.write_text(content)
        return str(path)


class ExitCodes(Program):
    def test_0_is_drained(self):
        self.assertEqual(self.start().stop(), 0)
        self.assertEqual(self.start().stop(signal.SIGINT), 0)
        self.assertEqual(self.start().stop(signal.SIGHUP), 0)

    def test_what_an_operator_asks_for_is_logged_and_shown(self):
        server = self.start()
        def admin(*words):
            return subprocess.run([BIN / "lumen", "admin", *words, "--server", server.address], text=True,
                                  capture_output=True, timeout=PATIENCE, check=True).stdout
        admin("checkpoint", "one")
        admin("log-level", "debug")
        self.assertRegex(admin("config"), r"log_level.*debug.*lumen\.v1\.Admin/SetLogLevel")
        self.assertEqual(server.put("k", "v").returncode, 0)
        admin("flush")
        self.assertEqual(server.put("", "v").returncode, 4)
        self.assertEqual(server.stop(), 0)
        self.assertRegex(server.log, r"debug: engine: flushing a memtable of 1 entries and \d+ bytes")
        self.assertRegex(server.log, r"debug: engine: flushed into \d+\.sst of \d+ bytes")
        self.assertRegex(server.log, r"debug: refused ipv4:127\.0\.0\.1:\d+: INVALID_FIELD: key must not be empty")
        self.assertRegex(server.log, r"info: checkpoint \S+/checkpoints/one, asked for by ipv4:127\.0\.0\.1:")
        self.assertRegex(server.log, r"info: log level debug instead of info, asked for by ")

    def test_nohup_holds(self):
        server = self.start(prefix=("nohup",))
        server.process.send_signal(signal.SIGHUP)
        self.assertEqual(server.put("k", "v").returncode, 0)
        self.assertEqual(server.stop(), 0)

    def test_2_is_wrong_usage(self):
        self.assertIn("did you mean --data-dir?", self.refused(2, "--data-dri", self.data))
        self.assertIn("--memtable-size: '-1'", self.refused(2, "--memtable-size", "-1", "--data-dir", self.data))
        self.assertIn("LUMEN_MAX_KEY: '1k'", self.refused(2, LUMEN_MAX_KEY="1k", DATA_DIR=self.data))
        self.assertIn("--insecure", self.refused(2, "--listen", "0.0.0.0:0", "--data-dir", self.data))
        self.assertFalse(os.path.exists(self.data))

    def test_2_is_a_wrong_file(self):
        for content, place in (("[storage]\nx = y\n", "2:"), ("[storage]\ndata_dri = 'x'\n", "2:1: unknown key"),
                               ("[limits]\nmax_key = '1mb'\n", "2:11: limits.max_key: '1mb'")):
            path = self.file(content)
            self.assertIn(f"{path}:{place}", self.refused(2, "--config", path, "--data-dir", self.data))
        self.assertIn("/nonexistent", self.refused(2, LUMEN_CONFIG="/nonexistent"))
        self.assertFalse(os.path.exists(self.data))

    def test_2_is_data_of_a_newer_version(self):
        self.start().stop()
        make_newer(pathlib.Path(self.data))
        self.assertIn("newer-format", self.refused(2, "--data-dir", self.data, "--listen", "127.0.0.1:0"))

    def test_3_is_a_port_or_a_directory_that_is_taken(self):
        server = self.start()
        self.assertIn("cannot listen", self.refused(3, "--data-dir", self.data, "--listen", server.address))
        log = self.refused(3, "--data-dir", self.data, "--listen", "127.0.0.1:0")
        self.assertIn(f"process {server.process.pid} on ", log)

    def test_3_is_a_unix_socket_that_is_taken_and_it_stays_the_first_ones(self):
        address = f"unix:{self.folder}/kv"
        self.start(listen=address)
        self.assertIn("another process listens there",
                      self.refused(3, "--data-dir", f"{self.data}2", "--listen", address))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{self.folder}/kv")

    def test_4_is_a_directory_that_cannot_be_read_or_made(self):
        (self.folder / "file").write_bytes(b"")
        below = str(self.folder / "file" / "data")
        self.assertIn(below, self.refused(4, "--data-dir", below, "--listen", "127.0.0.1:0"))
        self.start().stop()
        current = pathlib.Path(self.data) / "CURRENT"
        current.unlink()
        current.mkdir()
        self.assertIn("CURRENT", self.refused(4, "--data-dir", self.data, "--listen", "127.0.0.1:0"))

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_4_is_a_directory_without_permission(self):
        os.mkdir(self.data, 0)
        self.refused(4, "--data-dir", self.data, "--listen", "127.0.0.1:0")

    def test_5_is_corruption(self):
        self.start().stop()
        (pathlib.Path(self.data) / "CURRENT").write_bytes(b"MANIFEST-1 nonsense\n")
        self.assertIn("CURRENT", self.refused(5, "--data-dir", self.data, "--listen", "127.0.0.1:0"))

    def test_a_second_signal_stops_at_once(self):
        server = self.start("--drain-timeout", "1h")
        with socket.create_connection(server.address.split(":")) as client:
            client.settimeout(PATIENCE)
            open_call_that_never_ends(client)
            server.process.send_signal(signal.SIGTERM)
            while "draining" not in server.log:
                server.log += server.process.stderr.readline().decode()
            time.sleep(0.2)
            self.assertIsNone(server.process.poll())
            self.assertEqual(server.stop(), -signal.SIGTERM)
        self.assertEqual(self.start().stop(), 0)


def frame(kind, flags, stream, payload):
    """Of HTTP/2."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def frames(client):
    received = b""
    while True:
        while len(received) < 9 or len(received) < 9 + int.from_bytes(received[:3], "big"):
            received += client.recv(4096)
        end = 9 + int.from_bytes(received[:3], "big")
        yield received[3], received[9:end]
        received = received[end:]


def open_call_that_never_ends(client):
    """Calls kv.KeyValueStore/Get and allows no byte of the answer; returns once that is there but for the bytes."""
    def literal(name, value):
        return bytes([0, len(name)]) + name + bytes([len(value)]) + value
    headers = (bytes([0x83, 0x86]) + literal(b":path", b"/kv.KeyValueStore/Get") + literal(b":authority", b"x")
               + literal(b"content-type", b"application/grpc") + literal(b"te", b"trailers"))
    no_window = (4).to_bytes(2, "big") + bytes(4)
    request = b"\0\0\0\0\3" + b"\x0a\1k"
    client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, no_window) + frame(1, 4, 1, headers)
                   + frame(0, 1, 1, request))
    for kind, _ in frames(client):
        if kind == 1:
            return


class Configuration(Program):
    def test_the_document_and_the_program_agree(self):
        rows = {}
        for line in DOCUMENT.read_text().splitlines():
            cells = [cell.strip() for cell in line.split("|")]
            if line.startswith("| `") and len(cells) == 7:
                rows[cells[1].strip("`")] = cells[2], cells[3], cells[4]
        settings = printed_settings()
        self.assertEqual(list(rows), list(settings))
        for key, (value, source) in settings.items():
            name = key.split(".")[1]
            flag, variables, default = rows[key]
            self.assertEqual(source, "default")
            self.assertEqual(flag, f"`--{name.replace('_', '-')}`")
            self.assertEqual(variables.split(",")[0], f"`LUMEN_{name.upper()}`")
            self.assertEqual(default, f"`{value}`", key)

    def test_the_printed_configuration_is_toml_and_reads_back(self):
        code, out, err = run("--print-config", "--max-key", "1KiB", LUMEN_WAL_LZ4="true", DATA_DIR="/d\"ü\\")
        self.assertEqual(code, 0, err)
        parsed = tomllib.loads(out)
        self.assertEqual(parsed["limits"]["max_key"], "1KiB")
        self.assertIs(parsed["storage"]["wal_lz4"], True)
        self.assertEqual(parsed["storage"]["data_dir"], "/d\"ü\\")
        again = run("--print-config", "--config", self.file(out))[1]
        self.assertEqual(tomllib.loads(again), parsed)

    def test_each_source_is_named_and_the_nearer_one_wins(self):
        path = self.file("[limits]\nmax_key = '2KiB'\nmax_value = '2MiB'\nmax_calls = 5\n")
        settings = printed_settings("--config", path, "--max-key", "1KiB", LUMEN_MAX_KEY="3KiB", LUMEN_MAX_VALUE="1MiB")
        self.assertEqual(settings["limits.max_key"], ('"1KiB"', "flag --max-key"))
        self.assertEqual(settings["limits.max_value"], ('"1MiB"', "environment LUMEN_MAX_VALUE"))
        self.assertEqual(settings["limits.max_calls"], ("5", f"file {path}:4"))
        self.assertEqual(settings["limits.max_batch_operations"], ("10000", "default"))

    def test_a_server_obeys_its_file(self):
        path = self.file(f"[storage]\ndata_dir = '{self.data}'\nwal_segment_size = '64KiB'\n"
                         "[limits]\nmax_key = '4B'\nmax_value = '8B'\n[logging]\nlog_format = 'json'\n")
        server = self.start("--config", path)
        self.assertEqual(server.put("four", "eight777").returncode, 0)
        self.assertIn(b"limit is 4", server.put("five5", "v").stderr)
        self.assertIn(b"limit is 8", server.put("k", "nine77777").stderr)
        self.assertEqual(server.stop(), 0)
        self.assertTrue(all(json.loads(line)["message"] for line in server.log.splitlines()))
        self.assertEqual({file.stat().st_size for file in pathlib.Path(self.data).glob("*.wal")}, {65536})

    def test_variables_that_look_like_ours_are_warned_of(self):
        server = self.start(LUMEN_MAX_VALEU="1MiB", LUMEN_TEST_STAGES="x")
        self.assertEqual(server.stop(), 0)
        self.assertIn("warning: the environment variable LUMEN_MAX_VALEU is not a setting; did you mean "
                      "LUMEN_MAX_VALUE?", server.log)
        self.assertNotIn("LUMEN_TEST_STAGES", server.log)

    def test_json_lines_parse_whatever_is_in_them(self):
        odd = b'q"b\\s\nn\tt\x01\x7f\xc3\xbc\xff\xfe\xed\xa0\x80{}%s\xf0\x9f\x98\x80'
        (self.folder / "file").write_bytes(b"")
        path = os.fsencode(self.folder / "file") + b"/" + odd
        done = subprocess.run([SERVER, "--log-format", "json", "--listen", "127.0.0.1:0", b"--data-dir", path],
                              capture_output=True, timeout=PATIENCE, env=environment())
        self.assertEqual(done.returncode, 4, done.stderr)
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertGreaterEqual(len(lines), 2)
        for line in lines:
            self.assertEqual(set(line), {"time", "level", "message"})
            self.assertIn('q"b\\s\nn\tt\x01\x7fü\\xff\\xfe\\xed\\xa0\\x80{}%s\N{GRINNING FACE}', line["message"])


class Notices(Program):
    def test_ready_and_stopping_are_told_in_order(self):
        systemd = NotifySocket(self.folder)
        self.addCleanup(systemd.socket.close)
        server = self.start(NOTIFY_SOCKET=systemd.path)
        recovering = systemd.until("READY")
        self.assertEqual(recovering[-1], {"READY": "1", "STATUS": "serving"})
        self.assertTrue(recovering[:-1])
        for notice in recovering[:-1]:
            self.assertRegex(notice["STATUS"], r"^recovering: replayed \d+ %$")
            self.assertGreaterEqual(int(notice["EXTEND_TIMEOUT_USEC"]), 10_000_000)
        self.assertEqual(server.stop(), 0)
        stopping = systemd.rest()
        self.assertEqual(stopping[0], {"STOPPING": "1", "STATUS": "draining"})
        self.assertEqual(stopping[1]["STATUS"], "draining")
        self.assertIn("EXTEND_TIMEOUT_USEC", stopping[1])

    def test_a_long_recovery_says_how_far_it_is(self):
        if shutil.which("strace") is None:
            self.skipTest("needs strace, to make the disk slow")
        server = self.start("--wal-segment-size", "64KiB")
        for i in range(12):
            self.assertEqual(server.put(f"k{i}", "v" * 30_000).returncode, 0)
        server.stop(signal.SIGKILL)
        systemd = NotifySocket(self.folder)
        self.addCleanup(systemd.socket.close)
        slow = ["strace", "-f", "-qq", "-o", str(self.folder / "trace"), "-e", "trace=pread64",
                "-e", "inject=pread64:delay_enter=300000"]
        self.start(NOTIFY_SOCKET=systemd.path, prefix=slow, **TRACED)
        percents = [int(re.search(r"replayed (\d+) %", notice["STATUS"]).group(1))
                    for notice in systemd.until("READY")[:-1]]
        self.assertGreater(len(percents), 2, percents)
        self.assertEqual(percents, sorted(percents))
        self.assertGreater(len(set(percents)), 1, percents)


class FailedSync(Program):
    """A disk that answers a sync with EIO, by strace."""

    def break_syncs(self, server):
        if shutil.which("strace") is None:
            self.skipTest("needs strace, to make syncs fail")
        tracer = subprocess.Popen(["strace", "-f", "-p", str(server.process.pid), "-o", str(self.folder / "trace"),
                                   "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO"],
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(tracer.wait)
        self.addCleanup(tracer.kill)
        self.addCleanup(tracer.stderr.close)
        line = tracer.stderr.readline()
        if "attached" not in line:
            self.skipTest("strace may not attach here: " + line)

    def test_makes_the_server_read_only_by_default(self):
        systemd = NotifySocket(self.folder)
        self.addCleanup(systemd.socket.close)
        server = self.start(NOTIFY_SOCKET=systemd.path, **TRACED)
        self.assertEqual(server.put("a", "1").returncode, 0)
        self.break_syncs(server)
        self.assertEqual(server.put("b", "2").returncode, 4)
        self.assertEqual(server.get("a").stdout, b"1")
        self.assertIn(b"FAILED_PRECONDITION", server.put("c", "3").stderr)
        self.assertEqual(server.get("a").stdout, b"1")
        systemd.until("READY")
        self.assertIn("serving reads only: ", systemd.next()["STATUS"])
        self.assertEqual(server.stop(), 4)
        self.assertIn("read-only from here on: writing the WAL failed", server.log)

    def test_ends_the_server_with_4_where_that_is_wanted(self):
        server = self.start("--on-sync-error", "exit", **TRACED)
        self.assertEqual(server.put("a", "1").returncode, 0)
        self.break_syncs(server)
        self.assertEqual(server.put("b", "2").returncode, 4)
        self.assertEqual(server.ended(), 4)
        self.assertIn("stopping, because on_sync_error is exit", server.log)
        again = self.start()
        self.assertEqual(again.get("a").stdout, b"1")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
