"""One training's folder, as a SageMaker container has it under ``/opt/ml``."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any, Final

from smtune.container.values import decode_value, encode_value
from smtune.errors import Problem, SpecError
from smtune.sandbox.environment import command_arguments, inherited_environment, toolkit_environment

_HOST: Final = "localhost"  # it resolves everywhere: the toolkit waits for up to 15 minutes for the name of a host
_GROUP: Final = "homogeneousCluster"
_FOLDERS: Final = (
    "input",
    "input/config",
    "input/data",
    "code",
    "model",
    "output",
    "output/data",
    "output/intermediate",
)


@dataclass(frozen=True, slots=True)
class Channel:
    """Input data.

    Attributes:
        source: A folder, or a single file.
        content_type: MIME type, for the scripts that ask.
    """

    source: Path
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """A folder that is ready for a training, and how to run it.

    Attributes:
        base: What a container has as ``/opt/ml``.
        argv: Python, the entry point, and the hyperparameters as arguments.
        env: The whole environment.
        cwd: Where to run it.
    """

    base: Path
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path

    @property
    def model_dir(self) -> Path:
        """Where the script saves its model."""
        return self.base / "model"

    @property
    def output_dir(self) -> Path:
        """Where the script writes what is not its model, below ``data``."""
        return self.base / "output"

    @property
    def checkpoints_dir(self) -> Path:
        """Where the script keeps what lets it go on after an interruption."""
        return self.base / "checkpoints"

    @property
    def failure_file(self) -> Path:
        """Where the script may say why it failed."""
        return self.output_dir / "failure"


def stage(  # noqa: PLR0913 - what a container is given has this many parts
    base: Path,
    *,
    job_name: str,
    source_dir: Path,
    entry_point: str,
    hyperparameters: Mapping[str, Any],
    objective_metric: str | None = None,
    channels: Mapping[str, Channel] = MappingProxyType({}),
    environment: Mapping[str, str] = MappingProxyType({}),
    python: str = sys.executable,
) -> Staged:
    """Lay out what a training finds in its container.

    The working directory holds links to the code, so that trainings which write beside it stay apart. What an earlier
    training left in ``base`` goes, but for its checkpoints. Afterwards all stays as the training saw it, so that one
    that failed can be looked into, and run again by hand.

    Args:
        base: The folder that stands for ``/opt/ml``; made if it is missing.
        job_name: Name of the training job.
        source_dir: Folder with the training code.
        entry_point: Script to run, relative to ``source_dir``.
        hyperparameters: Name to typed value.
        objective_metric: What a tuning job optimises. SageMaker writes it into ``hyperparameters.json``; its toolkit
            keeps it from scripts' arguments and variables.
        channels: Name to data; linked, not copied.
        environment: Variables that win over all others.
        python: The interpreter.

    Raises:
        SpecError: The entry point or a channel is missing, or a hyperparameter cannot be written.
        OSError: The folder cannot be written.
    """
    base, source_dir = base.absolute(), source_dir.absolute()
    _check(source_dir, entry_point, channels)
    values, texts = _encoded(hyperparameters)
    if objective_metric is not None:
        texts["_tuning_objective_metric"] = objective_metric
    root = str(base)
    _make_folders(root)
    for name in os.listdir(source_dir):
        os.symlink(f"{source_dir}/{name}", f"{root}/code/{name}")
    for name, channel in channels.items():
        _link_channel(base / "input/data" / name, channel.source.absolute())
    training = _training(root, job_name, entry_point, values, channels)
    configuration = {
        "hyperparameters": texts,
        "inputdataconfig": training["input_data_config"],
        "resourceconfig": training["resource_config"],
    }
    for name, content in configuration.items():
        with open(f"{root}/input/config/{name}.json", "wb", buffering=0) as file:
            file.write(json.dumps(content).encode())
    return Staged(
        base=base,
        argv=(python, entry_point, *command_arguments(values)),
        env=MappingProxyType(
            {
                **inherited_environment(),
                **toolkit_environment(training),
                "CURRENT_HOST": _HOST,
                "PYTHONUNBUFFERED": "1",
                "SAGEMAKER_BASE_DIR": root,
                "TRAINING_JOB_NAME": job_name,
                **environment,
            }
        ),
        cwd=base / "code",
    )


def _make_folders(root: str) -> None:
    """Make all folders, the same way for a new training and for one that had been here."""
    try:
        os.makedirs(root)
    except FileExistsError:
        for stale in ("input", "code", "model", "output"):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(f"{root}/{stale}")
    for folder in _FOLDERS:
        os.mkdir(f"{root}/{folder}")
    with contextlib.suppress(FileExistsError):
        os.mkdir(f"{root}/checkpoints")


def _check(source_dir: Path, entry_point: str, channels: Mapping[str, Channel]) -> None:
    problems = []
    parts = PurePath(entry_point)
    if parts.is_absolute() or ".." in parts.parts:
        problems.append(Problem("entry_point", entry_point, "must lie inside source_dir", "write it relative to that"))
    elif not (source_dir / entry_point).is_file():
        problems.append(Problem("entry_point", entry_point, f"is no file in {source_dir}", "correct the name"))
    for name, channel in channels.items():
        if name in {"", ".", ".."} or "/" in name or "\0" in name:
            problems.append(Problem(f"channels.{name}", name, "is no name for a channel", "use letters and digits"))
        elif not channel.source.exists():
            problems.append(Problem(f"channels.{name}", str(channel.source), "does not exist", "correct the path"))
    if problems:
        raise SpecError(problems)


def _encoded(hyperparameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return values as a script sees them, and as texts in ``hyperparameters.json``."""
    problems = []
    texts = {}
    for name, value in sorted(hyperparameters.items()):
        try:
            texts[name] = encode_value(value)
        except (TypeError, ValueError) as error:
            problems.append(Problem(f"hyperparameters.{name}", value, str(error), "correct the value"))
    if problems:
        raise SpecError(problems)
    return {name: decode_value(text) for name, text in texts.items()}, texts


