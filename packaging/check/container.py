"""The image, built and then run, as far as that goes without Docker."""
import shutil
import signal
import subprocess
import time

from check.debian import MINUTE, Failed
from check.dockerfile import Container, Image


def wait_until_healthy(container, image):
    end = time.monotonic() + MINUTE
    while (checked := container.execute(*image.config["healthcheck"])).returncode != 0:
        if time.monotonic() > end:
            raise Failed(f"not healthy: exit {checked.returncode}, {checked.stderr}")
        time.sleep(0.1)


def expect_output(container, wanted, *command):
    done = container.execute(*command)
    if (done.returncode, done.stdout) != (0, wanted):
        raise Failed(f"{' '.join(command)}: exit {done.returncode}, {done.stdout!r} {done.stderr!r}, expected {wanted!r}")


def stop(container, image):
    """By its stop signal: the exit code."""
    subprocess.run(["kill", "-s", image.config["stopsignal"], str(container.first_process())], check=True)
    code = container.process.wait(MINUTE)
    if code != 0:
        raise Failed(f"{image.config['stopsignal']} ended the container with {code}")


def run_once(image, log, *steps):
    container = Container(image, log)
    try:
        wait_until_healthy(container, image)
        for step in steps:
            step(container)
        stop(container, image)
    finally:
        container.kill()


def check_runs(image, log, say):
    ports = image.config["env"]["LUMEN_LISTEN"]
    if not ports.endswith(f":{image.config['port']}"):
        raise Failed(f"EXPOSE {image.config['port']}, but LUMEN_LISTEN={ports}")
    run_once(image, log, lambda c: expect_output(c, "", "lumen", "put", "greeting", "hello"))
    run_once(image, log, lambda c: expect_output(c, "hello", "lumen", "get", "greeting"),
             lambda c: expect_output(c, "10001\n", "id", "-u"))
    outside = [str(path) for path in image.system.path("/").rglob("CURRENT")]
    if outside != [str(image.system.path(image.config["env"]["LUMEN_DATA_DIR"]) / "CURRENT")] or \
            not image.config["env"]["LUMEN_DATA_DIR"].startswith(image.config["volume"] + "/"):
        raise Failed(f"data outside of the volume: {outside}")
    say(f"container: healthy, put, {image.config['stopsignal']}: exit 0; again, get: the value, in {image.config['volume']}")


def check_image(context, tarball, folder, out, say):
    """Leaves the packages of the build stage in `out`."""
    with Image(context, context / "packaging/Dockerfile", tarball, folder, say) as image:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        for package in image.systems["build"].path("/src/build/release/packages").glob("*.deb"):
            shutil.copy(package, out)
        with open(folder / "container.log", "w+", encoding="utf-8") as log:
            try:
                check_runs(image, log, say)
            except Failed as error:
                log.seek(0)
                raise Failed(f"{error}\nThe container said last:\n{log.read()[-3000:]}") from error
