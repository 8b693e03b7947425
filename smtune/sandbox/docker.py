"""Training jobs in containers of Docker, where an engine answers.

A container is no descendant of the process that asked for it: whoever starts one has to :func:`remove` it afterwards,
however it ended, and :func:`remove_abandoned` finds those of processes that were killed. What it writes belongs to the
user of its image, most often root.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from smtune.sandbox.contract import Channel, TrainingContract, lay_out
from smtune.sandbox.environment import inherited_environment
from smtune.sandbox.namespace import ROOT
from smtune.sandbox.staging import Staged

_OWNER: Final = "smtune.owner"
_PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use.

    Attributes:
        memory_mb: Memory in MiB; the kernel kills what takes more. ``None`` for all there is.
        cpus: Processors, also in parts; ``None`` for all there are.
        network: Name of a network of Docker; ``none`` has no way out.
    """

    memory_mb: int | None = None
    cpus: float | None = None
    network: str = "none"


def unavailable() -> str | None:
    """Return why no engine answers; ``None`` if one does."""
    try:
        done = _docker("version", "--format", "{{.Server.Version}}")
    except FileNotFoundError:
        return "there is no program named docker"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}") if done.returncode else None


def has_image(image: str) -> bool:
    """Return whether the engine has an image, so that nothing has to be pulled."""
    return _docker("image", "inspect", image).returncode == 0


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
    mounts = [_mount(base, ROOT)]
    for name, channel in contract.channels.items():
        if channel.source is not None:
            mounts.append(_channel_mount(name, channel))
    # Links would point out of the container.
    bare = {name: replace(channel, source=None) for name, channel in contract.channels.items()}
    lay_out(base, replace(contract, channels=bare))
    if code is not None:
        shutil.copytree(code, base / "code", dirs_exist_ok=True)
    options = [
        "--rm",
        "--pull=never",
        f"--name={container_name(contract)}",
        f"--label={_OWNER}={_identity(os.getpid())}",
    ]
    options += [f"--network={limits.network}", *(f"--mount={mount}" for mount in mounts)]
    if limits.network == "none":
        options += [f"--add-host={host}:127.0.0.1" for host in contract.hosts if host != "localhost"]
    options += (
        [] if limits.memory_mb is None else [f"--memory={limits.memory_mb}m", f"--memory-swap={limits.memory_mb}m"]
    )
    options += [] if limits.cpus is None else [f"--cpus={limits.cpus}"]
    options += [] if entrypoint is None else [f"--entrypoint={entrypoint}"]
    options += [f"--env={name}={value}" for name, value in {"PYTHONUNBUFFERED": "1", **contract.variables}.items()]
    argv = ("docker", "run", *options, image, *command)
    return Staged(base, argv, MappingProxyType(inherited_environment()), base)


def container_name(contract: TrainingContract) -> str:
    """Return what the container of a host is called."""
    return f"smtune-{contract.job_name}-{contract.current_host}"


def remove(names: Iterable[str]) -> None:
    """End containers, and forget them; those that are gone already do no harm."""
    if names := list(names):
        _docker("rm", "--force", "--volumes", *names)


def remove_abandoned() -> list[str]:
    """End the containers whose owner on this machine was killed, and return their names."""
    listed = _docker("ps", "--all", f"--filter=label={_OWNER}", "--format", f'{{{{.Names}}}} {{{{.Label "{_OWNER}"}}}}')
    owned = [line.split() for line in listed.stdout.splitlines()]
    abandoned = [name for name, owner in owned if _identity(int(owner.partition("@")[0])) != owner]
    remove(abandoned)
    return abandoned


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


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],  # noqa: S607 - whichever the user has
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
        env=inherited_environment(),
    )
