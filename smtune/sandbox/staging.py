"""One training's folder, as a SageMaker container has it under ``/opt/ml``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

from smtune.container.values import encode_value
from smtune.errors import Problem, SpecError
from smtune.sandbox.contract import Channel, TrainingContract, check_channels, lay_out, link_code
from smtune.sandbox.environment import inherited_environment
from smtune.sandbox.namespace import Namespace
from smtune.sandbox.script_mode import OBJECTIVE_KEY, Script


@dataclass(frozen=True, slots=True)
class Staged:
    """A folder that is ready for a training, and how to run it.

    Attributes:
        base: What a container has as ``/opt/ml``.
        argv: Python, the entry point, and the hyperparameters as arguments.
        env: The whole environment.
        cwd: Where to run it.
        namespace: What has to be there first, where ``argv``, ``env`` and ``cwd`` speak of ``/opt/ml``.
        afterwards: Command that clears up once the program is gone, however it ended: for what is no process of ours.
    """

    base: Path
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    namespace: Namespace | None = None
    afterwards: tuple[str, ...] = ()

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
    problems = [*_script_problems(source_dir, entry_point), *check_channels(channels)]
    if problems:
        raise SpecError(problems)
    texts = _encoded(hyperparameters)
    if objective_metric is not None:
        texts[OBJECTIVE_KEY] = objective_metric
    contract = TrainingContract(job_name, hyperparameters=texts, channels=channels, environment=environment)
    lay_out(base, contract)
    link_code(base, source_dir)
    script = Script(contract, entry_point, root=str(base))
    return Staged(
        base=base,
        argv=(python, entry_point, *script.arguments),
        env=MappingProxyType(
            {**inherited_environment(), **script.variables, "PYTHONUNBUFFERED": "1", **contract.variables}
        ),
        cwd=base / "code",
    )


def _script_problems(source_dir: Path, entry_point: str) -> list[Problem]:
    parts = PurePath(entry_point)
    if parts.is_absolute() or ".." in parts.parts:
        return [Problem("entry_point", entry_point, "must lie inside source_dir", "write it relative to that")]
    if not (source_dir / entry_point).is_file():
        return [Problem("entry_point", entry_point, f"is no file in {source_dir}", "correct the name")]
    return []


def _encoded(hyperparameters: Mapping[str, Any]) -> dict[str, str]:
    """Return values as texts, as they stand in ``hyperparameters.json``."""
    problems = []
    texts = {}
    for name, value in sorted(hyperparameters.items()):
        try:
            texts[name] = encode_value(value)
        except (TypeError, ValueError) as error:
            problems.append(Problem(f"hyperparameters.{name}", value, str(error), "correct the value"))
    if problems:
        raise SpecError(problems)
    return texts
