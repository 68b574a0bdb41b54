"""A server that speaks just enough HTTP/2 and gRPC to be a disappointment: for tests of the command line."""
import socket
import threading

HEADERS, DATA, SETTINGS, PING = 1, 0, 4, 6
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def field(name, value):
    """A header, uncompressed and not indexed."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


RESPONSE = b"\x88" + field("content-type", "application/grpc")  # :status 200


class ForeignServer:
    """answer: bytes that each call is sent (see below); None: it is never answered. silent: not even a greeting."""

    def __init__(self, answer=None, silent=False):
        self.answer, self.silent = answer, silent
        self.called = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        for each in [self.listener, *self.connections]:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            if not self.silent:
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection.makefile("rb") as reader:
                connection.sendall(frame(SETTINGS, 0, 0))
                reader.read(24)  # the client's preface
                while head := reader.read(9):
                    payload = reader.read(int.from_bytes(head[:3], "big"))
                    self.take(connection, head[3], head[4], int.from_bytes(head[5:], "big"), payload)
        except OSError:
            pass

    def take(self, connection, kind, flags, stream, payload):
        if kind in (SETTINGS, PING) and not flags & ACK:
            connection.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind == HEADERS:
            self.called.set()
            if self.answer is not None:
                connection.sendall(self.answer(stream))


def unimplemented(stream):
    """What gRPC servers say to a method that they do not have."""
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, RESPONSE + field("grpc-status", "12"))


def not_serving(stream):
    """HealthCheckResponse{status: NOT_SERVING}"""
    return (frame(HEADERS, END_HEADERS, stream, RESPONSE) + frame(DATA, 0, stream, b"\0\0\0\0\x02\x08\x02") +
            frame(HEADERS, END_STREAM | END_HEADERS, stream, field("grpc-status", "0")))


class HttpServer(ForeignServer):
    """Speaks HTTP/1."""

    def serve(self, connection):
        try:
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.close()
        except OSError:
            pass
