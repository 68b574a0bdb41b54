#!/usr/bin/env python3
"""lumen-server among clients that mean no good, or know no better: it stays up, its memory stays bounded, others are
served, nothing is left behind, and it still drains. Numbers are printed.

usage: hostile_test.py BIN_FOLDER [--sanitized] [test...]      --sanitized: memory is not judged, times are not either
"""
import os
import pathlib
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import http2
from http2 import Connection, field, message

BIN = pathlib.Path(sys.argv[1]).resolve()
SANITIZED = "--sanitized" in sys.argv
PATIENCE = 120
KIB = 1024

OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED = 0, 1, 2, 3, 4
RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 8, 12, 13, 14

KV = "/lumen.v1.KeyValue/"
GET, PUT, WRITE, SCAN = KV + "Get", KV + "Put", KV + "Write", KV + "Scan"
ASYNC = field(3, 2)


def put_body(key, value, durability=b""):
    return field(1, key) + field(2, value) + durability


def get_body(key):
    return field(1, key)


class Server:
    """lumen-server on a free port, over a directory of its own, with few files to begin with."""

    def __init__(self, *arguments):
        self._folder = tempfile.TemporaryDirectory()
        self._log = open(os.path.join(self._folder.name, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [BIN / "lumen-server", "--data-dir", self._folder.name + "/data", "--listen", "127.0.0.1:0", *arguments],
            stderr=self._log, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (512, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(r"serving on .* \(port (\d+)\)", self.log())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("lumen-server did not start: " + self.log())
            time.sleep(0.01)
        self.port = int(found.group(1))

    def log(self):
        self._log.flush()
        return pathlib.Path(self._log.name).read_text(encoding="utf-8")

    def stop(self):
        """SIGTERM; answers the exit code. A leak that AddressSanitizer finds is one that is not 0."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=PATIENCE)
        finally:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.kill()
        self._log.close()
        self._folder.cleanup()

    def resident_bytes(self):
        return self._status_bytes("VmRSS")

    def peak_resident_bytes(self):
        return self._status_bytes("VmHWM")

    def _status_bytes(self, name):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(name + r":\s+(\d+) kB", status).group(1)) * KIB

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def percentile(times, share):
    return sorted(times)[int(len(times) * share)]


class Clients(unittest.TestCase):
    def start(self, *arguments):
        self.server = Server(*arguments)
        self.addCleanup(self.server.close)
        self.good = self.connect()

    def connect(self, **settings):
        connection = Connection(self.server.port, **settings)
        self.addCleanup(connection.close)
        return connection.settle()

    def fill(self, entries, value_bytes):
        value = b"v" * value_bytes
        for start in range(0, entries, 500):
            operations = b"".join(field(1, field(1, put_body(b"key%08d" % i, value)))
                                  for i in range(start, min(start + 500, entries)))
            stream = self.good.open(WRITE)
            self.good.data(stream, message(operations + ASYNC))
            self.assertEqual(self.good.finish(stream).status, OK)

    def still_serves(self):
        self.assertIsNone(self.server.process.poll(), self.server.log())
        connection = self.connect()
        self.assertEqual(connection.call(PUT, put_body(b"alive", b"yes")).status, OK)
        self.assertIn(b"yes", connection.call(GET, get_body(b"alive")).data)

    def drains(self):
        self.assertEqual(self.server.stop(), 0, self.server.log())

    def calls_under_way(self):
        """StatusResponse.calls and .open_scans (fields 10 and 12), without the call that asks."""
        body = self.good.call("/lumen.v1.Admin/Status", b"").messages()[0]
        numbers = {10: 0, 12: 0}
        at = 0

        def varint():
            nonlocal at
            number = shift = 0
            while True:
                byte = body[at]
                at += 1
                number |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return number

        while at < len(body):
            tag = varint()
            if tag & 7 == 0:
                numbers[tag >> 3] = varint()
            else:
                size = varint()
                at += size
        return numbers[10] - 1, numbers[12]

    def nothing_is_left(self):
        deadline = time.monotonic() + PATIENCE
        while (left := self.calls_under_way()) != (0, 0):
            self.assertLess(time.monotonic(), deadline, f"calls and scans left behind: {left}")
            time.sleep(0.02)

    def p99_of_gets(self):
        """Milliseconds; the best of five windows, because other programs run on this machine too."""
        best = None
        for _ in range(5):
            times = []
            for _ in range(300):
                began = time.perf_counter()
                self.assertEqual(self.good.call(GET, get_body(b"key00000007")).status, OK)
                times.append((time.perf_counter() - began) * 1000)
            p99 = percentile(times, 0.99)
            best = p99 if best is None else min(best, p99)
        return best


class HostileClients(Clients):
    def test_requests_that_never_come_come_in_pieces_or_are_no_messages(self):
        self.start()
        everything = [PUT, GET, WRITE, SCAN, KV + "MultiGet", KV + "Delete", "/kv.KeyValueStore/Put",
                      "/kv.KeyValueStore/Get", "/lumen.v1.Admin/Status", "/lumen.v1.Admin/Verify",
                      "/lumen.v1.Admin/Checkpoint", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
                      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"]
        whole = message(put_body(b"k", b"v"))
        for method in everything:
            bad = self.connect()
            bad.open(method)                                              # opened, and that was it
            bad.data(bad.open(method), whole[:3], end=False)              # half of a length
            bad.data(bad.open(method), whole[:-1], end=False)             # half of a message
            half = bad.open(method)                                       # closed in the middle
            bad.data(half, whole[:-1])
            nothing = bad.open(method)                                    # no message at all
            bad.data(nothing, b"")
            for at in range(1, len(whole)):                               # abandoned after each byte
                stream = bad.open(method)
                bad.data(stream, whole[:at], end=False)
                bad.reset(stream)
            twice = bad.start(method, b"\xff")                            # no protobuf
            bad.ping()
            self.assertTrue(bad.finish(half).ended)
            self.assertTrue(bad.finish(nothing).ended)
            bad.reset(twice)
            # And is gone, with all of these open.
            bad.close(abruptly=True)
        self.nothing_is_left()
        self.still_serves()
        self.drains()

    def test_a_deadline_that_has_passed_on_the_wire_starts_nothing(self):
        self.start()
        for _ in range(50):
            answer = self.good.call(PUT, put_body(b"late", b"v"), (b"grpc-timeout", b"0n"))
            self.assertTrue(answer.status == DEADLINE_EXCEEDED or answer.reset is not None, answer.headers)
        self.assertNotIn(b"v", self.good.call(GET, get_body(b"late")).data)
        self.drains()

    def test_streams_are_opened_and_reset_as_fast_as_they_can(self):
        self.start()
        before = self.server.resident_bytes()
        bad = self.connect()
        headers = http2.request_headers(GET)
        body = message(get_body(b"key"))
        stream = 1
        try:
            for _ in range(200):
                burst = b""
                for _ in range(100):
                    burst += http2.frame(http2.HEADERS, http2.END_HEADERS, stream, headers)
                    burst += http2.frame(http2.DATA, http2.END_STREAM, stream, body)
                    burst += http2.frame(http2.RST_STREAM, 0, stream, struct.pack(">I", http2.CANCEL))
                    stream += 2
                bad.send(burst)
        except OSError:
            pass  # The server may well hang up on that.
        grown = self.server.resident_bytes() - before
        print(f"20,000 streams opened and reset: {grown // KIB} KiB more resident")
        if not SANITIZED:
            self.assertLess(grown, 128 << 20)
        self.nothing_is_left()
        self.still_serves()
        self.drains()

    def test_what_is_no_http2(self):
        self.start()
        for raw in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", os.urandom(4096), b"\x00" * 4096,
                    http2.PREFACE + b"\xff" * 64, http2.PREFACE + http2.frame(http2.DATA, 0, 7, b"x"),
                    http2.PREFACE + http2.frame(http2.HEADERS, http2.END_HEADERS, 1, b"\xff" * 50),
                    http2.PREFACE + http2.frame(http2.SETTINGS, 0, 0, b"\x00"),
                    http2.PREFACE + http2.frame(http2.WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fffffff)) * 3):
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) as bad:
                bad.sendall(raw)
                bad.shutdown(socket.SHUT_WR)
                try:
                    while bad.recv(4096):
                        pass
                except ConnectionError:
                    pass
        self.still_serves()
        self.drains()

    def test_idle_connections_are_cheap(self):
        self.start()
        for _ in range(50):
            self.connect()
        before = self.server.resident_bytes()
        for _ in range(1000):
            self.connect()
        each = (self.server.resident_bytes() - before) / 1000
        print(f"1,000 idle connections: {each / KIB:.1f} KiB each")
        if not SANITIZED:
            self.assertLessEqual(each, 32 * KIB)
        self.still_serves()
        self.drains()

    def test_scans_that_nobody_reads_hold_little_and_are_in_nobodys_way(self):
        self.start("--memory-budget", "32MiB", "--memtable-size", "4MiB")
        self.fill(20_000, 1000)
        # Fills the cache, which is no part of what is measured.
        self.assertEqual(self.good.call(SCAN, field(7, 1)).status, OK)
        self.assertEqual(self.good.call(SCAN, field(4, 5000)).status, OK)
        p99_before, before = self.p99_of_gets(), self.server.resident_bytes()
        stalled = 500
        for i in range(50):
            # Half of them by clients that read no window away, half by such that leave everything to TCP.
            bad = self.connect(window=http2.STOCK_WINDOW if i % 2 == 0 else 0x7fffffff)
            if i % 2 == 1:
                bad.send(http2.frame(http2.WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7ffeffff)))
            for _ in range(10):
                bad.start(SCAN, b"")
        deadline = time.monotonic() + PATIENCE
        while self.calls_under_way()[1] < stalled:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        self.p99_of_gets()  # time to fill whatever they fill
        p99, each = self.p99_of_gets(), (self.server.resident_bytes() - before) / stalled
        self.assertEqual(self.calls_under_way()[1], stalled)
        print(f"500 scans that nobody reads: {each / KIB:.0f} KiB each; p99 of a Get beside them {p99:.2f} ms, "
              f"without them {p99_before:.2f} ms")
        if not SANITIZED:
            self.assertLessEqual(each, 3 * 128 * KIB + 64 * KIB)
            self.assertLessEqual(p99, 2 * p99_before + 2)
        self.drains()

    def test_clients_that_connect_and_vanish_leave_nothing(self):
        self.start()
        partial = http2.PREFACE + http2.frame(http2.SETTINGS, 0, 0)
        request = partial + http2.frame(http2.HEADERS, http2.END_HEADERS, 1, http2.request_headers(PUT))
        hellos = (b"", http2.PREFACE[:7], partial, request, request + http2.frame(http2.DATA, 0, 1, b"\x00\x00"))

        def vanish(count):
            began = time.monotonic()
            for i in range(count):
                with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) as bad:
                    if i % 3 == 0:
                        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    try:
                        bad.sendall(hellos[i % len(hellos)])
                    except ConnectionError:
                        pass
                # No more than 4,000 a second.
                time.sleep(max(0.0, began + (i + 1) / 4000 - time.monotonic()))

        vanish(500)
        files, before = self.server.open_files(), self.server.resident_bytes()
        vanish(10_000)
        deadline = time.monotonic() + PATIENCE
        while self.server.open_files() > files + 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertLessEqual(self.server.open_files(), files + 5)
        grown = self.server.resident_bytes() - before
        print(f"10,000 clients that connected and vanished: {grown // KIB} KiB more resident")
        if not SANITIZED:
            self.assertLess(grown, 16 << 20)
        self.nothing_is_left()
        self.still_serves()
        self.drains()

    def test_millions_of_tiny_fields_are_not_decoded(self):
        """Each would become a hundred bytes or so."""
        bodies = {"empty operations": (WRITE, field(1, b"")), "fields that nobody knows": (PUT, field(15, b""))}
        for what, (method, one) in bodies.items():
            with self.subTest(what):
                self.start()
                body = message(one * (8 << 20))
                calls = [(bad, bad.open(method)) for bad in [self.connect() for _ in range(3)]]
                for bad, stream in calls:
                    bad.data(stream, body)
                for bad, stream in calls:
                    answer = bad.finish(stream)
                    self.assertEqual(answer.status, RESOURCE_EXHAUSTED)
                    self.assertIn(b"request has 8388608 ", answer.headers["grpc-message"])
                peak = self.server.peak_resident_bytes()
                print(f"three messages of 16 MiB of {what}: refused; {peak >> 20} MiB resident at most")
                if not SANITIZED:
                    self.assertLess(peak, 128 << 20)
                self.still_serves()
                self.drains()

    def test_overload_is_answered_at_once_and_holds_no_memory(self):
        self.start("--max-calls", "32")
        before = self.server.resident_bytes()
        connections = [self.connect() for _ in range(8)]
        body = put_body(b"k", b"v" * 100)
        refused = answered = 0
        for _ in range(20):
            streams = [(bad, [bad.start(PUT, body) for _ in range(100)]) for bad in connections]
            for bad, opened in streams:
                for stream in opened:
                    answer = bad.finish(stream)
                    if answer.status == OK:
                        answered += 1
                        continue
                    self.assertEqual(answer.status, RESOURCE_EXHAUSTED)
                    self.assertEqual(answer.headers["grpc-retry-pushback-ms"], b"100")
                    self.assertTrue(answer.headers["grpc-message"].startswith(b"too many calls: "))
                    refused += 1
        grown = self.server.resident_bytes() - before
        print(f"800 Puts at a time with --max-calls 32: {answered} answered, {refused} refused, "
              f"{grown // KIB} KiB more resident")
        self.assertGreater(refused, 0)
        self.assertGreater(answered, 0)
        if not SANITIZED:
            self.assertLess(grown, 64 << 20)
        self.nothing_is_left()
        self.still_serves()
        self.drains()

    def test_sigterm_ends_it_whoever_is_still_there(self):
        self.start("--drain-timeout", "1s")
        self.fill(4000, 1000)
        for _ in range(20):
            bad = self.connect()
            bad.open(PUT)                                                         # half-open
            bad.data(bad.open(PUT), message(put_body(b"k", b"v"))[:4], end=False)  # slow
            bad.start(SCAN, b"")                                                  # never read
            bad.start("/grpc.health.v1.Health/Watch", b"")
            bad.data(bad.open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"), b"", end=False)
        half = socket.create_connection(("127.0.0.1", self.server.port))
        self.addCleanup(half.close)
        half.sendall(http2.PREFACE[:5])
        began = time.monotonic()
        self.drains()
        took = time.monotonic() - began
        print(f"SIGTERM with 100 streams that do not end, --drain-timeout 1s: exit 0 after {took:.2f} s")
        if not SANITIZED:
            # A second for the rest, and one for a machine that has other things to do.
            self.assertLess(took, 3)


class Pings(Clients):
    def test_pings_without_calls_are_tolerated(self):
        self.start()
        idle = self.connect()
        # Stricter than the 10 s that are promised. gRPC's own default hangs up at the fourth.
        for i in range(5):
            idle.ping()
            while idle.pongs <= i:
                idle.read()
            self.assertIsNone(idle.goaway)
            time.sleep(5.2)
        self.assertEqual(idle.call(GET, get_body(b"k")).status, OK)
        self.drains()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    unittest.main(argv=sys.argv[:1] + [name for name in sys.argv[2:] if name != "--sanitized"], verbosity=2)
