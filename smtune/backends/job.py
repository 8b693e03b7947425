"""A tuning job in the user's hands: ``tune``, ``attach``, ``TuningJob``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from smtune.backends.amt import AmtBackend
from smtune.backends.base import Backend, Listener, Plan
from smtune.backends.local import LocalBackend
from smtune.backends.local_mode import LocalModeBackend
from smtune.backends.moto import MotoBackend
from smtune.errors import JobError, JobFailedError, JobNotFoundError, Problem, SpecError
from smtune.results import JobStatus, TuningResult
from smtune.spec import TuningSpec
from smtune.store import JobStore, RemoteJob, find, find_remote, remote_jobs
from smtune.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

    from smtune.progress import Progress

Function = Callable[[dict[str, Any]], Any]
"""A training in Python: takes the hyperparameters, returns the objective or a mapping of metrics."""

BackendName = Literal["local", "local-mode", "moto", "amt"]
BACKENDS: tuple[str, ...] = get_args(BackendName)
"""Names of the backends."""


def tune(
    spec: TuningSpec,
    *,
    backend: BackendName | Backend = "local",
    function: Function | None = None,
    isolation: Literal["thread", "process"] = "thread",
    name: str | None = None,
) -> TuningJob:
    """Start a tuning job and return at once.

    Args:
        spec: What to tune.
        backend: Where: a name, or a backend with settings of its own, e.g. ``AmtBackend(profile="research")``.
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
        AwsError: AWS refuses, or cannot be reached.
    """
    chosen = open_backend(backend, function=function, isolation=isolation)
    return TuningJob(chosen, chosen.submit(chosen.plan(spec, name=name)), owned=True)


def submit(planned: Plan, *, backend: Backend | None = None) -> TuningJob:
    """Start a job exactly as it was planned, on a spec's own ``training``, and return at once.

    Args:
        planned: What to start.
        backend: The one that planned it, if it has settings of its own.

    Raises:
        JobExistsError: There is a job of this name.
        AwsError: AWS refuses, or cannot be reached.
    """
    chosen = open_backend(backend or planned.backend)
    return TuningJob(chosen, chosen.submit(planned), owned=True)


def attach(name: str, *, backend: BackendName | Backend | None = None) -> TuningJob:
    """Return a job that was started earlier, here or by another process.

    Args:
        name: Name of the job.
        backend: Where it lives; by default where a job of this name is known to be. With ``"amt"``, any tuning job of
            the account: it is known here from then on.

    Raises:
        JobNotFoundError: There is no job of this name.
        JobError: There are several of this name, in different backends.
        AwsError: AWS refuses, or cannot be reached.
    """
    job = find_job(name) if backend is None else TuningJob(open_backend(backend), name)
    if isinstance(job.backend, AmtBackend):
        job.backend.attach(name)
    job.result()
    return job


def find_job(name: str) -> TuningJob:
    """Return the job that a name means, without asking anybody else.

    Raises:
        JobNotFoundError: No job of this name is known here.
        JobError: There are several of this name, in different backends.
    """
    remote = find_remote(name)
    try:
        local = find(name, elsewhere=[job.name for job in remote_jobs()]).name
    except JobNotFoundError as error:
        if not remote:
            hint = "smtune attach NAME makes a tuning job of SageMaker known here"
            raise JobNotFoundError(f"{error} · {hint}") from None
    else:
        if remote:
            places = ", ".join([_backend_here(local).name, *(one.backend for one in remote)])
            raise JobError(f'there are several jobs "{name}": {places}; say which with --backend')
        return TuningJob(_backend_here(local), local)
    if len(remote) > 1:
        places = ", ".join(one.backend for one in remote)
        raise JobError(f'there are several jobs "{name}": {places}; say which with --backend')
    return TuningJob(backend_of(remote[0]), remote[0].name)


def backend_of(job: RemoteJob) -> Backend:
    """Return the backend that a job lives in, if it has no directory here."""
    return MotoBackend() if job.backend == MotoBackend.name else AmtBackend.of(job)


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
        JobError: It is on SageMaker.
        SpecError: It has ended, or needs its function.
    """
    try:
        backend = _backend_here(name, function=function, isolation=isolation)
        return TuningJob(backend, backend.resume(name), owned=True)
    except JobNotFoundError:
        job = find_job(name)
    if isinstance(job.backend, MotoBackend):
        return TuningJob(job.backend, job.backend.resume(job.name), owned=True)
    fix = f"start a new one that builds on it: warm_start: [{job.name}]"
    raise JobError(f"{job.name} is on SageMaker, which cannot go on with a stopped job; {fix}")


def _backend_here(
    name: str, *, function: Function | None = None, isolation: Literal["thread", "process"] = "thread"
) -> LocalBackend:
    """Return the backend of a job on this machine.

    Raises:
        JobNotFoundError: There is none of this name.
        SpecError: It cannot run a Python function.
    """
    with JobStore.open(find(name), read_only=True) as store:
        backend = store.job().backend
    opened = open_backend(backend, function=function, isolation=isolation)
    return opened if isinstance(opened, LocalBackend) else LocalBackend()


def plan(spec: TuningSpec, *, backend: BackendName | Backend = "local", name: str | None = None) -> Plan:
    """Return what :func:`submit` takes, and :func:`tune` would submit, having checked all that can be known before."""
    return open_backend(backend).plan(spec, name=name)


def open_backend(
    backend: str | Backend,
    *,
    function: Function | None = None,
    isolation: Literal["thread", "process"] = "thread",
) -> Backend:
    """Return the backend of this name.

    Args:
        backend: Its name; one that is open already is returned as it is.
        function: As for :func:`tune`.
        isolation: As for :func:`tune`.

    Raises:
        SpecError: There is none of this name, or it cannot run a Python function.
    """
    if backend == "local":
        return LocalBackend(function=function, isolation=isolation)
    if function is not None:
        where = f"by backend {backend}, which trains containers" if isinstance(backend, str) else "there"
        rule = f"cannot be run {where}"
        raise SpecError([Problem("function", function, rule, "give the spec a training script, or use backend local")])
    if isinstance(backend, Backend):
        return backend
    if backend == "amt":
        return AmtBackend()
    if backend == "local-mode":
        return LocalModeBackend()
    if backend == "moto":
        return MotoBackend()
    raise SpecError([Problem("backend", backend, "is no backend", f"use one of {', '.join(BACKENDS)}")])


class TuningJob:
    """One tuning job, wherever it runs.

    Args:
        backend: Where it lives.
        name: Its name there.
        owned: Whether it was started here. If it then cannot go on without this process, Ctrl-C stops the job, and not
            only the waiting.
    """

    def __init__(self, backend: Backend, name: str, *, owned: bool = False) -> None:
        self._backend = backend
        self._stoppable = owned and not backend.survives
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

        Ctrl-C asks the job to stop and goes on waiting for its running trials; a second one ends them by force. A job
        that goes on without this process is left alone by Ctrl-C.

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
                result = self._backend.wait(self.name, timeout, listener=listener, notice=display.tell)
            except KeyboardInterrupt as interrupt:
                if not self._stoppable:
                    raise
                interrupts += 1
                self._backend.stop(self.name, force=interrupts > 1)
                display.stopping(force=interrupts > 1, by=str(interrupt))
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

    def best_model(self, number: int | None = None) -> str:
        """Return where a trial's model is, by default the best one's: a folder here, or an S3 URI.

        Raises:
            JobNotFoundError: There is no such trial, or it has no model.
        """
        return self._backend.best_model(self.name, number)

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
