#!/usr/bin/env python3
"""What packages and images hold besides programs, as far as that can be checked in a second and without root: the rest is
packaging/check-packages.

usage: packaging_test.py LUMEN_SERVER
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
SERVER = os.path.abspath(sys.argv[1])
sys.path.insert(0, str(HERE))

from check import dockerfile  # noqa: E402

SETTING = re.compile(r"^(\w+) = (.*?) +# (.*)$")


def printed_settings(configuration):
    """{"data_dir": ("\"./data\"", "default")}"""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith("LUMEN_") and name not in ("DATA_DIR", "BIND_ADDR")}
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(configuration)
        file.flush()
        done = subprocess.run([SERVER, "--config", file.name, "--print-config"], capture_output=True, text=True, env=clean,
                              timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return {found.group(1): found.group(2, 3) for found in map(SETTING.match, done.stdout.splitlines()) if found}


class Configuration(unittest.TestCase):
    shipped = (HERE / "lumen.toml").read_text()

    def test_it_sets_the_directory_of_the_service_and_nothing_else(self):
        settings = printed_settings(self.shipped)
        changed = {name: value for name, (value, source) in settings.items() if source != "default"}
        self.assertEqual(changed, {"data_dir": '"/var/lib/lumen/data"'})

    def test_what_is_commented_out_are_the_defaults(self):
        defaults = printed_settings("")
        shown = printed_settings(re.sub(r"^#(\w+ = )", r"\1", self.shipped, flags=re.MULTILINE))
        set_there = [name for name, (_, source) in shown.items() if source != "default" and name != "data_dir"]
        self.assertGreater(len(set_there), 3)
        for name in set_there:
            self.assertEqual(shown[name][0], defaults[name][0], name)


class Service(unittest.TestCase):
    unit = (HERE / "lumen-server.service").read_text()

    def analyze(self, unit, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "lumen-server.service"
            path.write_text(unit.replace("/usr/bin/lumen-server", SERVER))
            return subprocess.run(["systemd-analyze", *arguments, str(path)], capture_output=True, text=True, timeout=60,
                                  check=False)

    # verify exits with 0 whatever it complains of.
    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze: apt-get install systemd")
    def test_systemd_has_no_complaint(self):
        done = self.analyze(self.unit, "verify", "--man=no")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertIn("Unknown key", self.analyze(self.unit.replace("UMask=", "Umask="), "verify", "--man=no").stderr)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze: apt-get install systemd")
    def test_it_stays_as_hardened_as_it_was(self):
        done = self.analyze(self.unit, "security", "--offline=true", "--threshold=14")
        self.assertEqual(done.returncode, 0, done.stdout[-300:])
        done = self.analyze(self.unit.replace("ProtectSystem=strict", ""), "security", "--offline=true", "--threshold=14")
        self.assertNotEqual(done.returncode, 0, "nothing is noticed")

    def test_what_it_writes_to_is_what_the_configuration_says(self):
        self.assertIn("StateDirectory=lumen\n", self.unit)
        self.assertIn('data_dir = "/var/lib/lumen/', Configuration.shipped)


class Dockerfile(unittest.TestCase):
    def refused(self, text, because):
        with self.assertRaisesRegex(dockerfile.Unknown, because):
            for stage in dockerfile.parse(text):
                for instruction in stage.instructions:
                    instruction.words()

    def test_ours_is_followed_to_the_end(self):
        build, final = dockerfile.parse((HERE / "Dockerfile").read_text())
        for stage in (build, final):
            for instruction in stage.instructions:
                self.assertTrue(hasattr(dockerfile.Image, "follow_" + instruction.keyword.lower()), instruction)
        keywords = [instruction.keyword for instruction in final.instructions]
        for needed in ("USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT"):
            self.assertEqual(keywords.count(needed), 1, needed)

    def test_lines_are_joined_and_comments_dropped(self):
        stage, = dockerfile.parse("# x\nFROM debian:bookworm-slim AS a\nRUN --mount=type=cache,target=/c \\\n# y\n  one \\\n  && two\n")
        run, = stage.instructions
        self.assertEqual((stage.name, run.line, run.keyword, run.text), ("a", 3, "RUN", "one && two"))
        self.assertEqual(run.flags, {"mount": "type=cache,target=/c"})

    def test_what_it_cannot_follow_it_refuses(self):
        base = "FROM debian:bookworm-slim\n"
        self.refused("", "no FROM")
        self.refused("FROM alpine\n", "1: FROM: only debian:bookworm-slim")
        self.refused("RUN true\n" + base, "1: RUN: before the first FROM")
        self.refused(base + "RUN true \\\n", "2: ends in a continued line")
        self.refused(base + "ENTRYPOINT lumen-server\n", "2: ENTRYPOINT: only the exec form")
        self.refused(base + "ENTRYPOINT []\n", "only the exec form")

    def test_of_a_dockerignore_it_knows_plain_names(self):
        self.assertIn("build", dockerfile.ignored((ROOT / ".dockerignore").read_text()))
        with self.assertRaisesRegex(dockerfile.Unknown, r"'\*\*/x'"):
            dockerfile.ignored("build\n**/x\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
