#!/usr/bin/env python3
"""A client of the original, in Python on stock grpcio, against the running server.

The proto below is the original's, kept apart from proto/kv.proto on purpose: whoever changes that one does not change
this one, and the test compares the two. protoc compiles it at test time; grpcio and protobuf come at the versions in
grpcio-requirements.txt into a venv in the build folder.

usage: original_client_test.py BIN_FOLDER VENV_FOLDER      exit 77: not run, because LUMEN_OFFLINE=1 and no venv yet
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = HERE / "grpcio-requirements.txt"
BIN, VENV = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
NOT_RUN = 77
PATIENCE = 60

ORIGINAL_PROTO = """
syntax = "proto3";
package kv;
service KeyValueStore {
  rpc Put (PutRequest) returns (PutResponse);
  rpc Get (GetRequest) returns (GetResponse);
  rpc Delete (DeleteRequest) returns (DeleteResponse);
}
message PutRequest { string key = 1; bytes value = 2; }
message PutResponse { bool success = 1; }
message GetRequest { string key = 1; }
message GetResponse { bytes value = 1; bool found = 2; }
message DeleteRequest { string key = 1; }
message DeleteResponse { bool success = 1; }
"""


def enter_venv():
    """Restarts this script in the venv, made when it is missing or holds other versions."""
    python, stamp = VENV / "bin" / "python", VENV / "requirements"
    wanted = REQUIREMENTS.read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        if os.environ.get("LUMEN_OFFLINE") == "1":
            print("NOT RUN: LUMEN_OFFLINE=1, and grpcio is not in " + str(VENV))
            sys.exit(NOT_RUN)
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS], check=True)
        stamp.write_text(wanted)
    if pathlib.Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(python, [str(python), *sys.argv])


enter_venv()
import grpc  # noqa: E402
from google.protobuf import descriptor_pb2  # noqa: E402


def compile_proto(folder, text):
    (folder / "kv.proto").write_text(text)
    subprocess.run(["protoc", f"-I{folder}", f"--python_out={folder}", f"--descriptor_set_out={folder}/set",
                    folder / "kv.proto"], check=True)
    return descriptor_pb2.FileDescriptorSet.FromString((folder / "set").read_bytes()).file[0]


class OriginalClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        folder = pathlib.Path(cls.folder.name)
        cls.original = compile_proto(folder, ORIGINAL_PROTO)
        sys.path.insert(0, str(folder))
        import kv_pb2
        cls.kv = kv_pb2
        cls.data = folder / "data"
        cls.start()
        cls.addClassCleanup(cls.server.communicate)
        cls.addClassCleanup(cls.server.kill)

    @classmethod
    def start(cls):
        cls.server = subprocess.Popen([BIN / "lumen-server", "--data-dir", cls.data, "--listen", "127.0.0.1:0"],
                                      stderr=subprocess.PIPE, text=True)
        for line in cls.server.stderr:
            found = re.search(r"serving on .* \(port (\d+)\)", line)
            if found:
                break
        cls.channel = grpc.insecure_channel("127.0.0.1:" + found.group(1))

    def call(self, method, request, response):
        stub = self.channel.unary_unary("/kv.KeyValueStore/" + method, request_serializer=type(request).SerializeToString
                                        if hasattr(request, "SerializeToString") else None,
                                        response_deserializer=response.FromString)
        return stub(request, timeout=PATIENCE)

    def put(self, key, value):
        return self.call("Put", self.kv.PutRequest(key=key, value=value), self.kv.PutResponse).success

    def get(self, key):
        reply = self.call("Get", self.kv.GetRequest(key=key), self.kv.GetResponse)
        return reply.value if reply.found else None

    def delete(self, key):
        return self.call("Delete", self.kv.DeleteRequest(key=key), self.kv.DeleteResponse).success

    def refusal(self, method, body):
        with self.assertRaises(grpc.RpcError) as caught:
            self.call(method, body, self.kv.PutResponse)
        return caught.exception.code(), caught.exception.details()

    def test_the_interface_is_still_the_originals(self):
        with tempfile.TemporaryDirectory() as folder:
            ours = compile_proto(pathlib.Path(folder), (HERE.parent / "proto" / "kv.proto").read_text())
        self.assertEqual(ours, self.original)

    def test_put_get_delete(self):
        self.assertTrue(self.put("faang", b"hired"))
        self.assertEqual(self.get("faang"), b"hired")
        self.assertTrue(self.put("faang", bytes(range(256))))
        self.assertEqual(self.get("faang"), bytes(range(256)))
        self.assertTrue(self.delete("faang"))
        self.assertFalse(self.delete("faang"))
        self.assertIsNone(self.get("faang"))

    def test_keys_are_any_utf8_and_values_any_bytes(self):
        for key in ("k", "schl\u00fcssel", "\u9375", "\U0001f511", "\x00", "a" * 65536):
            self.assertTrue(self.put(key, key.encode()))
            self.assertEqual(self.get(key), key.encode())
        self.assertTrue(self.put("empty", b""))
        self.assertEqual(self.get("empty"), b"")

    def test_limits(self):
        largest = b"v" * (4 * 1024 * 1024 - 128 * 1024)
        self.assertTrue(self.put("large", largest))
        self.assertEqual(self.get("large"), largest)
        too_large = self.kv.PutRequest(key="large", value=largest + b"v").SerializeToString()
        self.assertEqual(self.refusal("Put", too_large),
                         (grpc.StatusCode.INVALID_ARGUMENT, "value has 4063233 bytes; the limit is 4063232"))
        long_key = self.kv.GetRequest(key="a" * 65537).SerializeToString()
        self.assertEqual(self.refusal("Get", long_key),
                         (grpc.StatusCode.INVALID_ARGUMENT, "key has 65537 bytes; the limit is 65536"))

    def test_bad_bodies_are_named(self):
        for method in ("Put", "Get", "Delete"):
            self.assertEqual(self.refusal(method, b""), (grpc.StatusCode.INVALID_ARGUMENT, "key must not be empty"))
            code, details = self.refusal(method, b"\x0a\x05ab")
            self.assertEqual((code, details), (grpc.StatusCode.INVALID_ARGUMENT,
                                               f"request body is not a kv.{method}Request: malformed protobuf"))
            code, details = self.refusal(method, b"\x0a\x02\xc3\x28")
            self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT)
            self.assertTrue(details.startswith("key is not valid UTF-8"), details)

    def test_acknowledged_writes_survive_a_kill(self):
        for i in range(200):
            self.assertTrue(self.put(f"kept{i}", b"%d" % i))
        self.assertTrue(self.delete("kept7"))
        self.server.send_signal(signal.SIGKILL)
        self.server.communicate(timeout=PATIENCE)
        type(self).start()
        self.addClassCleanup(self.server.communicate)
        self.addClassCleanup(self.server.kill)
        for i in range(200):
            self.assertEqual(self.get(f"kept{i}"), None if i == 7 else b"%d" % i)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
