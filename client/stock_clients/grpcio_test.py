#!/usr/bin/env python3
"""Stock Python grpcio: both services, a streaming scan, and error details by grpcio-status.

usage: grpcio_test.py BIN_FOLDER TOOLS_FOLDER
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import stock

BIN, TOOLS = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
stock.enter_venv(TOOLS / "grpcio")
import grpc  # noqa: E402
from google.rpc import error_details_pb2  # noqa: E402
from grpc_status import rpc_status  # noqa: E402

GENERATED = tempfile.TemporaryDirectory()
subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{stock.PROTO}", f"--python_out={GENERATED.name}",
                f"--grpc_python_out={GENERATED.name}", "kv.proto", "lumen/v1/kv.proto", "lumen/v1/admin.proto"],
               check=True)
sys.path.insert(0, GENERATED.name)
import kv_pb2  # noqa: E402
import kv_pb2_grpc  # noqa: E402
from lumen.v1 import admin_pb2, admin_pb2_grpc, kv_pb2 as v1, kv_pb2_grpc as v1_grpc  # noqa: E402


class Grpcio(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = stock.Server(BIN)
        cls.addClassCleanup(cls.server.stop)
        cls.channel = grpc.insecure_channel(cls.server.address)
        cls.addClassCleanup(cls.channel.close)
        cls.store = v1_grpc.KeyValueStub(cls.channel)
        cls.admin = admin_pb2_grpc.AdminStub(cls.channel)
        cls.original = kv_pb2_grpc.KeyValueStoreStub(cls.channel)

    def refusal(self, call):
        """Code and ErrorInfo of a call that must fail."""
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        status = rpc_status.from_call(caught.exception)
        info = error_details_pb2.ErrorInfo()
        self.assertTrue(status.details[0].Unpack(info))
        return caught.exception.code(), info.domain, info.reason, caught.exception.details()

    def test_put_get_delete(self):
        put = self.store.Put(v1.PutRequest(key=b"k\xff", value=b"v"))
        self.assertGreaterEqual(put.durable_sequence, put.sequence)
        got = self.store.Get(v1.GetRequest(key=b"k\xff"))
        self.assertEqual((got.found, got.value, got.sequence), (True, b"v", put.sequence))
        self.assertTrue(self.store.Delete(v1.DeleteRequest(key=b"k\xff")).existed)
        self.assertFalse(self.store.Get(v1.GetRequest(key=b"k\xff")).found)

    def test_both_services_see_one_store(self):
        self.assertTrue(self.original.Put(kv_pb2.PutRequest(key="both", value=b"v")).success)
        self.assertEqual(self.store.Get(v1.GetRequest(key=b"both")).value, b"v")

    def test_compare_and_set(self):
        stored = self.store.Put(v1.PutRequest(key=b"cas", value=b"1")).sequence
        request = v1.WriteRequest(
            operations=[v1.Operation(put=v1.Operation.Put(key=b"cas", value=b"2"))],
            preconditions=[v1.Precondition(key=b"cas", last_written_at=stored)])
        self.assertTrue(self.store.Write(request).applied)
        again = self.store.Write(request)
        self.assertFalse(again.applied)
        self.assertEqual(again.unmet.current.value, b"2")

    def test_scan_streams(self):
        self.store.Write(v1.WriteRequest(operations=[
            v1.Operation(put=v1.Operation.Put(key=b"scan/%05d" % i, value=b"v" * 500)) for i in range(2000)]))
        messages = list(self.store.Scan(v1.ScanRequest(prefix=b"scan/")))
        keys = [entry.key for message in messages for entry in message.entries]
        self.assertEqual(keys, [b"scan/%05d" % i for i in range(2000)])
        self.assertGreater(len(messages), 1)
        self.assertEqual(messages[-1].count, 2000)

    def test_a_scan_is_left_early(self):
        self.store.Write(v1.WriteRequest(operations=[
            v1.Operation(put=v1.Operation.Put(key=b"left/%05d" % i, value=b"v" * 500)) for i in range(2000)]))
        scan = self.store.Scan(v1.ScanRequest(prefix=b"left/"))
        next(scan)
        scan.cancel()
        with self.assertRaises(grpc.RpcError) as caught:
            list(scan)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.CANCELLED)

    def test_errors_have_details(self):
        self.assertEqual(self.refusal(lambda: self.store.Get(v1.GetRequest())),
                         (grpc.StatusCode.INVALID_ARGUMENT, "lumen", "INVALID_FIELD", "key must not be empty"))
        self.assertEqual(self.refusal(lambda: self.store.Get(v1.GetRequest(key=b"k" * 65537))),
                         (grpc.StatusCode.INVALID_ARGUMENT, "lumen", "FIELD_TOO_LARGE",
                          "key has 65537 bytes; the limit is 65536"))
        many = v1.MultiGetRequest(keys=[b"k"] * 10001)
        self.assertEqual(self.refusal(lambda: self.store.MultiGet(many))[:3],
                         (grpc.StatusCode.RESOURCE_EXHAUSTED, "lumen", "LIMIT_EXCEEDED"))

    def test_admin(self):
        self.store.Put(v1.PutRequest(key=b"admin", value=b"v"))
        self.admin.Flush(admin_pb2.FlushRequest())
        status = self.admin.Status(admin_pb2.StatusRequest())
        self.assertGreaterEqual(sum(level.files for level in status.levels), 1)
        last = list(self.admin.Verify(admin_pb2.VerifyRequest()))[-1]
        self.assertTrue(last.done)
        self.assertEqual(last.tables_done, last.tables_total)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
