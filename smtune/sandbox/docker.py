"""Training jobs in containers of Docker, where an engine answers.

A container is no descendant of the process that asked for it. The launcher removes it once the client of Docker is gone,
however that ended; :func:`remove_abandoned` finds those whose launcher was killed as well. What a container wrote
belongs to the user of its image, most often root, and is handed over to whoever asked for it when it ends.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import math
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from smtune.errors import Problem, SpecError
from smtune.sandbox.contract import Channel, TrainingContract, lay_out
from smtune.sandbox.environment import inherited_environment
from smtune.sandbox.namespace import ROOT
from smtune.sandbox.staging import Staged

_LEAST_MEMORY_MB: Final = 6
_OWNER: Final = "smtune.owner"
_MACHINE: Final = "smtune.machine"
_PATIENCE_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 5.0
"""How long an engine may take to say that it is there."""
_ENGINE_SECONDS: Final = 30.0
"""How long it counts that one is there, or none."""
_IMAGE_SECONDS: Final = 5.0
"""How long it counts that it has an image, or not."""

_AFTERWARDS: Final = """
name=$1 base=$2 image=$3 mount=$4 limit=$5
end=$(docker inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' "$name")
docker rm --force --volumes "$name"
user=$(id -u)
if [ "$user" != 0 ] && [ -n "$(find "$base" ! -user "$user" | head -n 1)" ]; then
    docker run --rm --pull=never --network=none --user=0:0 --entrypoint=chown --mount="$mount" "$image" \\
        -hR "$user:$(id -g)" /opt/ml
fi
case $end in
"true 0") ;;
true*)
    said=$base/output/failure
    if [ ! -L "$base/output" ] && { [ -L "$said" ] || [ ! -f "$said" ] || [ ! -s "$said" ]; }; then
        rm -rf "$said"
        echo "out of memory: the container may use $limit" > "$said"
    fi
    ;;
esac
"""
"""Clears up after a container: says whether the kernel killed it for its memory, and hands over what it wrote.

