"""Reads a Dockerfile, and follows it without Docker: each stage a bare Debian, each RUN a chroot into it.

It knows the instructions that ours uses, in the forms that ours uses, and refuses everything else, so that what it did
not follow cannot be taken for tried.
"""
import dataclasses
import json
import re
import shlex
import shutil
import subprocess
import time

from check.debian import MINUTE, Debian, Failed, run

BASE = "debian:bookworm-slim"
# What makes an image slim.
SLIM = "".join(f"path-exclude /usr/share/{kind}/*\n" for kind in ("doc", "man", "info", "locale")) + \
    "path-include /usr/share/doc/*/copyright\n"
EXEC_FORM = ("ENTRYPOINT", "CMD")


class Unknown(Exception):
    """Something in a Dockerfile that is not followed here."""


@dataclasses.dataclass
class Instruction:
    line: int
    keyword: str
    flags: dict
    text: str

    def fail(self, why):
        raise Unknown(f"Dockerfile:{self.line}: {self.keyword}: {why}")

    def words(self):
        """Of an exec form."""
        try:
            words = json.loads(self.text)
        except json.JSONDecodeError:
            words = None
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            self.fail("only the exec form, a JSON array of words")
        return words


@dataclasses.dataclass
class Stage:
    name: str
    instructions: list


def instructions_of(text):
    """Lines joined, comments dropped."""
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or not line.strip():
            continue
        start = start if pending else number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        keyword, _, rest = (pending + line).strip().partition(" ")
        pending, rest, flags = "", rest.strip(), {}
        while found := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
            flags[found.group(1)] = found.group(2)
            rest = rest[found.end():]
        yield Instruction(start, keyword.upper(), flags, re.sub(r"\s{2,}", " ", rest))
    if pending:
        raise Unknown(f"Dockerfile:{start}: ends in a continued line")


def parse(text):
    stages = []
    for instruction in instructions_of(text):
        if instruction.keyword == "FROM":
            found = re.fullmatch(re.escape(BASE) + r"(?: AS (\w+))?", instruction.text)
            if instruction.flags or not found:
                instruction.fail(f"only {BASE}")
            stages.append(Stage(found.group(1) or str(len(stages)), []))
        elif not stages:
            instruction.fail("before the first FROM")
        else:
            stages[-1].instructions.append(instruction)
    if not stages:
        raise Unknown("Dockerfile: no FROM")
    return stages


def ignored(text):
    """Of a .dockerignore: names at the top only."""
    names = [line for line in text.splitlines() if line and not line.startswith("#")]
    for name in names:
        if not re.fullmatch(r"[\w.-]+", name):
            raise Unknown(f".dockerignore: '{name}' is not a plain name")
    return names


