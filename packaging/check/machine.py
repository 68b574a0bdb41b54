"""A Debian whose process 1 is systemd: the packages' service as it will run, its hardening included."""
import contextlib
import pathlib
import subprocess
import time

from check.debian import MINUTE, Failed, run


class Machine:
    """Booted, by systemd-nspawn, with no network but a loopback of its own."""

    def __init__(self, system, log):
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot",
             "--directory", str(system.root)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def __enter__(self):
        try:
            self.wait_until_booted()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # nspawn takes SIGTERM for a request to power off.
        self.process.terminate()
        try:
            self.process.wait(MINUTE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def first_process(self):
        """systemd's number outside, or None while there is none."""
        with contextlib.suppress(OSError):
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii").split()
            for child in children:
                if pathlib.Path(f"/proc/{child}/comm").read_text("ascii").strip() == "systemd":
                    return child
        return None

    def inside(self, *arguments):
        return ["nsenter", "--target", self.first_process(), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
                "--root", "--wd", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
                *arguments]

    def wait_until_booted(self):
        end = time.monotonic() + 2 * MINUTE
        state = "nothing"
        while time.monotonic() < end and self.process.poll() is None:
            if self.first_process():
                state = self.answer("systemctl", "is-system-running")
                # Degraded: a unit of Debian's own may have nothing to do in a container.
                if state in ("running", "degraded"):
                    return
            time.sleep(0.2)
        raise Failed(f"systemd did not come up: {state}")

    def run(self, *arguments):
        return run(self.inside(*arguments), 5 * MINUTE)

    def finished(self, *arguments):
        return subprocess.run(self.inside(*arguments), capture_output=True, text=True, timeout=MINUTE, check=False,
                              stdin=subprocess.DEVNULL)

    def answer(self, *arguments):
        return self.finished(*arguments).stdout.strip()

    def show(self, unit, *properties):
        """{"ActiveState": "active"}"""
        shown = self.run("systemctl", "show", unit, "--property", ",".join(properties))
        return dict(line.split("=", 1) for line in shown.splitlines())

    def wait_for(self, unit, **wanted):
        """Until all of these properties have these values."""
        end = time.monotonic() + MINUTE
        while (shown := self.show(unit, *wanted)) != wanted:
            if time.monotonic() > end:
                journal = self.answer("journalctl", "--no-pager", "--lines", "20", "--unit", unit)
                raise Failed(f"{unit}: {shown}, expected {wanted}\n{journal}")
            time.sleep(0.1)