What a link leads to that the container left belongs to somebody else.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use.

    Attributes:
        memory_mb: Memory in MiB; the kernel kills what takes more. ``None`` for all there is.
        cpus: Processors, also in parts; ``None`` for all there are.
        network: Name of a network of Docker; ``none`` has no way out.

    Raises:
        SpecError: A limit is none.
    """

    memory_mb: int | None = None
    cpus: float | None = None
    network: str = "none"

    def __post_init__(self) -> None:
        least = f"must be at least {_LEAST_MEMORY_MB}, which Docker asks for"
        problems = [
            Problem(f"containers.{name}", value, rule, fix)
            for name, value, fits, rule, fix in (
                (
                    "memory_mb",
                    self.memory_mb,
                    self.memory_mb is None or self.memory_mb >= _LEAST_MEMORY_MB,
                    least,
                    "write MiB, or leave it out for all there is",
                ),
                (
                    "cpus",
                    self.cpus,
                    self.cpus is None or 0.01 <= self.cpus < math.inf,
                    "must be at least 0.01",
                    "write a number of processors, or leave it out for all there are",
                ),
                ("network", self.network, bool(self.network), "must not be empty", "write none, or host"),
            )
            if not fits
        ]
        if problems:
            raise SpecError(problems)


def unavailable() -> str | None:
    """Return why no engine answers; ``None`` if one does."""
    try:
        done = _docker("version", "--format", "{{.Server.Version}}", patience=_ANSWER_SECONDS)
    except FileNotFoundError:
        return "there is no program named docker"
    except subprocess.TimeoutExpired:
        return f"Docker's engine has not answered within {_ANSWER_SECONDS:g} s"
    except OSError as error:
        return str(error)
    return (done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}") if done.returncode else None


def has_image(image: str) -> bool:
    """Return whether the engine has an image, so that nothing has to be pulled."""
    return _docker("image", "inspect", image).returncode == 0


def is_elsewhere() -> bool:
    """Return whether the engine is one that may not see the folders of this machine."""
    return os.environ.get("DOCKER_HOST", "").startswith(("tcp:", "http:", "https:", "ssh:"))


def contain(
    base: Path,
    contract: TrainingContract,
    image: str,
    *,
    command: Sequence[str] = ("train",),
    entrypoint: str | None = None,
    code: Path | None = None,
    limits: Limits = Limits(),
) -> Staged:
    """Lay out the folder of a training job, and say how to run an image there.

    Args:
        base: The folder that the container has as ``/opt/ml``; made if it is missing.
        contract: What the job is told.
        image: An image that the engine has.
        command: Arguments of its program.
        entrypoint: Program that replaces the image's own.
        code: Folder to copy to ``/opt/ml/code``.
        limits: What the container may use.

    Raises:
        SpecError: A channel is missing, or its name is none.
        OSError: The folder cannot be written.
    """
    base = base.absolute()
    name, opt_ml = container_name(contract), _mount(base, ROOT)
    mounts = [opt_ml]
    for channel_name, channel in contract.channels.items():
        if channel.source is not None:
            mounts.append(_channel_mount(channel_name, channel))
    # Links would point out of the container.
    bare = {key: replace(channel, source=None) for key, channel in contract.channels.items()}
    lay_out(base, replace(contract, channels=bare))
    if code is not None:
        shutil.copytree(code, base / "code", dirs_exist_ok=True)
    options = ["--pull=never", f"--name={name}", *_labels(), f"--network={limits.network}"]
    options += [f"--mount={mount}" for mount in mounts]
    if limits.network == "none":
        options += [f"--add-host={host}:127.0.0.1" for host in contract.hosts if host != "localhost"]
    elif limits.network == network_name(contract):
        options += [f"--network-alias={contract.current_host}", f"--hostname={contract.current_host}"]
    memory = f"{limits.memory_mb}m"
    options += [] if limits.memory_mb is None else [f"--memory={memory}", f"--memory-swap={memory}"]
    options += [] if limits.cpus is None else [f"--cpus={limits.cpus}"]
    options += [] if entrypoint is None else [f"--entrypoint={entrypoint}"]
    options += [f"--env={key}={value}" for key, value in {"PYTHONUNBUFFERED": "1", **contract.variables}.items()]
    most = "what the machine has" if limits.memory_mb is None else f"{limits.memory_mb} MiB"
    return Staged(
        base,
        ("docker", "run", *options, image, *command),
        MappingProxyType(inherited_environment()),
        base,
        afterwards=("sh", "-c", _AFTERWARDS, "sh", name, str(base), image, opt_ml, most),
    )


def container_name(contract: TrainingContract) -> str:
    """Return what the container of a host is called, of a job of this process."""
    return f"{network_name(contract)}-{contract.current_host}"


def network_name(contract: TrainingContract) -> str:
    """Return what the network of a job of this process is called, if it has several hosts."""
    job = hashlib.sha256(f"{_machine()} {_identity(os.getpid())} {contract.job_arn}".encode()).hexdigest()
    return f"smtune-{contract.job_name}-{job[:8]}"


def make_network(contract: TrainingContract) -> str:
    """Make a network in which the hosts of a job find each other, and nobody else; return its name.

    Raises:
        OSError: The engine makes none.
    """
    name = network_name(contract)
    done = _docker("network", "create", "--internal", *_labels(), name)
    if done.returncode:
        raise OSError(f"Docker makes no network: {done.stderr.strip()}")
    return name


def remove_networks(names: Iterable[str]) -> None:
    """Remove networks that no container uses any more; those that are gone already do no harm."""
    if names := list(names):
        _docker("network", "rm", *names)


def remove(names: Iterable[str]) -> None:
    """End containers, and forget them; those that are gone already do no harm."""
    if names := list(names):
        _docker("rm", "--force", "--volumes", *names)


def remove_abandoned() -> list[str]:
    """End the containers whose owner on this machine was killed, remove their networks, and return their names."""
    abandoned = _abandoned("ps", "--all")
    remove(abandoned)
    remove_networks(_abandoned("network", "ls"))
    return abandoned


class Engine:
    """What is known of the engine, for those who would ask it often: it is asked again after a while only.

    Any thread may call this.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, tuple[float, str | None]] = {}
        """A question to when its answer is out of date, and the answer."""
        self._tidied = False

    def unavailable(self, image: str, *, anew: bool = False) -> str | None:
        """Return why an image cannot be run here; ``None`` if it can be.

        The first time that an engine answers, what was abandoned there is removed.

        Args:
            image: The image.
            anew: Whether to ask again where the answer was that it cannot.
        """
        with self._lock:
            trouble = self._ask("", unavailable, _ENGINE_SECONDS, anew=anew)
            if trouble is not None:
                return trouble
            if not self._tidied:
                self._tidied = True
                with contextlib.suppress(subprocess.TimeoutExpired):  # what follows tells
                    remove_abandoned()
            return self._ask(image, partial(_lacks, image), _IMAGE_SECONDS, anew=anew)

    def _ask(self, key: str, question: Callable[[], str | None], seconds: float, *, anew: bool) -> str | None:
        until, answer = self._told.get(key, (0.0, None))
        if until < time.monotonic() or (anew and answer is not None):
            answer = question()
            self._told[key] = (time.monotonic() + seconds, answer)
        return answer


