"""The words of a job's log: everything that happens to a job, as immutable events.

A float comes back as the very same float, also nan and the infinities; an integer stays an integer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from smtune.space import Configuration
from smtune.trial import TrialStatus

_JOB_ENDINGS = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True, slots=True)
class _Dated:
    """What all events share.

    Attributes:
        at: When it happened, seconds since the epoch (UTC).
    """

    at: float = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class JobCreated(_Dated):
    """The job exists; always the first event of a log.

    Attributes:
        name: Name of the job.
        backend: Where it runs, e.g. ``"local"``.
        spec: What is tuned, as plain JSON values.
        seed: The seed of the strategy, any integer.
        settings: What the backend needs again to go on with the job, beyond the spec, as plain JSON values.
    """

    name: str
    backend: str
    spec: Mapping[str, Any]
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WarmStarted(_Dated):
    """What the job takes over from earlier ones; the second event of a log, if there is one.

    Attributes:
        type: ``"IdenticalDataAndAlgorithm"`` or ``"TransferLearning"``.
        parents: What was found in each, as plain JSON values: see :class:`smtune.results.WarmStartParent`.
        learned: Configurations and their objectives, which count as the job's own results; the oldest first.
        tried_first: Configurations that come ahead of what the strategy proposes.
    """

    type: str
    parents: Sequence[Mapping[str, Any]]
    learned: Sequence[tuple[Configuration, float]] = ()
    tried_first: Sequence[Configuration] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", str(self.type))
        object.__setattr__(self, "parents", tuple(self.parents))
        object.__setattr__(self, "learned", tuple((parameters, objective) for parameters, objective in self.learned))
        object.__setattr__(self, "tried_first", tuple(self.tried_first))


@dataclass(frozen=True, slots=True)
class JobStarted(_Dated):
    """A process begins to run the job, for the first time or again.

    Attributes:
        pid: Its process id.
        host: Name of its machine.
    """

    pid: int
    host: str


@dataclass(frozen=True, slots=True)
class Suggested(_Dated):
    """The strategy proposed a configuration: the trial exists from here on.

    Attributes:
        number: Trial number, from 0.
        parameters: Tuned parameter name to typed value.
        origin: Where it came from, e.g. ``"random"``.
        repeat: Which training of the same configuration this is, from 0.
        resource: How many steps it may train until it pauses; ``None`` for a whole training.
    """

    number: int
    parameters: Configuration
    origin: str
    repeat: int = 0
    resource: int | None = None


@dataclass(frozen=True, slots=True)
class TrialPromoted(_Dated):
    """A paused trial goes on: what it did before stays.

    Attributes:
        number: Trial number.
        resource: How many steps it may train from its first start on, until it pauses again.
    """

    number: int
    resource: int


@dataclass(frozen=True, slots=True)
class TrialStarted(_Dated):
    """A trial's code begins to run; if it had run before, it starts afresh and that attempt counts no more.

    After a pause it goes on, and its first report says from where.

    Attributes:
        number: Trial number.
    """

    number: int


@dataclass(frozen=True, slots=True)
class TrialMeasured(_Dated):
    """A trial reported metrics.

    Attributes:
        number: Trial number.
        metrics: Metric name to value; values may be ``nan`` or infinite.
        step: The script's own count, or ``None``.
    """

    number: int
    metrics: Mapping[str, float]
    step: int | None = None


@dataclass(frozen=True, slots=True)
class TrialEnded(_Dated):
    """A trial is over.

    Attributes:
        number: Trial number.
        status: ``Completed``, ``Failed`` or ``Stopped``.
        objective: Value of the objective metric, or ``None`` if it has none that can be used.
        reason: Why it is not ``Completed``, in one line, or ``None``.
        log_tail: Its last log lines, kept for a trial that failed.
        paused: Whether it was stopped because it has used its resource.
        ran_out: Whether its code had ended by itself when it was to be paused: there is no more to come.
        metrics: What counts of its metrics if it was given up or paused; ``None`` for the last of what it reported.
    """

    number: int
    status: TrialStatus
    objective: float | None = None
    reason: str | None = None
    log_tail: Sequence[str] = ()
    paused: bool = False
    ran_out: bool = False
    metrics: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", TrialStatus(self.status))
        object.__setattr__(self, "log_tail", tuple(self.log_tail))
        if not self.status.ended:
            raise ValueError(f"trial {self.number} cannot end as {self.status}; end it as Completed, Failed or Stopped")


@dataclass(frozen=True, slots=True)
class Enqueued(_Dated):
    """Somebody put a configuration ahead of what the strategy would propose.

    Attributes:
        configuration: Tuned parameter name to typed value.
    """

    configuration: Configuration


@dataclass(frozen=True, slots=True)
class StopRequested(_Dated):
    """The job was asked to stop."""


@dataclass(frozen=True, slots=True)
class JobEnded(_Dated):
    """The run of the job is over; another ``JobStarted`` may follow.

    Attributes:
        status: ``Completed``, ``Failed`` or ``Stopped``.
        reason: Why it is not ``Completed``, or what ended it early, or ``None``.
    """

    status: str
    reason: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", str(self.status))
        if self.status not in _JOB_ENDINGS:
            raise ValueError(f"a job cannot end as {self.status}; end it as Completed, Failed or Stopped")


JobEvent = (
    JobCreated
    | WarmStarted
    | JobStarted
    | Suggested
    | TrialPromoted
    | TrialStarted
    | TrialMeasured
    | TrialEnded
    | Enqueued
    | StopRequested
    | JobEnded
)
"""Any event of a log."""

KINDS: Mapping[str, type[JobEvent]] = {
    kind.__name__: kind
    for kind in (
        JobCreated,
        WarmStarted,
        JobStarted,
        Suggested,
        TrialPromoted,
        TrialStarted,
        TrialMeasured,
        TrialEnded,
        Enqueued,
        StopRequested,
        JobEnded,
    )
}
"""Name of a kind, as it stands in the log, to its class."""

_BODIES = {kind: tuple(one.name for one in fields(kind) if one.name not in ("at", "number")) for kind in KINDS.values()}
# ASCII, because a log line with undecodable bytes holds lone surrogates, which UTF-8 cannot express.
_dump = json.JSONEncoder(separators=(",", ":")).encode


def encode_json(value: Any) -> str:
    """Return a JSON value as compact ASCII text; nan and the infinities in JavaScript's spelling.

    >>> encode_json({"loss": float("nan")})
    '{"loss":NaN}'
    """
    return _dump(value)


def encode_body(event: JobEvent) -> str:
    """Return what an event says beyond its kind, time and trial, as JSON text.

    >>> encode_body(TrialMeasured(3, {"loss": 0.5}, step=7, at=0.0))
    '{"metrics":{"loss":0.5},"step":7}'

    Raises:
        TypeError: A value is not plain JSON, e.g. an array.
    """
    return _dump({name: getattr(event, name) for name in _BODIES[type(event)]})


def decode_event(kind: str, at: float, number: int | None, body: str) -> JobEvent:
    """Return the event that was written as this row.

    >>> decode_event("TrialStarted", 12.5, 3, "{}")
    TrialStarted(at=12.5, number=3)

    Raises:
        KeyError: No such kind.
        TypeError: The body has other fields than the kind.
        ValueError: The body is not JSON.
    """
    values: dict[str, Any] = json.loads(body)
    if number is not None:
        values["number"] = number
    return KINDS[kind](at=at, **values)
