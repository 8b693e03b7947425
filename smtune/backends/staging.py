"""How the trainings of a spec are laid out on this machine."""

from __future__ import annotations

from pathlib import Path

from smtune.container.repeats import VARIABLE as REPEAT_VARIABLE
from smtune.errors import SpecError
from smtune.sandbox import Channel, Staged, snapshot_source, stage
from smtune.spec import Training, TuningSpec
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