def _lacks(image: str) -> str | None:
    try:
        return None if has_image(image) else "the engine has no such image"
    except subprocess.TimeoutExpired:
        return "the engine does not say whether it has this image"


def _abandoned(*listing: str) -> list[str]:
    """Return what is left on this machine by processes that are gone."""
    name = "{{.Names}}" if listing[0] == "ps" else "{{.Name}}"
    labels = [f"--filter=label={_MACHINE}={_machine()}", "--format", f'{name} {{{{.Label "{_OWNER}"}}}}']
    owned = [line.split() for line in _docker(*listing, *labels).stdout.splitlines()]
    return [name for name, owner in owned if _identity(int(owner.partition("@")[0])) != owner]


def _labels() -> list[str]:
    return [f"--label={_OWNER}={_identity(os.getpid())}", f"--label={_MACHINE}={_machine()}"]


def _machine() -> str:
    """Return what tells this machine, or this container, from others that use the same engine."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{space}"


def _identity(process: int) -> str:
    """Return what tells a process from a later one with the same number, where the system shows when it began."""
    try:
        began = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        began = ""
    if not began and sys.platform != "linux":
        began = (
            subprocess.run(
                ["ps", "-o", "lstart=", "-p", str(process)],  # noqa: S607 - a part of every Unix
                capture_output=True,
                text=True,
                check=False,
            )
            .stdout.replace(" ", "_")
            .strip()
        )
    return f"{process}@{began}"


def _channel_mount(name: str, channel: Channel) -> str:
    source = Path(os.path.realpath(str(channel.source)))
    target = f"{ROOT}/input/data/{name}"
    return _mount(
        source, target if source.is_dir() else f"{target}/{source.name}", read_only=channel.mode == "FastFile"
    )


def _mount(source: Path, target: str, *, read_only: bool = False) -> str:
    """Return a mount as Docker reads it: as a line of a csv file."""
    text = io.StringIO()
    fields = ["type=bind", f"source={source}", f"target={target}", *(["readonly"] if read_only else [])]
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()


def _docker(*arguments: str, patience: float = _PATIENCE_SECONDS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],  # noqa: S607 - whichever the user has
        capture_output=True,
        text=True,
        check=False,
        timeout=patience,
        env=inherited_environment(),
    )
