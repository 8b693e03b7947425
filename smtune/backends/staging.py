"""How the trainings of a spec are laid out on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from smtune.container.repeats import VARIABLE as REPEAT_VARIABLE
from smtune.errors import SpecError
from smtune.sandbox import Channel, Staged, restore_checkpoints, snapshot_source, stage
from smtune.spec import Training, TuningSpec
from smtune.store import JobDirectory
from smtune.trial import Trial


def keep_code(training: Training, target: Path) -> None:
    """Copy the training code; folders of data that lie in between are reached as channels.

    Raises:
        SpecError: Something in it cannot be read.
        OSError: It is not there, or cannot be copied.
    """
    source = Path(training.source_dir)
    inside = [Path(channel.source) for channel in training.channels.values()]
    if training.output is not None:
        inside.append(Path(training.output))
    data = [folder for folder in inside if folder.is_dir() and source.resolve() in folder.resolve().parents]
    try:
        snapshot_source(source, target, leave_out=data)
    except SpecError as error:
        raise SpecError(problem.under("training") for problem in error.problems) from None


def trial_folder(directory: JobDirectory, training: Training, number: int) -> Path:
    """Return what a trial has for ``/opt/ml``."""
    folder = directory.trial(number)
    return folder if training.output is None else Path(training.output).absolute() / directory.name / folder.name


def host_folders(base: Path) -> Path:
    """Return where the folders of a trial's further hosts are."""
    return base.with_name(f"{base.name}-hosts")


def training_job_name(job_name: str, number: int) -> str:
    """Return the name of the training job that a trial is told to be."""
    return f"{job_name}-{number:03d}"


def begin_folder(base: Path, trial: Trial, *, checkpoints: str = "checkpoints") -> None:
    """Make the folder of a trial what it was when the trial last began.

    A trial that was under way when the job was killed starts afresh, or from its last pause: one that goes on finds
    the checkpoints that it had then.

    Args:
        base: The folder.
        trial: The trial.
        checkpoints: Where it keeps its checkpoints there.

    Raises:
        OSError: The folder cannot be written.
    """
    if trial.paused and trial.resource is not None:
        restore_checkpoints(base, trial.resource, folder=checkpoints)
    else:
        shutil.rmtree(base, ignore_errors=True)


def script_stager(directory: JobDirectory, spec: TuningSpec, training: Training) -> Callable[[Trial], Staged]:
    """Return what lays out the directory of a trial that is a script."""

    def stage_trial(trial: Trial) -> Staged:
        base = trial_folder(directory, training, trial.number)
        begin_folder(base, trial)
        name = training_job_name(directory.name, trial.number)
        return stage_training(spec, training, trial, base=base, code=directory.code, job_name=name)

    return stage_trial


def stage_training(
    spec: TuningSpec, training: Training, trial: Trial, *, base: Path, code: Path, job_name: str
) -> Staged:
    """Lay out the directory of a trial.

    Args:
        spec: What is tuned.
        training: What is trained: an entry point.
        trial: The configuration.
        base: What the script has for ``/opt/ml``.
        code: A copy of the training code.
        job_name: Name of the training job, as the script is told.

    Raises:
        SpecError: A hyperparameter cannot be passed on.
        OSError: The directory cannot be made.
    """
    channels = {
        name: Channel(Path(channel.source), channel.content_type) for name, channel in training.channels.items()
    }
    return stage(
        base,
        job_name=job_name,
        source_dir=code,
        entry_point=str(training.entry_point),
        hyperparameters={**spec.static, **trial.parameters},
        objective_metric=spec.objective.metric,
        channels=channels,
        environment={REPEAT_VARIABLE: str(trial.repeat), **training.environment},
    )
