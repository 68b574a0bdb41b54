"""The Debian packages, from installation to purge, on a Debian with systemd."""
import pwd
import re
import signal
import subprocess
import time

from check.debian import MINUTE, Debian, Failed, run
from check.machine import Machine
from newer_format import make_newer

UNIT = "lumen-server.service"
DATA = "/var/lib/lumen/data"
CONFIGURATION = "/etc/lumen/lumen.toml"
# What our packages cannot heed.
ACCEPTED_BY_LINTIAN = (
    # There is no bug at Debian that asks for the package.
    "initial-upload-closes-no-bugs",
)


def expect(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what}: got {got!r}, expected {wanted!r}")


def check_lintian(packages, say):
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags", ",".join(ACCEPTED_BY_LINTIAN),
         *map(str, packages)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=5 * MINUTE, check=False)
    if done.returncode != 0:
        raise Failed(f"lintian: {done.stdout}")
    say(f"lintian has no error and no warning; accepted: {', '.join(ACCEPTED_BY_LINTIAN)}")


def raised(package, folder):
    """The same package as a later one: its Debian revision is 9."""
    content = folder / "raised"
    run(["rm", "-rf", content], MINUTE)
    run(["dpkg-deb", "-R", package, content], MINUTE)
    control = content / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)-\d+$", r"\1-9", control.read_text(), flags=re.MULTILINE))
    path = folder / re.sub(r"-\d+_", "-9_", package.name)
    run(["dpkg-deb", "--root-owner-group", "-b", content, path], MINUTE)
    run(["rm", "-rf", content], MINUTE)
    return path


