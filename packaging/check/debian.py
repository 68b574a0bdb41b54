"""A bare Debian 12 in a folder, to try in it what users will do on theirs.

It is made by debootstrap from the Debian mirror that this machine's apt-get uses, and kept as a tarball.
"""
import os
import pathlib
import shutil
import subprocess

SUITE = "bookworm"
MINUTE = 60
# $1 folder, $2 user:group, then pairs "bind source target" up to "--", then the command. The mounts are the command's
# own, and gone with it.
ENTER = """
root=$1 user=$2
shift 2
mount -t proc proc "$root/proc"
while [ "$1" = bind ]; do
  mkdir -p "$root$3"
  mount --bind "$2" "$root$3"
  shift 3
done
shift
exec chroot --userspec="$user" --groups= "$root" "$@"
"""


class Failed(Exception):
    """What was tried did not hold."""


def run(command, timeout, **options):
    """Its output, both streams. Failed, with that: it did not exit with 0."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False, **options)
    if done.returncode != 0:
        raise Failed(f"exit {done.returncode} from {' '.join(map(str, command))}\n{done.stdout[-6000:]}")
    return done.stdout


def apt_sources():
    """Lines for sources.list: what of Debian's SUITE this machine's apt-get uses; the mirror of the suite itself first."""
    listed = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages",
                  "Origin: Debian"], MINUTE).split("\n")
    found = {}
    for line in filter(None, listed):
        uri, release, component = line.split()
        if release.startswith(SUITE):
            found.setdefault((release, uri), []).append(component)
    if not any(release == SUITE for release, _ in found):
        raise Failed(f"apt-get knows no mirror of {SUITE} (apt-get update?)")
    return [f"deb {uri} {release} {' '.join(components)}" for (release, uri), components in sorted(found.items())]


def apt_settings():
    """Proxies, retries and the like."""
    wanted = ("Acquire::http::", "Acquire::https::", "Acquire::Retries", "Acquire::Check-")
    return "".join(line + "\n" for line in run(["apt-config", "dump", "--no-empty"], MINUTE).splitlines()
                   if line.startswith(wanted))


def base_tarball(folder):
    """Made when it is not there; delete it for a newer one."""
    tarball = folder / f"{SUITE}.tar"
    if tarball.exists():
        return tarball
    root = folder / "debootstrap"
    shutil.rmtree(root, ignore_errors=True)
    sources = apt_sources()
    run(["debootstrap", "--variant=minbase", SUITE, root, sources[0].split()[1]], 20 * MINUTE)
    (root / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
    (root / "etc/apt/apt.conf.d/90host").write_text(apt_settings())
    # Nothing that is tried here has to survive a power cut.
    (root / "etc/dpkg/dpkg.cfg.d/90check").write_text("force-unsafe-io\n")
    partial = tarball.with_suffix(".partial")
    run(["tar", "--numeric-owner", "-C", root, "-cf", partial, "."], 5 * MINUTE)
    shutil.rmtree(root)
    os.rename(partial, tarball)
    return tarball


class Debian:
    """One such system. Leaving its `with` deletes the folder."""

    def __init__(self, tarball, folder):
        self.root = pathlib.Path(folder)
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        run(["tar", "--numeric-owner", "-C", self.root, "-xpf", tarball], 5 * MINUTE)
        # Of today's network, not of the tarball's.
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", self.root / "etc")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root)

    def path(self, inside):
        return self.root / inside.lstrip("/")

    def command(self, *arguments, user="0:0", cwd="/", env=None, binds=(), network=True):
        """For subprocess: `arguments` as process 1 in this system. Without `network`, a loopback of its own is all."""
        given = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                 **{name: os.environ[name] for name in ("http_proxy", "https_proxy", "no_proxy") if name in os.environ},
                 **(env or {})}
        mounts = [word for source, target in binds for word in ("bind", str(source), target)]
        isolation = ["unshare", "--mount", "--pid", "--fork", "--kill-child"] + ([] if network else ["--net"])
        script = ENTER if network else "ip link set lo up" + ENTER
        return [*isolation, "sh", "-ec", script, "sh", str(self.root), user, *mounts, "--",
                "env", "-i", "-C", cwd, *(f"{name}={value}" for name, value in given.items()), *arguments]

    def run(self, *arguments, timeout=10 * MINUTE, **where):
        return run(self.command(*arguments, **where), timeout)

    def apt_get(self, *arguments):
        return self.run("apt-get", "-qq", *arguments, env={"DEBIAN_FRONTEND": "noninteractive"}, timeout=20 * MINUTE)