def _link_channel(folder: Path, source: Path) -> None:
    if source.is_dir():
        folder.symlink_to(source, target_is_directory=True)
    else:
        folder.mkdir()
        (folder / source.name).symlink_to(source)


def _training(
    root: str, job_name: str, entry_point: str, values: Mapping[str, Any], channels: Mapping[str, Channel]
) -> dict[str, Any]:
    """Return the properties of the training toolkit's ``Environment`` for a single host."""
    group = {"instance_group_name": _GROUP, "instance_type": "local", "hosts": [_HOST]}
    return {
        "additional_framework_parameters": {},
        "channel_input_dirs": {name: f"{root}/input/data/{name}" for name in channels},
        "current_host": _HOST,
        "current_instance_group": _GROUP,
        "current_instance_group_hosts": [_HOST],
        "current_instance_type": "local",
        "distribution_hosts": [],
        "distribution_instance_groups": [],
        "framework_module": None,
        "hosts": [_HOST],
        "hyperparameters": dict(values),
        "input_config_dir": f"{root}/input/config",
        "input_data_config": {name: _channel_config(channel) for name, channel in channels.items()},
        "input_dir": f"{root}/input",
        "instance_groups": [_GROUP],
        "instance_groups_dict": {_GROUP: group},
        "is_hetero": False,
        "is_master": True,
        "job_name": job_name,
        "log_level": 20,
        "master_hostname": _HOST,
        "model_dir": f"{root}/model",
        "module_dir": f"{root}/code",
        "module_name": entry_point.removesuffix(".py"),
        "network_interface_name": "lo",
        "num_cpus": _cpus(),
        "num_gpus": _gpus(),
        "num_neurons": 0,
        "output_data_dir": f"{root}/output/data",
        "output_dir": f"{root}/output",
        "output_intermediate_dir": f"{root}/output/intermediate",
        "resource_config": {
            "current_group_name": _GROUP,
            "current_host": _HOST,
            "current_instance_type": "local",
            "hosts": [_HOST],
            "instance_groups": [group],
            "network_interface_name": "lo",
        },
        "user_entry_point": entry_point,
    }


def _channel_config(channel: Channel) -> dict[str, str]:
    config = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    return config if channel.content_type is None else {"ContentType": channel.content_type, **config}


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _gpus() -> int:
    return sum(1 for path in Path("/dev").glob("nvidia[0-9]*") if path.name.removeprefix("nvidia").isdigit())
