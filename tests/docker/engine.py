"""An engine of Docker of our own, where one can be started: its sockets and its images are in a folder that goes with it."""

from __future__ import annotations

import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from smtune.sandbox import docker

PACKAGES: Final = {"dockerd": "docker.io", "docker": "docker.io", "docker-compose": "docker-compose"}
"""Programs to the packages of Debian that hold them."""

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 60.0


class Unavailable(Exception):  # noqa: N818 - not an error: the machine has none
    """No engine can be had here; the text says why."""


def require(packages: dict[str, str]) -> None:
    """Install what is missing, if this may be done.

    Args:
        packages: Programs to the packages that hold them.

    Raises:
        Unavailable: It may not, or cannot.
    """
    missing = sorted({package for program, package in packages.items() if shutil.which(program) is None})
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Unavailable(f"{', '.join(missing)} would have to be installed, which takes root and apt-get")
    # At run level 1 the packages start no service.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        done = subprocess.run(
            ["apt-get", "-qq", *command], env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise Unavailable(f"{', '.join(missing)} cannot be installed: {_last_line(done.stderr)}")


@contextmanager
def started() -> Iterator[str]:
    """Start an engine, and stop it at the end; it ends with this process, too.

    Yields:
        Its address, as ``DOCKER_HOST`` takes it.

    Raises:
        Unavailable: None can be started here.
    """
    if sys.platform != "linux":
        raise Unavailable(f"an engine cannot be started on {sys.platform}; name one in DOCKER_HOST")
    if os.geteuid() != 0:
        raise Unavailable("an engine of our own takes root; name another one in DOCKER_HOST")
    require(PACKAGES)
    folder = Path(tempfile.mkdtemp(prefix="smtune-docker-"))
    folder.chmod(0o711)  # whoever may use the socket must reach it
    try:
        with _running(folder):
            yield f"unix://{folder}/docker.sock"
    finally:
        _unmount_below(folder)
        shutil.rmtree(folder)


def check() -> None:
    """See whether the engine that ``DOCKER_HOST`` names answers.

    Raises:
        Unavailable: It does not.
    """
    trouble = docker.unavailable()
    if trouble is not None:
        raise Unavailable(f"{os.environ['DOCKER_HOST']}: {trouble}")


@contextmanager
def _running(folder: Path) -> Iterator[None]:
    configuration = {
        "data-root": f"{folder}/data",
        "exec-root": f"{folder}/exec",
        "pidfile": f"{folder}/docker.pid",
        "hosts": [f"unix://{folder}/docker.sock"],
        # Nothing of the machine's own network is touched.
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        "ip-forward": False,
        "ip-masq": False,
        "userland-proxy": False,
    }
    (folder / "daemon.json").write_text(json.dumps(configuration))
    log = folder / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, log.open("wb") as file:
        ready.bind(f"{folder}/ready.sock")
        daemon = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "dockerd", "--config-file", f"{folder}/daemon.json"],
            env={**os.environ, "NOTIFY_SOCKET": f"{folder}/ready.sock"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C is ours
        )
        try:
            _await_ready(ready, daemon, log)
            yield
        finally:
            daemon.terminate()
            try:
                daemon.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def _await_ready(ready: socket.socket, daemon: subprocess.Popen[bytes], log: Path) -> None:
    end = os.pidfd_open(daemon.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(ready, selectors.EVENT_READ)
            selector.register(end, selectors.EVENT_READ)
            happened = [key.fileobj for key, _ in selector.select(_START_SECONDS)]
    finally:
        os.close(end)
    if ready not in happened:
        cause = _last_line(log.read_text(errors="replace")) if happened else f"not ready after {_START_SECONDS:g} s"
        raise Unavailable(f"dockerd does not start: {cause}")


def _unmount_below(folder: Path) -> None:
    """Unmount what the daemon leaves mounted: a network namespace, and all of it if it was killed."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", mount], check=True)


def _last_line(text: str) -> str:
    """Return what a program said last, without escape sequences."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text.strip().rpartition("\n")[2])
