#!/usr/bin/env python3
"""Runs lumen-crash as people and CIs do, and reads its reports with other programs' readers.

usage: program_test.py LUMEN_CRASH
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

LUMEN_CRASH = ""
PASS, FAIL, USAGE, INCONCLUSIVE = 0, 1, 2, 3

MUST = ["profile", "seed", "generated", "distinct", "recovered", "violations", "seconds", "distinct_per_second", "faults"]


class Program(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def at(self, name):
        return os.path.join(self.folder, name)

    def command(self, *arguments):
        return [LUMEN_CRASH, *map(str, arguments)]

    def run_it(self, *arguments, expect=PASS):
        environment = {name: value for name, value in os.environ.items() if "SHARD" not in name}
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, cwd=self.folder,
                              timeout=300, env=environment, check=False)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done

    def text_of(self, name):
        if not os.path.exists(self.at(name)):
            return ""
        with open(self.at(name), encoding="utf-8") as file:
            return file.read()

    def read_json(self, name):
        return json.loads(self.text_of(name))

    def test_a_run_leaves_reports_that_agree(self):
        done = self.run_it("run", "--profile", "strict-posix", "--seed", 5, "--states", 300, "--json", "a.json",
                           "--ndjson", "a.ndjson", "--junit", "a.xml", "--html", "a.html", "--hashes", "a.hashes")
        first, last = done.stdout.splitlines()[0], done.stdout.splitlines()[-1]
        self.assertRegex(first, r"^lumen-crash: seed 5, commit \S+ .*, profile strict-posix, configuration [0-9a-f]{16}$")
        self.assertEqual(last, "lumen-crash run --profile strict-posix --seed 5 --states 300")
        self.assertEqual(done.stderr, "", "progress is for terminals")
        report = self.read_json("a.json")
        for name in MUST:
            self.assertIn(name, report)
        self.assertEqual((report["profile"], report["seed"], report["violations"]), ("strict-posix", 5, 0))
        self.assertGreaterEqual(report["distinct"], 300)
        self.assertGreaterEqual(report["generated"], report["distinct"])
        self.assertEqual(report["recovered"] + report["refused"], report["distinct"])
        self.assertGreater(report["tested_per_core_second"], 0)
        self.assertLess(2**20, report["peak_memory_bytes"])
        self.assertLess(report["peak_memory_bytes"], 2**30)
        for counts in report["faults"].values():
            self.assertEqual(set(counts), {"armed", "fired", "changed", "observed"})
        with open(self.at("a.ndjson"), encoding="utf-8") as file:
            events = [json.loads(line) for line in file]
        self.assertEqual((events[0]["event"], events[-1]["event"]), ("start", "end"))
        self.assertEqual(events[-1]["distinct"], report["distinct"])
        suites = xml.etree.ElementTree.parse(self.at("a.xml")).getroot()
        self.assertEqual((suites.get("failures"), suites.get("errors")), ("0", "0"))

    def test_equal_seeds_give_equal_counts(self):
        for name in ["a.json", "b.json"]:
            self.run_it("run", "--profile", "ext4-ordered", "--seed", 3, "--states", 200, "--json", name)
        a, b = self.read_json("a.json"), self.read_json("b.json")
        for timed in ["seconds", "distinct_per_second"]:
            for report in [a, *a["profiles"], b, *b["profiles"]]:
                report.pop(timed)
        for cost in ["processor_seconds", "tested_per_core_second", "peak_memory_bytes"]:
            for report in [a, b]:
                report.pop(cost)
        self.assertEqual(a, b)

    def test_all_profiles_are_the_total_and_one_by_one(self):
        self.run_it("run", "--profile", "all", "--states", 100, "--jobs", 2, "--json", "a.json")
        report = self.read_json("a.json")
        self.assertEqual(len(report["profiles"]), 10)
        self.assertEqual(sum(profile["generated"] for profile in report["profiles"]), report["generated"])
        self.assertEqual(sum(profile["distinct"] for profile in report["profiles"]), report["tested"])
        self.assertLessEqual(report["distinct"], report["tested"])

    def test_shards_merge(self):
        for index in range(2):
            self.run_it("run", "--profile", "xfs", "--states", 100, "--shard", f"{index}/2", "--hashes", f"{index}.hashes",
                        "--json", f"{index}.json")
        self.run_it("merge", "0.hashes", "1.hashes", "--json", "all.json", "--junit", "all.xml")
        parts, whole = [self.read_json("0.json"), self.read_json("1.json")], self.read_json("all.json")
        self.assertEqual(whole["generated"], sum(part["generated"] for part in parts))
        self.assertLessEqual(whole["distinct"], sum(part["distinct"] for part in parts))
        self.assertGreaterEqual(whole["distinct"], max(part["distinct"] for part in parts))
        self.run_it("merge", "0.hashes", expect=4)
        self.run_it("merge", "0.hashes", "0.hashes", "1.hashes", expect=4)

    def test_sigterm_leaves_what_there_is_and_is_not_green(self):
        with subprocess.Popen(self.command("run", "--profile", "strict-posix", "--time", "1h", "--json", "a.json", "--ndjson",
                                           "a.ndjson"), stdout=subprocess.PIPE, text=True, cwd=self.folder) as running:
            self.addCleanup(running.kill)
            # Its first word of progress: it is in the middle of things.
            while '"progress"' not in self.text_of("a.ndjson"):
                self.assertIsNone(running.poll(), "it ended by itself")
            running.send_signal(signal.SIGTERM)
            out, _ = running.communicate(timeout=120)
        self.assertEqual(running.returncode, INCONCLUSIVE, out)
        report = self.read_json("a.json")
        self.assertEqual(report["verdict"], "inconclusive")
        self.assertGreater(report["distinct"], 0)
        self.assertIn("stopped by signal 15", report["problems"][0])

    def test_small_scopes_are_exhausted(self):
        done = self.run_it("exhaust", "--profile", "strict-posix,xfs", "--length", 1, "--most-images", 3000, "--json", "a.json")
        self.assertRegex(done.stdout, r"(?m)^not exhausted strict-posix: 13 workloads of up to 1 steps, .* 3,000 images")
        self.assertRegex(done.stdout, r"(?m)^exhausted xfs: 13 workloads of up to 1 steps, [\d,]+ crash points, every")
        report = self.read_json("a.json")
        self.assertEqual(report["exhaust"], {"length": 1, "most_pending": 12, "most_images": 3000})
        for profile, whole in zip(report["profiles"], [False, True]):
            self.assertEqual(profile["exhausted"], whole)
            self.assertEqual(profile["exhaustive_points"] + profile["many_images_points"], profile["crash_points"])

    def test_lists_and_plans_and_mistakes(self):
        listed = self.run_it("list").stdout
        for name in ["strict-posix", "zombie", "enospc-after", "bit-flip", "smoke", "hunt"]:
            self.assertRegex(listed, rf"(?m)^  {name} ")
        with open(self.at("plan"), "w", encoding="utf-8") as file:
            file.write("eio-before on append of wal nth 3\n")
        explained = self.run_it("run", "--fault-plan", "plan", "--explain-plan").stdout
        self.assertIn("EIO", explained.upper())
        self.run_it("run", "--profile", "kill", "--states", 50, "--fault-plan", "plan", "--json", "a.json")
        self.assertGreater(self.read_json("a.json")["faults"]["eio-before"]["fired"], 0)
        self.run_it("run", "--profile", "zfs", expect=USAGE)
        self.run_it("replay", "nothing.case", expect=INCONCLUSIVE)
        with open(self.at("old.case"), "w", encoding="utf-8") as file:
            file.write("lumen-crash failure 9\nbuild 1234567 GNU\n")
        done = self.run_it("replay", "old.case", expect=INCONCLUSIVE)
        self.assertIn("build 1234567", done.stderr)


if __name__ == "__main__":
    LUMEN_CRASH = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
