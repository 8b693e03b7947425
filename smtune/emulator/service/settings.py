"""How an emulator behaves where AWS leaves it to the machine."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from smtune.emulator.service.faults import Fault
from smtune.errors import Problem, SpecError
from smtune.sandbox.docker import Limits
from smtune.sandbox.programs import Rule
from smtune.spec.problems import closest

Isolation = Literal["auto", "namespace", "rewrite", "docker"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of an emulator.

    Attributes:
        slots: Training jobs that run at a time, whatever ``MaxParallelTrainingJobs`` says.
        rules: Which program stands for which image; asked before the emulator's own.
        isolation: Whether each job has an ``/opt/ml`` of its own (``namespace``), or paths are rewritten, or images run in
            Docker; ``auto`` takes Docker where an engine has the image, and a namespace where the system has them
            otherwise. A rule that names a program counts more than Docker.
        containers: What containers may use. Those without a network, and the hosts of jobs with several of them, do
            not reach the emulator's own endpoint, and are not told of it.
        folder: Where jobs are laid out; ``None`` for a temporary folder that goes with the emulator.
        grace_seconds: Between SIGTERM and SIGKILL when a job is stopped; SageMaker waits 120 s.
        speed: How many times faster it goes when a job only waits for its instances: slow starts, and capacity that does
            not come, before the first training or after an interruption. ``MaxWaitTimeInSeconds`` counts such waits in
            full. Whatever runs, takes the time that it takes. Clients are told the times of this machine's clock: a
            start of ten minutes at speed 100 as one of six seconds.
        environment: Variables that every training finds, e.g. the emulator's own endpoint.
        faults: What goes wrong with training jobs and requests; more can be added to ``Faults`` while it runs.
        data: The directory that keeps jobs, buckets and logs, for emulators to come; ``None`` keeps nothing.
        resume: Whether tuning jobs that were under way go on, where there are some in ``data``. Otherwise the directory
            is only looked at: nothing is started, and nothing in it changes.

    Raises:
        SpecError: There is no such isolation, or a number is out of its range.
    """

    slots: int = field(default_factory=lambda: os.cpu_count() or 1)
    rules: Sequence[Rule] = ()
    isolation: Isolation = "auto"
    containers: Limits = field(default_factory=Limits)
    folder: Path | None = None
    grace_seconds: float = 120.0
    speed: float = 1.0
    environment: Mapping[str, str] = field(default_factory=dict)
    faults: Iterable[Fault] = ()
    data: Path | None = None
    resume: bool = True

    def __post_init__(self) -> None:
        isolations = get_args(Isolation)
        problems = [
            Problem(name, value, rule, fix)
            for name, value, fits, rule, fix in (
                ("slots", self.slots, self.slots >= 1, "must be at least 1", "leave it out for one per processor"),
                (
                    "isolation",
                    self.isolation,
                    self.isolation in isolations,
                    f"must be one of {', '.join(isolations)}",
                    closest(str(self.isolation), isolations, 'write "auto" for the best there is'),
                ),
                (
                    "grace_seconds",
                    self.grace_seconds,
                    0.0 <= self.grace_seconds < math.inf,
                    "must not be negative",
                    "write 0 or more",
                ),
                (
                    "speed",
                    self.speed,
                    0.0 < self.speed < math.inf,
                    "must be a positive number",
                    "write 1 for real time",
                ),
            )
            if not fits
        ]
        if problems:
            raise SpecError(problems)
