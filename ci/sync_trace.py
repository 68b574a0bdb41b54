"""Judges a trace of lumen-server: was each put on the disk before it was answered?

What is read: the text of `strace -f -yy -ttt` with the calls in TRACED. What is looked for, for each put with a token:
  request   its token in a DATA frame that the server received: gives connection and stream
  write     the call that wrote its token into a .wal file, returned
  sync      an fdatasync or fsync of that same file, entered after the write had returned, and returned 0
  reply     the first HEADERS or DATA frame that the server sends on that connection and stream: entered after the sync
            had returned
Connection and stream identify a put exactly, so any number may be in flight.

Why the order of lines is proof. A thread stops at the entry and at the exit of each traced call, and goes on only once
strace has noted that. So if the server replies because a sync has returned, the sync's exit is noted before the reply's
entry can happen: no correct server is called wrong. If it replies without waiting, the reply's entry may still be noted
late, by luck, after an unrelated sync; not by luck thousands of times: a wrong server is called wrong by a wide margin.
"""
import codecs
import re

TRACED = "write,pwrite64,writev,pwritev,pwritev2,fdatasync,fsync,sendmsg,sendto,recvmsg,recvfrom"
WRITES = {"write", "pwrite64", "writev", "pwritev", "pwritev2"}
SYNCS = {"fdatasync", "fsync"}
SENDS = {"sendmsg", "sendto", "write", "writev"}
RECEIVES = {"recvmsg", "recvfrom"}

LINE = re.compile(r"^(\d+)\s+(\d+\.\d+) (.*)$", re.DOTALL)
CALL = re.compile(r"^(\w+)\((\d+)<(.*)", re.DOTALL)
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)
RESULT = re.compile(r"\)\s+= (-?\d+)(?: .*)?$", re.DOTALL)
STRING = re.compile(r'"((?:\\.|[^"\\])*)"(\.\.\.)?', re.DOTALL)
UNFINISHED = " <unfinished ...>"

FRAME_HEADER_BYTES = 9
FRAME_DATA = 0
FRAME_HEADERS = 1
CLIENT_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class TraceError(Exception):
    """The trace cannot be judged."""


class Call:
    """One system call. Entry and exit are points in the order in which strace noted them."""

    def __init__(self, name, descriptor, target, text, entry):
        self.name, self.descriptor, self.target = name, descriptor, target
        self.text, self.entry = text, entry
        self.exit = self.result = None

    def data(self):
        """The bytes that were moved, as many as the call says."""
        parts = []
        for match in STRING.finditer(self.text):
            if match.group(2):
                raise TraceError(f"strace cut a string of {self.name}: -s is too small")
            parts.append(codecs.escape_decode(match.group(1).encode("latin-1"))[0])
        return b"".join(parts)[:max(self.result, 0)]


def split_target(rest):
    """'/dir/1.wal>, "x", 1, 0) = 1' or 'TCP:[a->b]>, ...' into what is between the brackets, and what follows."""
    if rest.startswith(("TCP:[", "TCPv6:[", "UNIX:[", "UNIX-STREAM:[")):
        end = rest.find("]>")
        return rest[:end + 1], rest[end + 2:]
    end = rest.find(">")
    return rest[:end], rest[end + 1:]


def read_calls(lines):
    """Completed calls, in the order of their exits."""
    open_calls = {}
    for number, line in enumerate(lines):
        match = LINE.match(line.rstrip("\n"))
        if not match:
            continue
        thread, rest = match.group(1), match.group(3)
        resumed = RESUMED.match(rest)
        if resumed:
            call = open_calls.pop(thread, None)
            if call is None:
                continue
            call.text += resumed.group(2)
        else:
            begun = CALL.match(rest)
            if not begun:
                continue
            target, text = split_target(begun.group(3))
            call = Call(begun.group(1), int(begun.group(2)), target, text, 2 * number)
            if call.text.endswith(UNFINISHED):
                call.text = call.text[:-len(UNFINISHED)]
                open_calls[thread] = call
                continue
        result = RESULT.search(call.text)
        if result:
            call.exit, call.result = 2 * number + 1, int(result.group(1))
            call.text = call.text[:result.start()]
            yield call


