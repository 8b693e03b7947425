"""A tuning job in the user's hands: ``tune``, ``attach``, ``TuningJob``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from smtune.backends.base import Backend, Listener, Plan
from smtune.backends.local import LocalBackend
from smtune.errors import JobFailedError, Problem, SpecError
from smtune.results import JobStatus, TuningResult
from smtune.spec import TuningSpec
from smtune.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

    from smtune.progress import Progress

Function = Callable[[dict[str, Any]], Any]
"""A training in Python: takes the hyperparameters, returns the objective or a mapping of metrics."""

BACKENDS = ("local",)
"""Names of the backends."""


def tune(
    spec: TuningSpec,
    *,
    backend: Literal["local"] = "local",
    function: Function | None = None,
    isolation: Literal["thread", "process"] = "thread",
    name: str | None = None,
) -> TuningJob:
    """Start a tuning job and return at once.

    Args:
        spec: What to tune.
        backend: Where.
        function: A Python function of the hyperparameters (tuned and static, a dict) that returns the objective or a
            mapping of metric names to values, in place of the spec's ``training``. The derivative of the objective
            with respect to a parameter ``alpha`` is the metric ``hypergradient:alpha``.
        isolation: Whether the function runs in threads of this process, or in processes of their own; those can be
            stopped by force, and need a function that lives in a module.
        name: Name of the job; by default the spec's own, or one made from the time.

    Returns:
        The job, under way.

    Raises:
        SpecError: Something is missing or wrong; nothing was started.
        JobExistsError: There is a job of this name.
    """
    chosen = _backend(backend, function, isolation)
    return TuningJob(chosen, chosen.submit(chosen.plan(spec, name=name)), owned=True)


def submit(planned: Plan) -> TuningJob:
    """Start a job exactly as it was planned, on a spec's own ``training``, and return at once.

    Raises:
        JobExistsError: There is a job of this name.
    """
    chosen = _backend(planned.backend, None, "thread")
    return TuningJob(chosen, chosen.submit(planned), owned=True)


def attach(name: str, *, backend: Literal["local"] = "local") -> TuningJob:
    """Return a job that was started earlier, here or by another process.

    Raises:
        JobNotFoundError: There is no job of this name.
    """
    job = TuningJob(_backend(backend, None, "thread"), name)
    job.result()
    return job


def resume(
    name: str, *, function: Function | None = None, isolation: Literal["thread", "process"] = "thread"
) -> TuningJob:
    """Go on with a job that was stopped or killed, and return at once.

    Trials that had ended are kept; those that were under way start afresh under the same number.

    Args:
        name: Name of the job.
        function: The Python function of the job, if it has one: functions are not kept.
        isolation: As for :func:`tune`.

    Raises:
        JobNotFoundError: There is no job of this name.
        JobBusyError: Another process is running it.
        SpecError: It has ended, or needs its function.
    """
    backend = LocalBackend(function=function, isolation=isolation)
    return TuningJob(backend, backend.resume(name), owned=True)


def plan(spec: TuningSpec, *, backend: str = "local", name: str | None = None) -> Plan:
    """Return what :func:`submit` takes, and :func:`tune` would submit, having checked all that can be known before."""
    return _backend(backend, None, "thread").plan(spec, name=name)


def _backend(name: str, function: Function | None, isolation: Literal["thread", "process"]) -> LocalBackend:
    if name not in BACKENDS:
        raise SpecError([Problem("backend", name, "is no backend", f"use one of {', '.join(BACKENDS)}")])
    return LocalBackend(function=function, isolation=isolation)


class TuningJob:
    """One tuning job, wherever it runs.

    Args:
        backend: Where it lives.
        name: Its name there.
        owned: Whether it was started here: Ctrl-C then stops the job, and not only the waiting.
    """

    def __init__(self, backend: Backend, name: str, *, owned: bool = False) -> None:
        self._backend = backend
        self._owned = owned
        self.name = name

    def __repr__(self) -> str:
        return f"<TuningJob {self.name!r}>"

    @property
    def backend(self) -> Backend:
        """Where the job lives."""
        return self._backend

    def result(self) -> TuningResult:
        """Return the job as it stands. Never blocks."""
        return self._backend.poll(self.name)

    def wait(self, timeout: float | None = None, *, progress: bool = True) -> TuningResult:
        """Block until the job has ended.

        Ctrl-C asks the job to stop and goes on waiting for its running trials; a second one ends them by force.

        Args:
            timeout: Seconds; ``None`` waits for as long as it takes.
            progress: Show a live table in a terminal, or a line per trial elsewhere, on stderr.

        Returns:
            The job as it stands then.

        Raises:
            JobFailedError: The job failed; it carries the failures grouped by cause.
        """
        from smtune.progress import open_progress

        with open_progress(self.result(), enabled=progress) as display:
            # Without a display nobody reads the log along: that would cost as much as the job's own bookkeeping.
            result = self._wait(timeout, display, display.update if progress else None)
        if result.status is JobStatus.Failed:
            raise JobFailedError(failure_text(result), failures=result.failures())
        return result

    def _wait(self, timeout: float | None, display: Progress, listener: Listener | None) -> TuningResult:
        interrupts = 0
        while True:
            try:
                result = self._backend.wait(self.name, timeout, listener=listener)
            except KeyboardInterrupt:
                if not self._owned:
                    raise
                interrupts += 1
                self._backend.stop(self.name, force=interrupts > 1)
                display.stopping(force=interrupts > 1)
            else:
                display.finish(result)
                return result

    @property
    def best_trial(self) -> Trial | None:
        """The completed trial with the best objective so far."""
        return self.result().best

    def stop(self) -> None:
        """Start no new trials and ask the running ones to stop. Returns at once. Idempotent."""
        self._backend.stop(self.name)

    def enqueue(self, configuration: Mapping[str, object]) -> None:
        """Put a configuration ahead of what the strategy would propose by itself; it is tracked like any other.

        Raises:
            SpecError: It is not legal, or the job cannot take it any more.
        """
        self._backend.enqueue(self.name, configuration)

    def logs(self, number: int, *, follow: bool = False) -> Iterator[str]:
        """Yield the lines that a trial printed; with ``follow`` until it has ended."""
        return self._backend.logs(self.name, number, follow=follow)

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per trial.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return self.result().to_dataframe()


def failure_text(result: TuningResult) -> str:
    """Return why a job failed, with its failures grouped by cause."""
    lines = [f"{result.name} failed: {result.failure_reason or 'unknown reason'}"]
    for cause, numbers in result.failures().items():
        shown = ", ".join(str(number) for number in numbers[:8]) + (", ..." if len(numbers) > 8 else "")
        lines.append(f"  {len(numbers)} x {cause}  (trial{'s' if len(numbers) > 1 else ''} {shown})")
    return "\n".join(lines)
