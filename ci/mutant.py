"""Mutants: copies of the tree with one thing taken away, to show that a check notices.

A mutant is a text file: `why:` in one line, `file:` relative to the top, then `find:` and `replace:`, each followed by
the lines in question. What is to be found must be there exactly once, so that a mutant never silently changes nothing.
"""
import os
import re
import shutil
import subprocess

MUTANT = re.compile(r"^why: (.*)\nfile: (.*)\nfind:\n(.*)replace:\n(.*)$", re.DOTALL)


def make_tree(root, mutant_path, tree):
    """Copies the tree as git knows it, working changes included, mutates it; returns why."""
    with open(mutant_path, encoding="utf-8") as file:
        match = MUTANT.match(file.read())
    if not match:
        raise ValueError(f"{mutant_path}: not why, file, find and replace")
    why, path, find, replace = match.groups()
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                            check=True, capture_output=True).stdout
    for name in listed.decode().split("\0"):
        if name and os.path.isfile(os.path.join(root, name)):
            os.makedirs(os.path.dirname(os.path.join(tree, name)), exist_ok=True)
            shutil.copy2(os.path.join(root, name), os.path.join(tree, name))
    target = os.path.join(tree, path)
    with open(target, encoding="utf-8") as file:
        text = file.read()
    if text.count(find) != 1:
        raise ValueError(f"{mutant_path}: what it replaces is {text.count(find)} times in {path}")
    with open(target, "w", encoding="utf-8") as file:
        file.write(text.replace(find, replace))
    return why


def build_tree(tree, targets):
    """The build folder. Shares the compiler cache with the real tree: only what was mutated is compiled."""
    environment = {**os.environ, "CCACHE_BASEDIR": tree, "CCACHE_NOHASHDIR": "1"}
    for command in (["cmake", "--preset", "release", "-DLUMEN_TESTS=OFF", "-DLUMEN_BENCH=OFF"],
                    ["cmake", "--build", "--preset", "release", "--target", *targets]):
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return os.path.join(tree, "build", "release")
