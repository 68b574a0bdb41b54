"""Just enough HTTP/2, protobuf and gRPC to be a bad client: whatever no gRPC library would send can be sent, whatever it
would read can be left unread. The server is asked for a header table of size 0, so that headers need no state.
"""
import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK, PADDED, PRIORITY = 1, 4, 1, 8, 0x20
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE = 1, 4
STOCK_WINDOW = 65535
NO_ERROR, CANCEL = 0, 8
PATIENCE = 20

# RFC 7541, appendix A: those names that answers have.
STATIC_NAMES = {8: ":status", 9: ":status", 10: ":status", 11: ":status", 12: ":status", 13: ":status", 14: ":status",
                16: "accept-encoding", 26: "content-encoding", 31: "content-type"}


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """One protobuf field: bytes, or a number."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def message(body, compressed=0):
    return struct.pack(">BI", compressed, len(body)) + body


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(name, value):
    def text(raw):
        return _integer(len(raw), 7, 0) + raw
    return b"\x00" + text(name) + text(value)


def _integer(number, bits, first):
    most = (1 << bits) - 1
    if number < most:
        return bytes([first | number])
    return bytes([first | most]) + varint(number - most)


def request_headers(path, extra=()):
    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()), (b":authority", b"localhost"),
              (b"te", b"trailers"), (b"content-type", b"application/grpc"), *extra]
    return b"".join(_literal(name, value) for name, value in fields)


def parse_headers(block):
    """The named fields of a header block; values that are Huffman-coded are None."""
    at, found = 0, {}

    def integer(bits):
        nonlocal at
        number = block[at] & ((1 << bits) - 1)
        at += 1
        if number == (1 << bits) - 1:
            shift = 0
            while True:
                byte = block[at]
                at += 1
                number += (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
        return number

    def text():
        nonlocal at
        huffman = block[at] & 128
        size = integer(7)
        raw = block[at:at + size]
        at += size
        return None if huffman else raw

    while at < len(block):
        byte = block[at]
        if byte & 0x80:
            found[STATIC_NAMES.get(integer(7))] = None
        elif byte & 0xe0 == 0x20:
            integer(5)
        else:
            index = integer(6 if byte & 0x40 else 4)
            name = STATIC_NAMES.get(index) if index else (text() or b"").decode()
            found[name] = text()
    return found


class Answer:
    """What came back on one stream."""

    def __init__(self):
        self.headers, self.data, self.ended, self.reset = {}, bytearray(), False, None

    @property
    def status(self):
        """The gRPC status code; None: there was none."""
        code = self.headers.get("grpc-status")
        return None if code is None else int(code)

    def messages(self):
        """The bodies of the messages in it."""
        bodies, at = [], 0
        while at + 5 <= len(self.data):
            size = struct.unpack(">I", self.data[at + 1:at + 5])[0]
            bodies.append(bytes(self.data[at + 5:at + 5 + size]))
            at += 5 + size
        return bodies


class Connection:
    """One connection; opens no stream and reads nothing by itself."""

    def __init__(self, port, window=STOCK_WINDOW):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers, self.goaway, self.pongs, self.settled = {}, None, 0, False
        self._next, self._buffer, self._block = 1, b"", b""
        # What the server lets us send, on the connection (0) and on each stream.
        self._first_window, self._windows = STOCK_WINDOW, {0: STOCK_WINDOW}
        settings = struct.pack(">HIHI", HEADER_TABLE_SIZE, 0, INITIAL_WINDOW_SIZE, window)
        self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def settle(self):
        """Waits until both sides know each other's settings."""
        while not self.settled:
            self.read()
        return self

    def close(self, abruptly=False):
        if abruptly:  # RST instead of FIN
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, raw):
        self.socket.sendall(raw)

    def open(self, path, *extra):
        """Opens a stream; its request has not been sent yet."""
        stream = self._next
        self._next += 2
        self.answers[stream] = Answer()
        self.send(frame(HEADERS, END_HEADERS, stream, request_headers(path, extra)))
        return stream

    def data(self, stream, raw, end=True):
        """Sends data as the server's windows allow; returns early where the server ends the stream."""
        if not raw:
            return self.send(frame(DATA, END_STREAM if end else 0, stream))
        self._windows.setdefault(stream, self._first_window)
        while raw:
            most = min(len(raw), 16384, self._windows[0], self._windows[stream])
            if most <= 0:
                self.read()
                if self.answers[stream].ended:
                    return
                continue
            self.send(frame(DATA, END_STREAM if end and most == len(raw) else 0, stream, raw[:most]))
            self._windows[0] -= most
            self._windows[stream] -= most
            raw = raw[most:]
    def start(self, path, body, *extra):
        """Starts a call with one small message in as few packets as possible."""
        stream = self._next
        self._next += 2
        self.answers[stream] = Answer()
        self.send(frame(HEADERS, END_HEADERS, stream, request_headers(path, extra)) +
                  frame(DATA, END_STREAM, stream, message(body)))
        return stream

    def reset(self, stream):
        self.send(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))

    def ping(self):
        self.send(frame(PING, 0, 0, b"lumen/ok"))

    def read(self, give_windows=True):
        """Takes in one frame. EOFError: the server closed the connection."""
        while len(self._buffer) < 9 or len(self._buffer) < 9 + int.from_bytes(self._buffer[:3], "big"):
            chunk = self.socket.recv(1 << 16)
            if not chunk:
                raise EOFError
            self._buffer += chunk
        size = int.from_bytes(self._buffer[:3], "big")
        kind, flags = self._buffer[3], self._buffer[4]
        stream = int.from_bytes(self._buffer[5:9], "big") & 0x7fffffff
        payload, self._buffer = self._buffer[9:9 + size], self._buffer[9 + size:]
        self._take(kind, flags, stream, payload, give_windows)

    def _take(self, kind, flags, stream, payload, give_windows):
        answer = self.answers.setdefault(stream, Answer()) if stream else None
        if kind == SETTINGS and flags & ACK:
            self.settled = True
        elif kind == SETTINGS:
            for name, value in struct.iter_unpack(">HI", payload):
                if name == INITIAL_WINDOW_SIZE:
                    for opened in self._windows:
                        self._windows[opened] += value - self._first_window if opened else 0
                    self._first_window = value
            self.send(frame(SETTINGS, ACK, 0))
        elif kind == WINDOW_UPDATE:
            self._windows[stream] = self._windows.get(stream, self._first_window) + struct.unpack(">I", payload)[0]
        elif kind == PING and flags & ACK:
            self.pongs += 1
        elif kind == PING:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaway = payload[8:]
        elif kind == RST_STREAM:
            answer.reset, answer.ended = struct.unpack(">I", payload)[0], True
        elif kind == DATA:
            answer.data += payload
            answer.ended |= bool(flags & END_STREAM)
            if give_windows and payload:
                update = struct.pack(">I", len(payload))
                self.send(frame(WINDOW_UPDATE, 0, 0, update) + frame(WINDOW_UPDATE, 0, stream, update))
        elif kind in (HEADERS, CONTINUATION):
            self._block += payload
            answer.ended |= kind == HEADERS and bool(flags & END_STREAM)
            if flags & END_HEADERS:
                answer.headers.update(parse_headers(self._block))
                self._block = b""

    def finish(self, stream):
        """Reads until the stream's end."""
        deadline = time.monotonic() + PATIENCE
        while not self.answers[stream].ended:
            self.read()
            if time.monotonic() > deadline:
                raise TimeoutError("the stream does not end")
        return self.answers.pop(stream)

    def call(self, path, body, *extra):
        return self.finish(self.start(path, body, *extra))
