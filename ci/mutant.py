"""Mutants: copies of the tree with one thing taken away or put back, to show that a check notices.

A mutant is a text file. First its fields, `name: value` in a line, or `name:` and lines that begin with two spaces.
Then its edits: `file:` relative to the top, `find:` and `replace:`, each of the two followed by the lines in question.
What is to be found must be there exactly once, so that a mutant never silently changes nothing. Fields that
ci/mutants/ uses: why. Those of proptests/mutants/ are in its README.
"""
import dataclasses
import os
import re
import shutil
import subprocess

EDIT = re.compile(r"file: ([^\n]*)\nfind:\n(.*?)replace:\n(.*?)(?=^file: |\Z)", re.DOTALL | re.MULTILINE)
FIELD = re.compile(r"([a-z ]+):(?: (.*)\n|\n((?:  .*\n)+))")


class MutantError(Exception):
    """A mutant that cannot be read, applied or built. Never a sign that a check works."""


@dataclasses.dataclass
class Edit:
    path: str
    find: str
    replace: str


@dataclasses.dataclass
class Mutant:
    path: str
    fields: dict
    edits: list


def read(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    mutant = Mutant(path, {}, [])
    at = 0
    while match := FIELD.match(text, at) if not text.startswith("file: ", at) else None:
        name, line, lines = match.groups()
        if name in mutant.fields:
            raise MutantError(f"{path}: `{name}:` twice")
        mutant.fields[name] = line if line is not None else " ".join(lines.split())
        at = match.end()
    while match := EDIT.match(text, at):
        mutant.edits.append(Edit(*match.groups()))
        at = match.end()
    if at != len(text) or not mutant.edits:
        line = text.count("\n", 0, at) + 1
        raise MutantError(f"{path}: line {line}: expected a field, or file, find and replace")
    return mutant


def commit_of(root):
    """As bench/commit.cmake has it: "8a0a3dd", "8a0a3dd-dirty"."""
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=root, capture_output=True,
                          text=True, check=False)
    return done.stdout.strip() or "unknown"


def copy_tree(root, tree):
    """Copies the tree as git knows it, working changes included, and leaves in it which commit it is a copy of: the
    same for a mutated and an unchanged one, so that programs of the two differ by the mutant alone."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                            check=True, capture_output=True).stdout
    for name in listed.decode().split("\0"):
        if name and os.path.isfile(os.path.join(root, name)):
            os.makedirs(os.path.dirname(os.path.join(tree, name)), exist_ok=True)
            shutil.copy2(os.path.join(root, name), os.path.join(tree, name))
    with open(os.path.join(tree, ".commit"), "w", encoding="utf-8") as file:
        file.write(commit_of(root) + "-copy\n")


def mutated(mutant, tree):
    """What the mutant's files become: path to text. Changes nothing."""
    texts = {}
    for edit in mutant.edits:
        if edit.path not in texts:
            try:
                with open(os.path.join(tree, edit.path), encoding="utf-8") as file:
                    texts[edit.path] = file.read()
            except OSError as error:
                raise MutantError(f"{mutant.path}: {edit.path}: {error.strerror}") from error
        text = texts[edit.path]
        if text.count(edit.find) != 1:
            raise MutantError(f"{mutant.path}: what it replaces is {text.count(edit.find)} times in {edit.path}:\n"
                              f"{edit.find}")
        texts[edit.path] = text.replace(edit.find, edit.replace)
    return texts


def apply(mutant, tree):
    """Returns what undo() needs."""
    before = {}
    for path, text in mutated(mutant, tree).items():
        full = os.path.join(tree, path)
        with open(full, encoding="utf-8") as file:
            before[path] = file.read()
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
    return before


def undo(before, tree):
    for path, text in before.items():
        with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
            file.write(text)


def make_tree(root, mutant_path, tree):
    """A mutated copy; returns the mutant's fields."""
    mutant = read(mutant_path)
    copy_tree(root, tree)
    apply(mutant, tree)
    return mutant.fields


def build_tree(tree, targets, configure=("-DLUMEN_TESTS=OFF", "-DLUMEN_BENCH=OFF"), jobs=None):
    """The build folder. Shares the compiler cache with the real tree: only what was mutated is compiled."""
    environment = {**os.environ, "CCACHE_BASEDIR": tree, "CCACHE_NOHASHDIR": "1"}
    build = ["cmake", "--build", "--preset", "release", "--target", *targets]
    for command in (["cmake", "--preset", "release", *configure], build + (["-j", str(jobs)] if jobs else [])):
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise MutantError(f"{' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return os.path.join(tree, "build", "release")
