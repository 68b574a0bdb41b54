#!/usr/bin/env python3
"""Goal: the judge of ci/check-sync-order is red for each way of answering too early, and for nothing else.
Method: small traces, written as strace writes them, with one put each; every step can be moved or left out."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sync_trace  # noqa: E402

TOKEN = re.compile(rb"T[0-9]{4}")
SOCKET = "12<TCP:[127.0.0.1:1->127.0.0.1:2]>"
WAL = "9</db/00000001.wal>"


def quoted(data):
    return '"' + "".join(f"\\{byte:03o}" for byte in data) + '"'


def frame(kind, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, 0]) + stream.to_bytes(4, "big") + payload


def message(call, data):
    return f'{call}({SOCKET}, {{msg_name=NULL, msg_iov=[{{iov_base={quoted(data)}, iov_len=8192}}], msg_iovlen=1}}, 0) = {len(data)}'


REQUEST = message("recvmsg", sync_trace.CLIENT_PREFACE + frame(4, 0, b"") + frame(0, 1, b"\n\x05T0001"))
SECOND_REQUEST = message("recvmsg", frame(0, 3, b"\n\x05T0002"))
ACK = message("sendmsg", frame(4, 0, b"") + frame(8, 1, b"\0\0\0\1"))
REPLY = message("sendmsg", frame(1, 1, b"ok") + frame(0, 1, b"\x08\x01"))
SECOND_REPLY = message("sendmsg", frame(1, 3, b"ok"))
WRITE = f'pwrite64({WAL}, {quoted(b"..T0001..")}, 9, 4096) = 9'
SECOND_WRITE = f'pwrite64({WAL}, {quoted(b"..T0002..")}, 9, 4608) = 9'
SYNC = f"fdatasync({WAL}) = 0"
OTHER_SYNC = "fdatasync(9</db/00000002.wal>) = 0"
FAILED_SYNC = f"fdatasync({WAL}) = -1 EIO (Input/output error)"
SYNC_BEGINS = f"fdatasync({WAL} <unfinished ...>"
SYNC_ENDS = "<... fdatasync resumed>) = 0"


def judge(*calls, expected=1):
    """Each call by itself is on thread 7; a pair (thread, text) names its thread."""
    lines = []
    for i, call in enumerate(calls):
        thread, text = call if isinstance(call, tuple) else (7, call)
        lines.append(f"{thread} 1700000000.{i:06} {text}\n")
    return sync_trace.judge_trace(lines, TOKEN, expected)[1]


class SyncTraceTest(unittest.TestCase):
    def assert_red(self, violations, words):
        self.assertEqual(len(violations), 1, violations)
        self.assertIn(words, violations[0])

    def test_write_sync_reply_is_green(self):
        self.assertEqual(judge(REQUEST, WRITE, SYNC, REPLY), [])

    def test_a_sync_on_another_thread_between_is_green(self):
        self.assertEqual(judge(REQUEST, WRITE, (8, SYNC_BEGINS), ACK, (8, SYNC_ENDS), REPLY), [])

    def test_frames_that_are_no_reply_may_go_out_early(self):
        self.assertEqual(judge(REQUEST, ACK, WRITE, ACK, SYNC, REPLY), [])

    def test_no_sync_is_red(self):
        self.assert_red(judge(REQUEST, WRITE, REPLY), "without a sync of /db/00000001.wal")

    def test_a_sync_after_the_reply_is_red(self):
        self.assert_red(judge(REQUEST, WRITE, REPLY, SYNC), "without a sync")

    def test_a_sync_before_the_write_is_red(self):
        self.assert_red(judge(REQUEST, SYNC, WRITE, REPLY), "without a sync")

    def test_a_sync_that_began_before_the_write_is_red(self):
        self.assert_red(judge(REQUEST, (8, SYNC_BEGINS), WRITE, (8, SYNC_ENDS), REPLY), "without a sync")

    def test_a_sync_that_ends_after_the_reply_began_is_red(self):
        self.assert_red(judge(REQUEST, WRITE, (8, SYNC_BEGINS), REPLY, (8, SYNC_ENDS)), "without a sync")

    def test_a_sync_of_another_file_or_one_that_failed_is_red(self):
        for sync in (OTHER_SYNC, FAILED_SYNC):
            self.assert_red(judge(REQUEST, WRITE, sync, REPLY), "without a sync")

    def test_a_reply_without_a_write_is_red(self):
        self.assert_red(judge(REQUEST, SYNC, REPLY), "never written")

    def test_each_of_two_puts_on_one_connection_is_judged_by_itself(self):
        calls = (REQUEST, SECOND_REQUEST, WRITE, SYNC, SECOND_WRITE, REPLY)
        self.assertEqual(judge(*calls, SYNC, SECOND_REPLY, expected=2), [])
        self.assert_red(judge(*calls, SECOND_REPLY, expected=2), "T0002: answered without a sync")

    def test_a_put_that_was_not_seen_is_red(self):
        self.assert_red(judge(REQUEST, WRITE, SYNC, REPLY, expected=2), "2 puts were sent, 1 were seen")
        self.assert_red(judge(REQUEST, WRITE, SYNC), "no reply seen")

    def test_a_string_that_strace_cut_cannot_be_judged(self):
        cut = WRITE.replace('", 9, 4096', '"..., 9, 4096')
        self.assertRaises(sync_trace.TraceError, judge, REQUEST, cut, SYNC, REPLY)


if __name__ == "__main__":
    unittest.main()