class Image:
    """What the stages leave: the last one's files, and how to start it."""

    def __init__(self, context, dockerfile, tarball, folder, say):
        self.context, self.tarball, self.folder, self.say = context, tarball, folder, say
        self.excluded = ignored((context / ".dockerignore").read_text())
        self.stages = parse(dockerfile.read_text())
        self.systems = {}
        self.config = {}

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for system in self.systems.values():
            shutil.rmtree(system.root)

    def build(self):
        for stage in self.stages:
            self.system = Debian(self.tarball, self.folder / f"stage-{stage.name}")
            self.systems[stage.name] = self.system
            self.system.path("/etc/dpkg/dpkg.cfg.d/docker").write_text(SLIM)
            self.config = {"env": {}, "cwd": "/", "user": "0:0"}
            for instruction in stage.instructions:
                self.say(f"{stage.name}: {instruction.keyword} {instruction.text}"[:150])
                follow = getattr(self, "follow_" + instruction.keyword.lower(), None)
                if follow is None:
                    instruction.fail("not followed here")
                follow(instruction)

    def take_flags(self, instruction, *known):
        for name in instruction.flags:
            if name not in known:
                instruction.fail(f"--{name} is not followed here")

    def follow_run(self, instruction):
        self.take_flags(instruction, "mount")
        binds = []
        if "mount" in instruction.flags:
            mount = dict(part.split("=", 1) for part in instruction.flags["mount"].split(","))
            kind, target = mount.pop("type"), mount.pop("target")
            if kind == "cache" and not mount:
                source = self.folder / ("cache" + target.replace("/", "-"))
                source.mkdir(exist_ok=True)
            elif kind == "bind" and set(mount) == {"from", "source"}:
                source = self.systems[mount["from"]].path(mount["source"])
            else:
                instruction.fail("a mount that is not followed here")
            binds.append((source, target))
        # An image's build has no terminal either.
        where = {"cwd": self.config["cwd"], "env": self.config["env"], "user": self.config["user"], "binds": binds}
        output = self.system.run("/bin/sh", "-c", instruction.text, timeout=45 * MINUTE, **where)
        self.say("  " + "\n  ".join(output.strip().splitlines()[-3:]))

    def follow_copy(self, instruction):
        """From the context only: a file to a file, or all of it to the working directory."""
        self.take_flags(instruction)
        source, target = instruction.text.split()
        cwd = self.system.path(self.config["cwd"])
        if source == ".":
            if target != ".":
                instruction.fail("everything goes to '.' here")
            excludes = shlex.join(f"--exclude=./{name}" for name in self.excluded)
            run(["sh", "-c", f'tar -C "$0" {excludes} -c . | tar -C "$1" --no-same-owner -x', self.context, cwd], 5 * MINUTE)
            return
        if (self.context / source).is_dir() or target.endswith("/") or target.startswith("/"):
            instruction.fail("only a file to a file here")
        (cwd / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.context / source, cwd / target)

    def follow_workdir(self, instruction):
        self.config["cwd"] = instruction.text
        self.system.path(instruction.text).mkdir(parents=True, exist_ok=True)

    def follow_env(self, instruction):
        for word in shlex.split(instruction.text):
            name, separator, value = word.partition("=")
            if not separator or "$" in value:
                instruction.fail("only NAME=VALUE")
            self.config["env"][name] = value

    def follow_user(self, instruction):
        if not re.fullmatch(r"\d+:\d+", instruction.text):
            instruction.fail("only uid:gid, as numbers: Kubernetes cannot tell what a name is")
        self.config["user"] = instruction.text

    def follow_entrypoint(self, instruction):
        self.config["entrypoint"] = instruction.words()

    def follow_healthcheck(self, instruction):
        self.take_flags(instruction, "interval", "timeout", "start-period", "retries")
        keyword, _, instruction.text = instruction.text.partition(" ")
        if keyword != "CMD":
            instruction.fail("only CMD")
        self.config["healthcheck"] = instruction.words()

    def follow_stopsignal(self, instruction):
        self.config["stopsignal"] = instruction.text

    def follow_volume(self, instruction):
        self.config["volume"] = instruction.text

    def follow_expose(self, instruction):
        self.config["port"] = int(instruction.text)

    def follow_label(self, instruction):
        self.take_flags(instruction)


class Container:
    """A running image: its entry point as process 1 of its own, with no network but a loopback of its own."""

    def __init__(self, image, log):
        config = image.config
        self.image, self.system = image, image.system
        self.where = {"user": config["user"], "env": config["env"]}
        self.process = subprocess.Popen(
            self.system.command(*config["entrypoint"], cwd=config["cwd"], network=False, **self.where),
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def first_process(self):
        """Its number here."""
        while self.process.poll() is None:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
                children = file.read().split()
            if children:
                return int(children[0])
            time.sleep(0.01)  # unshare has not forked yet
        raise Failed("the container has ended")

    def execute(self, *arguments):
        """As `docker exec`: the finished process."""
        inside = ["nsenter", "-t", str(self.first_process()), "--mount", "--net", "--pid",
                  "chroot", f"--userspec={self.where['user']}", "--groups=", str(self.system.root),
                  "env", "-i", *(f"{name}={value}" for name, value in self.where["env"].items()), *arguments]
        return subprocess.run(inside, capture_output=True, text=True, timeout=MINUTE, check=False)

    def kill(self):
        self.process.kill()
        self.process.wait()
