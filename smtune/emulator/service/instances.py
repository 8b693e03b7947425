"""The instances that training jobs ask for: there at once, later, or never."""

from __future__ import annotations

import math
from typing import NamedTuple

from smtune.emulator.service.faults import Faults
from smtune.emulator.service.training_job import TrainingJob


class Wait(NamedTuple):
    """A wait for instances.

    Attributes:
        seconds: How long it takes here.
        refusal: Why the job fails then; ``None`` if it does not.
        in_time: Whether the job may wait as long.
    """

    seconds: float
    refusal: str | None
    in_time: bool


class Instances:
    """Makes a job wait for its instances, each time that it needs them.

    Args:
        job: The job.
        faults: What goes wrong with it.
        speed: How many times faster than the job is to believe it waits.
    """

    def __init__(self, job: TrainingJob, faults: Faults, *, speed: float) -> None:
        self._job = job
        self._faults = faults
        self._speed = speed
        self._waited = 0.0  # as the job is to believe

    def ask(self) -> Wait:
        """Ask for them; the job is to wait then."""
        refused = self._faults.draw("capacity", self._job.name)
        fault = refused or self._faults.draw("slow-start", self._job.name)
        seconds, patience = 0.0 if fault is None else fault.seconds, self.patience
        waited = min(seconds, patience)
        self._waited += waited
        return Wait(waited / self._speed, None if refused is None else refused.text, seconds <= patience)

    @property
    def patience(self) -> float:
        """Seconds that are left of the time that a job on spot instances may take, waits included; else without end."""
        longest = (self._job.request.get("StoppingCondition") or {}).get("MaxWaitTimeInSeconds")
        return math.inf if longest is None else max(0.0, longest - self._waited - self._job.state.paid_seconds)
