#!/usr/bin/env python3
"""Mutants are read and applied as their files say or refused aloud, and every one in the tree fits today's source."""
import glob
import importlib.machinery
import importlib.util
import os
import shlex
import sys
import tempfile
import types
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
import mutant  # noqa: E402

loader = importlib.machinery.SourceFileLoader("crash_selftest", os.path.join(HERE, "crash-selftest"))
selftest = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(selftest)

EDIT = "file: a.cc\nfind:\nold\nreplace:\nnew\n"


class Reading(unittest.TestCase):
    def read(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(text)
            file.flush()
            return mutant.read(file.name)

    def test_fields_are_one_line_or_an_indented_block(self):
        read = self.read("id: 17\ncaught by: P: loss\nmechanism:\n  one\n  two.\n" + EDIT)
        self.assertEqual(read.fields, {"id": "17", "caught by": "P: loss", "mechanism": "one two."})
        self.assertEqual(read.edits, [mutant.Edit("a.cc", "old\n", "new\n")])

    def test_several_edits_and_edits_that_only_take_away(self):
        read = self.read("why: x\nfile: a.cc\nfind:\n  a:\n\nb\nreplace:\nfile: b.h\nfind:\nc\nreplace:\nd\n")
        self.assertEqual(read.edits, [mutant.Edit("a.cc", "  a:\n\nb\n", ""), mutant.Edit("b.h", "c\n", "d\n")])

    def test_what_is_neither_is_refused_with_its_line(self):
        for text, line in (("why: x\n", 2), ("", 1), ("why: x\nnonsense\n" + EDIT, 2),
                           ("why: x\nfile: a.cc\nreplace:\nx\n", 2)):
            with self.assertRaisesRegex(mutant.MutantError, f"line {line}: "):
                self.read(text)
        with self.assertRaisesRegex(mutant.MutantError, "twice"):
            self.read("why: x\nwhy: y\n" + EDIT)


class Applying(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = folder.name

    def source(self, text=None):
        path = os.path.join(self.tree, "a.cc")
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_an_edit_fits_exactly_once_and_is_undone(self):
        change = mutant.Mutant("m", {}, [mutant.Edit("a.cc", "old\n", "new\n"), mutant.Edit("a.cc", "b\n", "")])
        self.source("old\nb\nc\n")
        before = mutant.apply(change, self.tree)
        self.assertEqual(self.source(), "new\nc\n")
        mutant.undo(before, self.tree)
        self.assertEqual(self.source(), "old\nb\nc\n")

    def test_an_edit_that_fits_nowhere_or_twice_changes_nothing(self):
        for text, times in (("c\n", 0), ("old\nold\n", 2)):
            self.source(text)
            with self.assertRaisesRegex(mutant.MutantError, f"is {times} times in a.cc"):
                mutant.apply(mutant.Mutant("m", {}, [mutant.Edit("a.cc", "old\n", "new\n")]), self.tree)
            self.assertEqual(self.source(), text)

    def test_a_file_that_is_gone_is_named(self):
        with self.assertRaisesRegex(mutant.MutantError, "b.cc"):
            mutant.apply(mutant.Mutant("m", {}, [mutant.Edit("b.cc", "old\n", "new\n")]), self.tree)


class TheTreesMutants(unittest.TestCase):
    def test_each_fits_the_source_of_today(self):
        paths = glob.glob(os.path.join(ROOT, "ci", "mutants", "*")) + glob.glob(
            os.path.join(ROOT, "proptests", "mutants", "*.txt"))
        self.assertGreater(len(paths), 16)
        for path in paths:
            with self.subTest(os.path.relpath(path, ROOT)):
                mutant.mutated(mutant.read(path), ROOT)

    def test_each_bug_of_the_engine_says_what_it_is_and_has_no_other_part_of_the_tree_changed(self):
        for read in selftest.read_mutants(ROOT):
            with self.subTest(read.fields["id"]):
                self.assertTrue(os.path.basename(read.path).startswith(f"{int(read.fields['id']):02d}_"))
                for edit in read.edits:
                    self.assertTrue(edit.path.startswith("engine/"), edit.path)


def verdict(caught, error=False):
    made = selftest.Verdict(mutant.Mutant("m", {"id": "1"}, []))
    made.caught, made.error = caught, error
    return made


class Judging(unittest.TestCase):
    def test_green_only_where_all_are_caught_and_the_control_is_green(self):
        for verdicts, problems, code in (([verdict(True)], [], 0), ([verdict(False)], [], 1),
                                         ([verdict(True), verdict(False)], [], 1), ([], [], 1),
                                         ([verdict(True)], [(1, "the control")], 1),
                                         ([verdict(False, error=True)], [], 4), ([verdict(True)], [(4, "x")], 4)):
            self.assertEqual(selftest.exit_code(verdicts, problems, ["one"] * max(1, len(verdicts))), code)


class Running(unittest.TestCase):
    """With a program in the place of lumen-crash, mutated or not."""

    REPORT = ('{"verdict": "%s", "violations": 1, "distinct": 40, "problems": [], "harness_errors": [], '
              '"failures": [{"rule": %d, "steps_before": 9, "steps": 2, "shrink_seconds": 0.25, "what": "lost", '
              '"file": "shrunk.case"}]}')
    # What explains and leaves the failure file.
    STORY = """if [ $1 = explain ]; then
cat <<'.'
   25  LOST      append 00000001.wal @4096 +512
-------- CRASH --------
none of 1 pending operation persisted
-------- recovery 1 --------
rule 2 is broken: lost
also fails under: xfs; not found under: kill (57 states tested)
.
exit 0; fi
cat > shrunk.case <<'.'
lumen-crash failure 2
workload
  seed 1
  wal_lz4 no
  write durable k00=8
  
faults
  sync-late of wal nth 2
crash 26
  none
recovery-faults
end
.
"""

    def run_with(self, script, rules="2"):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "program")
            with open(program, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n" + self.STORY + script)
            os.chmod(program, 0o755)
            shop = types.SimpleNamespace(folder=folder, build_mutant=lambda _: program)
            fields = {"id": "1", "profiles": "kill, xfs", "rules": rules}
            return selftest.run_mutant(shop, mutant.Mutant("m", fields, []), 0)

    def test_the_control_is_green_only_where_it_tested_all_it_was_asked_to(self):
        report = ('{"verdict": "pass", "violations": 0, "distinct": 9, "problems": [], "harness_errors": [], '
                  '"failures": [], "profiles": [{"distinct": %d}, {"distinct": 4}]}')
        for tested, exit_code, green in ((6, 0, True), (5, 0, False), (6, 1, False), (6, 3, False)):
            with tempfile.TemporaryDirectory() as folder:
                program = os.path.join(folder, "program")
                with open(program, "w", encoding="utf-8") as file:
                    file.write(f"#!/bin/sh\necho '{report % tested}' > $3; exit {exit_code}")
                os.chmod(program, 0o755)
                shop = types.SimpleNamespace(folder=folder, control=program)
                self.assertEqual(selftest.run_control(shop, 10, "kill,xfs") == "", green)

    def test_a_rule_of_its_own_catches_a_mutant(self):
        found = self.run_with(f"echo '{self.REPORT % ('fail', 2)}' > $3; exit 1")
        self.assertTrue(found.caught)
        self.assertEqual((found.states, found.steps, found.by), (40, "9 -> 2 steps in 0.2 s", "rule 2, kill"))

    def test_the_counterexample_is_told(self):
        found = self.run_with(f"echo '{self.REPORT % ('fail', 2)}' > $3; exit 1")
        self.assertEqual(found.counterexample, [
            "write durable k00=8", "fault: sync-late of wal nth 2",
            "crash before operation 26: none of 1 pending operation persisted",
            "also fails under: xfs; not found under: kill (57 states tested)"])
        found.mutant.fields["name"] = "a bug"
        self.assertIn("\n       write durable k00=8\n", selftest.line_of(found))

    def test_a_long_workload_is_cut_short(self):
        steps = selftest.steps_of({"workload": ["memtable_bytes 4096"] + [f"get k{i}" for i in range(30)]})
        self.assertEqual((steps[0], steps[-1], len(steps)), ("get k0", "... and 22 more steps", 9))

    def test_what_is_kept_can_be_replayed(self):
        with tempfile.TemporaryDirectory() as folder:
            made = os.path.join(folder, "made")
            os.makedirs(os.path.join(made, "failures"))
            found = verdict(True)
            found.program, found.case = os.path.join(folder, "program"), os.path.join(made, "failures", "a.case")
            for path in (found.program, found.case):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(path)
            selftest.keep(found, made, os.path.join(folder, "kept"))
            words = shlex.split(found.counterexample[-1])
            self.assertEqual((words[0], words[2]), ("kept:", "replay"))
            for path, content in ((words[1], found.program), (words[3], found.case)):
                self.assertTrue(path.startswith(os.path.join(folder, "kept", "1")))
                with open(path, encoding="utf-8") as file:
                    self.assertEqual(file.read(), content)

    def test_another_rule_does_not(self):
        found = self.run_with(f"echo '{self.REPORT % ('fail', 9)}' > $3; exit 1")
        self.assertFalse(found.caught or found.error)

    def test_a_green_run_under_every_profile_is_a_survivor(self):
        found = self.run_with("echo '" + '{"verdict": "pass", "distinct": 40, "failures": []}' + "' > $3")
        self.assertFalse(found.caught or found.error)
        self.assertEqual((found.states, found.by), (80, "SURVIVED"))

    def test_a_crash_of_the_tester_and_an_inconclusive_run_catch_nothing(self):
        for script in ("kill -SEGV $$", "exit 1", f"echo '{self.REPORT % ('inconclusive', 2)}' > $3; exit 3",
                       f"echo '{self.REPORT % ('harness error', 2)}' > $3; exit 4"):
            found = self.run_with(script)
            self.assertTrue(found.error and not found.caught, script)


if __name__ == "__main__":
    unittest.main()