class FrameReader:
    """Cuts one direction of an HTTP/2 connection into frames."""

    def __init__(self, preface=b""):
        self.preface, self.pending, self.began = preface, b"", None

    def feed(self, data, point):
        """Yields (type, stream, payload, point of its first byte)."""
        if not self.pending:
            self.began = point
        self.pending += data
        if self.preface and len(self.pending) >= len(self.preface):
            if not self.pending.startswith(self.preface):
                raise TraceError("a connection that does not begin as HTTP/2 does")
            self.pending, self.preface = self.pending[len(self.preface):], b""
        while not self.preface and len(self.pending) >= FRAME_HEADER_BYTES:
            length = int.from_bytes(self.pending[:3], "big")
            end = FRAME_HEADER_BYTES + length
            if len(self.pending) < end:
                return
            stream = int.from_bytes(self.pending[5:9], "big") & 0x7fffffff
            yield self.pending[3], stream, self.pending[FRAME_HEADER_BYTES:end], self.began
            # What is left came with this data: all before it was too short for a frame.
            self.pending, self.began = self.pending[end:], point


class Judge:
    """Collects what a trace says about each token."""

    def __init__(self, token):
        self.token = token  # compiled pattern over bytes
        self.readers = {}
        self.bodies = {}
        self.requests = {}  # token -> (connection, stream)
        self.replies = {}  # (connection, stream) -> entry of its first byte
        self.writes = {}  # token -> (exit, file, offset, length)
        self.syncs = {}  # file -> [(entry, exit)]
        self.positions = {}  # file -> offset of the next write(2)
        self.groups = 0

    def see(self, call):
        if call.name in SYNCS:
            if call.result == 0:
                self.syncs.setdefault(call.target, []).append((call.entry, call.exit))
        elif call.target.endswith(".wal") and call.name in WRITES:
            self.see_wal_write(call)
        elif call.target.startswith("TCP") and "->" in call.target and call.result > 0:
            if call.name in RECEIVES:
                self.see_received(call)
            elif call.name in SENDS:
                self.see_sent(call)

    def see_wal_write(self, call):
        if call.name in ("write", "writev"):
            offset = self.positions.get(call.target, 0)
            self.positions[call.target] = offset + max(call.result, 0)
        else:
            offset = int(call.text.rsplit(",", 1)[1])
        tokens = self.token.findall(call.data())
        self.groups += bool(tokens)
        for token in tokens:
            self.writes[token] = (call.exit, call.target, offset, call.result)

    def reader(self, call, direction):
        preface = CLIENT_PREFACE if direction == "in" else b""
        return self.readers.setdefault((call.target, direction), FrameReader(preface))

    def see_received(self, call):
        for kind, stream, payload, _ in self.reader(call, "in").feed(call.data(), call.exit):
            if kind != FRAME_DATA:
                continue
            where = (call.target, stream)
            self.bodies[where] = self.bodies.get(where, b"") + payload
            for token in self.token.findall(self.bodies[where]):
                self.requests[token] = where

    def see_sent(self, call):
        for kind, stream, _, began in self.reader(call, "out").feed(call.data(), call.entry):
            if kind in (FRAME_DATA, FRAME_HEADERS):
                self.replies.setdefault((call.target, stream), began)

    def verdict(self, token):
        """Why the put was answered too early, or None."""
        if token not in self.requests:
            return "no request seen"
        reply = self.replies.get(self.requests[token])
        if reply is None:
            return "no reply seen"
        if token not in self.writes:
            return "answered, but never written to a .wal file"
        written, file, offset, length = self.writes[token]
        if written > reply:
            return f"answered before its write returned ({file}, offset {offset})"
        if not any(entry > written and done < reply for entry, done in self.syncs.get(file, ())):
            return f"answered without a sync of {file} after its write (offset {offset}, {length} bytes)"
        return None


def judge_trace(lines, token, expected):
    """(Judge, violations): every put that was answered too early, or not seen whole."""
    judge = Judge(token)
    for call in read_calls(lines):
        judge.see(call)
    violations = []
    for name in sorted(judge.requests):
        reason = judge.verdict(name)
        if reason:
            violations.append(f"{name.decode()}: {reason}")
    if len(judge.requests) != expected:
        violations.append(f"{expected} puts were sent, {len(judge.requests)} were seen")
    return judge, violations
