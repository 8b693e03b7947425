"""Trials as calls of a Python function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from smtune.errors import Problem, SpecError
from smtune.runners.base import Event, Runner
from smtune.trial import Trial


class FunctionRunner(Runner):
    """Calls a Python function for each trial.

    In threads this costs next to nothing, and suits functions that wait, or that compute in libraries which release
    the interpreter's lock. A thread cannot be ended from outside: a trial that was asked to stop ends at its next
    :func:`smtune.container.report`, which raises :class:`TrialStopped` in it, and holds its slot until then.

    Processes suit functions that compute in Python itself, that may crash, or that must be ended by force: a trial
    that was asked to stop gets SIGTERM and, after a grace period, SIGKILL.

    Args:
        function: Takes the parameters as a dict. Returns the objective, or ``{metric: value}``, or ``None`` if it
            reported its metrics. Worker processes import it by its name.
        slots: How many calls may run at a time.
        objective: The metric that a bare number stands for.
        static: Parameters that are the same in all trials.
        isolation: Where the calls run.
        grace_seconds: How long a trial in a process may take to end after it was asked to.
        environment: Variables to set in worker processes, which inherit no AWS credentials.
        launcher_log: As of :class:`smtune.runners.ProcessRunner`, for worker processes.

    Raises:
        SpecError: ``isolation`` is neither of the two, or another process could not import the function.
    """

    def __init__(
        self,
        function: Callable[[dict[str, Any]], Any],
        *,
        slots: int,
        objective: str,
        static: Mapping[str, Any] = MappingProxyType({}),
        isolation: Literal["thread", "process"] = "thread",
        grace_seconds: float = 30.0,
        environment: Mapping[str, str] = MappingProxyType({}),
        launcher_log: Path | None = None,
    ) -> None:
        self._static = dict(static)
        self._calls: Runner
        if isolation == "thread":
            from smtune.runners.threads import ThreadRunner

            self._calls = ThreadRunner(function, slots=slots, objective=objective)
        elif isolation == "process":
            from smtune.runners.workers import WorkerRunner

            self._calls = WorkerRunner(
                function,
                slots=slots,
                objective=objective,
                grace_seconds=grace_seconds,
                environment=environment,
                launcher_log=launcher_log,
            )
        else:
            raise SpecError([Problem("isolation", isolation, "is unknown", 'use "thread" or "process"')])

    def start(self, trial: Trial) -> None:
        """Begin a call, in a free thread or worker."""
        full = replace(trial, parameters={**self._static, **trial.parameters}) if self._static else trial
        self._calls.start(full)

    def wait(self, timeout: float | None) -> Sequence[Event]:
        """Return what happened since the last call, or what happens first."""
        return self._calls.wait(timeout)

    def wake(self) -> None:
        """Make the present or the next :meth:`wait` return at once."""
        self._calls.wake()

    def stop(self, number: int) -> None:
        """Stop a trial as far as its isolation allows."""
        self._calls.stop(number)

    def busy(self) -> int:
        """Return how many trials have not ended."""
        return self._calls.busy()

    def close(self) -> None:
        """Stop everything; a call in a thread that never reports goes on in the background, and its end is dropped."""
        self._calls.close()
