"""The interface of every backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smtune.errors import Problem, SpecError
from smtune.pricing import Estimate
from smtune.results import TuningResult
from smtune.spec import TuningSpec
from smtune.store import WarmStarted
from smtune.trial import Trial

Listener = Callable[[Trial], None]
"""Told of every change of a trial."""

Notice = Callable[[str], None]
"""Told of what keeps a job from being watched for a while."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Something on this machine that a job needs elsewhere.

    Attributes:
        kind: ``"code"``, or the name of a channel.
        path: What it is here.
        uri: Where it will be; made of what it holds, so nothing is sent twice.
        files: How many files it holds.
        size: Their bytes; of code those of its archive.
    """

    kind: str
    path: str
    uri: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a backend will do, before it does it.

    Attributes:
        backend: Name of the backend.
        name: Name that the job will have.
        spec: The checked spec.
        request: Exactly what is submitted, as plain JSON values.
        trials: How many there will be if nothing ends the job early, or ``None`` if only time ends it.
        warnings: What the user should know first, e.g. what this backend ignores.
        schedule: What the strategy will do, one line each: what `auto` chose and why, the brackets of Hyperband; and which
            files set what the spec leaves open.
        warm_start: What the job takes over from earlier ones, or ``None``.
        uploads: What has to be sent ahead of the request.
        estimate: What it may cost, and how long it may take, or ``None`` if it costs nothing.
        region: The AWS region that it will run in, or ``None``.
        isolation: What will give each trial its ``/opt/ml``, or ``None`` where nothing on this machine does.
        settings: What the backend needs to go on with the job, beyond the request, as plain JSON values.
    """

    backend: str
    name: str
    spec: TuningSpec
    request: Mapping[str, Any]
    trials: int | None
    warnings: tuple[str, ...] = ()
    schedule: tuple[str, ...] = ()
    warm_start: WarmStarted | None = None
    uploads: tuple[Upload, ...] = ()
    estimate: Estimate | None = None
    region: str | None = None
    isolation: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Make a folder, and say what is wrong if it cannot be written.

    Raises:
        SpecError: It cannot be made, or something in it not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        fix = "name a folder that can be written"
        raise SpecError([Problem("folder", str(folder), f"cannot be written: {error.strerror}", fix)]) from None


class Backend(ABC):
    """A place where whole tuning jobs live.

    A worked sequence::

        plan = backend.plan(spec)        # checks everything that can be known; starts and sends nothing
        name = backend.submit(plan)      # starts the job, returns at once
        backend.poll(name)               # -> TuningResult, InProgress
        backend.stop(name)               # idempotent
        backend.wait(name, None)         # -> TuningResult, Stopped

    Attributes:
        name: What users call it.
        survives: Whether jobs go on without the process that started them.
    """

    name: str
    survives: bool

    @abstractmethod
    def plan(self, spec: TuningSpec, *, name: str | None = None) -> Plan:
        """Return what would be submitted. Starts and sends nothing.

        Args:
            spec: What to tune.
            name: Name of the job; by default the spec's own, or one made from the time.

        Raises:
            SpecError: Something is missing or wrong, e.g. a channel's folder is not there.
            LoweringError: This backend cannot express the spec; each problem says which can.
        """

    @abstractmethod
    def submit(self, plan: Plan) -> str:
        """Start a job and return its name at once.

        Raises:
            JobExistsError: There is a job of this name.
        """

    def adopted(self, job_name: str) -> str | None:
        """Return the status in which :meth:`submit` found this very job; ``None`` if it started the job.

        Args:
            job_name: Name of the job.
        """
        del job_name
        return None

    @abstractmethod
    def poll(self, job_name: str) -> TuningResult:
        """Return the job as it stands. Never blocks.

        Raises:
            JobNotFoundError: There is no job of this name.
        """

    @abstractmethod
    def wait(
        self,
        job_name: str,
        timeout: float | None = None,
        *,
        listener: Listener | None = None,
        notice: Notice | None = None,
    ) -> TuningResult:
        """Block until the job has ended or the time is over, and return the job as it then stands.

        Args:
            job_name: Name of the job.
            timeout: Seconds; ``None`` waits for as long as it takes.
            listener: Called, in the calling thread, with every state of every trial that is new since the job began.
            notice: Called with what keeps the job from being watched for a while.

        Raises:
            JobNotFoundError: There is no job of this name.
        """

    @abstractmethod
    def stop(self, job_name: str, *, force: bool = False) -> None:
        """Start no new trials and ask the running ones to stop. Returns at once. Idempotent.

        Args:
            job_name: Name of the job.
            force: End the running trials at once.

        Raises:
            JobNotFoundError: There is no job of this name.
        """

    @abstractmethod
    def enqueue(self, job_name: str, configuration: Mapping[str, object]) -> None:
        """Put a configuration ahead of what the strategy of a running job would propose by itself.

        Args:
            job_name: Name of the job.
            configuration: One value per parameter; skipped if it was proposed before.

        Raises:
            JobNotFoundError: There is no job of this name.
            SpecError: The configuration is not legal, or the job cannot take it any more.
        """

    @abstractmethod
    def logs(self, job_name: str, number: int, *, follow: bool = False) -> Iterator[str]:
        """Yield the lines that a trial printed, without line ends.

        Args:
            job_name: Name of the job.
            number: Trial number.
            follow: Go on as the trial prints, until it has ended.

        Raises:
            JobNotFoundError: There is no job of this name, or no such trial in it.
        """

    @abstractmethod
    def best_model(self, job_name: str, number: int | None = None) -> str:
        """Return where a trial's model is: a folder here, or an S3 URI.

        Args:
            job_name: Name of the job.
            number: Trial number; by default that of the best trial.

        Raises:
            JobNotFoundError: There is no job of this name, or no such trial, or it has no model.
        """

    @abstractmethod
    def download_model(self, job_name: str, folder: Path, number: int | None = None) -> Path:
        """Copy a trial's model into a folder, which is made if it is missing, and return what was made there.

        Args:
            job_name: Name of the job.
            folder: Where to.
            number: Trial number; by default that of the best trial.

        Raises:
            JobNotFoundError: There is no job of this name, or no such trial, or it has no model.
            SpecError: The folder cannot be written.
        """