class Trial:
    def __init__(self, system, machine, say):
        self.system, self.machine, self.say = system, machine, say

    def lumen(self, *arguments):
        return self.machine.run("lumen", *arguments)

    def put(self, key, value):
        self.lumen("put", key, value)

    def expect_value(self, key, value):
        expect(f"lumen get {key}", self.lumen("get", key).strip(), value)

    def main_pid(self):
        return self.machine.show(UNIT, "MainPID")["MainPID"]

    def service_is_up_after_boot(self):
        self.machine.wait_for(UNIT, ActiveState="active", SubState="running", StatusText="serving")
        owner = self.machine.answer("ps", "-o", "user=", "-p", self.main_pid())
        expect("the server's user", owner, "lumen")
        expect("unit file", self.machine.show(UNIT, "UnitFileState")["UnitFileState"], "enabled")
        expect("its directory", self.machine.answer("stat", "-c", "%U:%G %a", "/var/lib/lumen", DATA),
               "lumen:lumen 700\nlumen:lumen 700")
        expect("systemd-analyze verify", self.machine.run("systemd-analyze", "verify", "--man=no", UNIT), "")
        self.say("systemd: active, as user lumen; systemd-analyze verify prints nothing; "
                 + self.machine.run("systemd-analyze", "security", UNIT).splitlines()[-1].strip("→ 🙂\n"))

    def command_line_works(self):
        self.put("greeting", "hello")
        self.expect_value("greeting", "hello")
        self.machine.run("lumen", "health")
        self.say("lumen put, get, health: good")

    def killed_it_comes_back(self):
        before = self.main_pid()
        self.machine.run("kill", "-KILL", before)
        end = time.monotonic() + MINUTE
        while self.main_pid() in (before, "0"):
            if time.monotonic() > end:
                raise Failed("killed, the server was not started again")
            time.sleep(0.1)
        self.machine.wait_for(UNIT, ActiveState="active", StatusText="serving")
        self.expect_value("greeting", "hello")
        self.say("SIGKILL: started again, nothing lost")

    def stopped_it_drains(self):
        self.machine.run("systemctl", "stop", UNIT)
        self.machine.wait_for(UNIT, ActiveState="inactive", Result="success", ExecMainStatus="0")
        self.say("systemctl stop: drained, exit 0")

    def fails_once(self, why, code):
        """Started, it ends with `code`, and is not started again."""
        self.machine.finished("systemctl", "start", UNIT)
        # Longer than RestartSec.
        time.sleep(3)
        self.machine.wait_for(UNIT, ActiveState="failed", ExecMainStatus=str(code), NRestarts="0")
        self.machine.run("systemctl", "reset-failed", UNIT)
        self.say(f"{why}: exit {code}, not started again")

    def wrong_configuration_is_final(self):
        configuration = self.system.path(CONFIGURATION)
        right = configuration.read_text()
        configuration.write_text(right + "lisen = 1\n")
        self.fails_once("wrong configuration", 2)
        configuration.write_text(right)

    def newer_data_is_final(self):
        """As after a downgrade."""
        data = self.system.path(DATA)
        kept = data.with_name("kept")
        run(["cp", "-a", data, kept], MINUTE)
        make_newer(data)
        self.fails_once("data of a newer version", 2)
        run(["rm", "-rf", data], MINUTE)
        kept.rename(data)

    def corruption_is_final(self):
        data = self.system.path(DATA)
        kept = data.with_name("kept")
        run(["cp", "-a", data, kept], MINUTE)
        (data / "CURRENT").unlink()
        self.fails_once("a file lost", 5)
        run(["rm", "-rf", data], MINUTE)
        kept.rename(data)

    def starts_again(self):
        self.machine.run("systemctl", "start", UNIT)
        self.machine.wait_for(UNIT, ActiveState="active", StatusText="serving")
        self.expect_value("greeting", "hello")

    def upgrade_restarts(self, later):
        before = self.main_pid()
        self.machine.run("apt-get", "-qq", "install", "-y", later)
        self.machine.wait_for(UNIT, ActiveState="active", StatusText="serving")
        if self.main_pid() == before:
            raise Failed("the upgrade left the old server running")
        self.expect_value("greeting", "hello")
        self.say("upgrade: the new server runs, nothing lost")

    def removal_keeps_data(self, package):
        self.machine.run("apt-get", "-qq", "remove", "-y", "lumenkv-server")
        if self.machine.answer("pgrep", "-x", "lumen-server"):
            raise Failed("the server outlives its package")
        for kept in (DATA + "/CURRENT", CONFIGURATION):
            self.machine.run("test", "-e", kept)
        self.machine.run("apt-get", "-qq", "install", "-y", package)
        self.machine.wait_for(UNIT, ActiveState="active", StatusText="serving")
        self.expect_value("greeting", "hello")
        self.say("apt-get remove: stopped, data and configuration stay; install: running, nothing lost")

    def purge_leaves_nothing(self):
        self.machine.run("apt-get", "-qq", "purge", "-y", "lumenkv-server", "lumenkv-client")
        left = self.machine.answer("find", "/etc", "/usr", "/var", "/run", "-xdev", "(", "-iname", "*lumen*", ")",
                                   "-not", "-path", "/var/cache/*", "-not", "-path", "/var/log/*")
        expect("files left after purge", left, "")
        self.machine.run("getent", "passwd", "lumen")
        self.say("apt-get purge: nothing left but the user lumen")


def check_packages(packages, tarball, folder, say):
    server, = (package for package in packages if package.name.startswith("lumenkv-server_"))
    check_lintian(packages, say)
    with Debian(tarball, folder / "packages-root") as system:
        inside = system.path("/packages")
        inside.mkdir()
        later = raised(server, folder)
        run(["cp", *packages, later, inside], MINUTE)
        system.apt_get("update")
        system.apt_get("install", "-y", "--no-install-recommends", "systemd-sysv", "dbus", "procps")
        names = [f"/packages/{package.name}" for package in packages]
        system.apt_get("install", "-y", "--no-install-recommends", *names)
        say(f"apt-get install: {', '.join(package.name for package in packages)}")
        with open(folder / "machine.log", "w", encoding="utf-8") as log, Machine(system, log) as machine:
            trial = Trial(system, machine, say)
            trial.service_is_up_after_boot()
            trial.command_line_works()
            trial.killed_it_comes_back()
            trial.stopped_it_drains()
            trial.wrong_configuration_is_final()
            trial.newer_data_is_final()
            trial.corruption_is_final()
            trial.starts_again()
            trial.upgrade_restarts(f"/packages/{later.name}")
            trial.removal_keeps_data(f"/packages/{server.name}")
            trial.purge_leaves_nothing()
