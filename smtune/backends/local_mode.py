"""Tuning jobs on this machine, whose trials run as SageMaker's containers do.

As backend ``local``, with the same search, store and results; but a trial finds what a training job of SageMaker finds:
``/opt/ml`` itself, the toolkit's variables and arguments, host names, its channels in the mode that was asked for. Its
metrics are read by the training job's regular expressions, from lines as CloudWatch shows them, and what it leaves is
packed as ``model.tar.gz``. An image without a script stands for a program of this machine, as in the emulator.

Not supported: channels, code and outputs in S3, RecordIO, augmented manifests, instance groups. Only Docker takes the
network away from a trial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from smtune.backends.base import Plan
from smtune.backends.local import LocalBackend
from smtune.backends.local_mode_plan import metric_definitions, plan_local_mode
from smtune.backends.local_mode_staging import Stager, algorithm_of, instance_group
from smtune.backends.staging import trial_folder
from smtune.errors import Problem, SpecError
from smtune.metric_lines import read_as_sagemaker
from smtune.runners import ProcessRunner, Runner, imports_of
from smtune.sandbox import Rule
from smtune.sandbox.docker import Limits
from smtune.sandbox.isolation import UNLIMITED, Placement, open_placement
from smtune.spec import TuningSpec
from smtune.store import JobDirectory

_GRACE_SECONDS: Final = 120.0
"""Between SIGTERM and SIGKILL, as SageMaker documents it."""


class LocalModeBackend(LocalBackend):
    """Runs jobs in this process, under the container contract; knows those of all others that share the same home.

    Args:
        isolation: What gives each trial its ``/opt/ml``: a mount namespace, a folder whose path replaces it, or a container
            of Docker. ``auto`` takes Docker where its engine has the image; else a namespace where the system has them, and
            a folder elsewhere.
        rules: Which programs stand for which images; asked before smtune's own.
        containers: What each container of Docker may use; by default all there is, but no network.
    """

    name = "local-mode"

    def __init__(
        self,
        *,
        isolation: Literal["auto", "namespace", "rewrite", "docker"] = "auto",
        rules: Sequence[Rule] = (),
        containers: Limits = UNLIMITED,
    ) -> None:
        super().__init__()
        self._wanted = isolation
        self._rules = tuple(rules)
        self._containers = containers

    def plan(self, spec: TuningSpec, *, name: str | None = None) -> Plan:
        """Check the spec against this machine, and say what trials will run in; start nothing."""
        return plan_local_mode(spec, isolation=self._wanted, rules=self._rules, containers=self._containers, name=name)

    def placement(self, spec: TuningSpec) -> Placement:
        """Return what would give each trial its ``/opt/ml``.

        Raises:
            SpecError: It cannot be had here.
        """
        return open_placement(self._wanted, algorithm_of(spec), rules=self._rules, limits=self._containers)

    def _runner(self, directory: JobDirectory, spec: TuningSpec, settings: Mapping[str, Any]) -> Runner:
        """Return what runs the trials, as the job was planned: on any machine the same, or not at all."""
        training = spec.training
        if training is None:
            raise SpecError([Problem("training", None, "is missing", "name training.entry_point, or training.image")])
        rules = [Rule.from_dict(fields) for fields in settings["rules"]]
        limits = Limits(**settings["containers"])
        placement = open_placement(settings["isolation"], algorithm_of(spec), rules=rules, limits=limits)
        stager = Stager(
            spec,
            training,
            placement,
            code=directory.code,
            folder=lambda number: trial_folder(directory, training, number),
            job_name=directory.name,
        )
        folder = directory.code if directory.code.exists() else Path(training.source_dir)
        forks = training.preload and training.entry_point is not None and len(instance_group(spec).hosts) == 1
        return ProcessRunner(
            stager.stage,
            slots=spec.limits.max_parallel,
            log_path=lambda trial: directory.log(trial.number),
            metrics=metric_definitions(spec),
            read=read_as_sagemaker,
            clear=stager.clear,
            grace_seconds=_GRACE_SECONDS,
            preload=imports_of(folder / str(training.entry_point)) if forks else None,
            environment=training.environment,
            launcher_log=directory.launcher_log,
        )
