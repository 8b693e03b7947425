"""One short trial of a spec on this machine, to see what it prints before anything is started elsewhere.

Not supported: Python functions, container images, channels in S3.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smtune.backends.local_mode_staging import Stager
from smtune.backends.local_plan import lowering_problems, source_problems
from smtune.backends.staging import keep_code, stage_training, training_job_name
from smtune.container.reporting import parse_report
from smtune.errors import LoweringError, Problem, SpecError
from smtune.metric_lines import BoundedSearch, LogFile, read_log
from smtune.runners import Ended, ProcessRunner
from smtune.sandbox import Staged
from smtune.sandbox.isolation import Placement
from smtune.spec import Training, TuningSpec
from smtune.trial import Trial, TrialStatus

_JOB_NAME = "rehearsal"
_ENOUGH_NUMBERS = 2
_ENOUGH_MATCHES = 10
"""Lines after which a regex that captures no number will not do so any more."""
_ANY_NUMBER = {"number": r"(\d|nan|inf)"}
"""Wakes whoever waits for the runner; the metrics' own regexes may take for ever, and are searched elsewhere."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of one trial.

    Attributes:
        log: What it printed.
        configuration: What it was trained with: the baseline, or else the middle of the space.
        status: ``Stopped`` if it was ended because every metric was read, or because the time was over.
        failure_reason: Why it failed, in one line, or ``None``.
        seconds: How long it ran.
        complete: Whether every metric was read at least twice.
    """

    log: LogFile
    configuration: Mapping[str, Any]
    status: TrialStatus
    failure_reason: str | None
    seconds: float
    complete: bool

    @property
    def lines(self) -> tuple[str, ...]:
        """What it printed, without newlines; at most 64 MiB."""
        return self.log.lines


def rehearse(
    spec: TuningSpec, *, seconds: float = 60.0, grace_seconds: float = 10.0, placement: Placement | None = None
) -> Rehearsal:
    """Run one trial, and end it as soon as every metric has been read twice.

    It runs as a trial of backend ``local`` does, or of ``local-mode``, in a folder that is removed afterwards, with a fresh interpreter. The metrics
    are those that the spec has regexes for, the objective, and all others that the script reports.

    Args:
        spec: What to tune.
        seconds: When the trial is ended at the latest.
        grace_seconds: How long it may then take to end before it is killed.
        placement: What gives it its ``/opt/ml``, if it is to run under the container contract.

    Raises:
        SpecError: Something that a trial needs is missing here.
        LoweringError: The spec needs another place to run.
    """
    training = spec.training
    problems, lowering = (_obstacles(found) for found in (source_problems(training, None), lowering_problems(spec)))
    if problems or training is None:
        raise SpecError([*problems, *lowering])
    if lowering:
        raise LoweringError(lowering)
    configuration = spec.baseline or spec.parameters.from_unit([0.5] * len(spec.parameters))
    trial = Trial(0, configuration, origin="rehearsal")
    with tempfile.TemporaryDirectory(prefix="smtune-rehearsal-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        log, code = folder / "log", folder / "code"
        keep_code(training, code)
        stage, clear = _staging(spec, training, code, folder / "trial", placement)
        with (
            BoundedSearch(spec.metrics) as search,
            ProcessRunner(
                stage,
                slots=1,
                log_path=lambda _: log,
                clear=clear,
                metrics=_ANY_NUMBER,
                grace_seconds=grace_seconds,
                environment=training.environment,
                launcher_log=folder / "launcher.log",
            ) as runner,
        ):
            begun = time.monotonic()
            audience = _Audience(spec, log, search)
            runner.start(trial)
            ended = _run(runner, audience, begun + seconds)
            took = time.monotonic() - begun
            complete = audience.content()
        return Rehearsal(read_log(log), configuration, ended.status, ended.reason, took, complete)


def _staging(
    spec: TuningSpec, training: Training, code: Path, base: Path, placement: Placement | None
) -> tuple[Callable[[Trial], Staged], Callable[[int, TrialStatus], None]]:
    """Return what lays the trial out, and what clears up after it."""
    if placement is not None:
        placed = Stager(spec, training, placement, code=code, folder=lambda _: base, job_name=_JOB_NAME)
        return placed.stage, placed.clear
    name = training_job_name(_JOB_NAME, 0)
    return (
        lambda trial: stage_training(spec, training, trial, base=base, code=code, job_name=name),
        lambda _number, _status: None,
    )


def _obstacles(problems: Iterator[Problem]) -> list[Problem]:
    """Return what keeps a single trial from running: outputs are thrown away, and nothing needs to vary."""
    return [problem for problem in problems if problem.field not in ("training.output", "parameters")]


def _run(runner: ProcessRunner, audience: _Audience, deadline: float) -> Ended:
    """Return how the trial ended, by itself or on request."""
    stopping = False
    while True:
        events = runner.wait(None if stopping else max(0.0, deadline - time.monotonic()))
        ended = next((event for event in events if isinstance(event, Ended)), None)
        if ended is not None:
            return ended
        if not stopping and (time.monotonic() >= deadline or audience.content()):
            stopping = True
            runner.stop(0)


class _Audience:
    """Reads a log while it grows, and knows when it has seen enough.

    Args:
        spec: Says which metrics there are.
        log: The log; it may not be there yet.
        search: Looks for the regexes of the spec.
    """

    def __init__(self, spec: TuningSpec, log: Path, search: BoundedSearch) -> None:
        self._spec = spec
        self._log = log
        self._search = search
        self._position = 0
        self._reported: Counter[str] = Counter()

    def content(self) -> bool:
        """Read on; return whether every metric has been read at least twice by now."""
        lines = self._new_lines()
        self._search.feed(lines)
        for line in lines:
            for state in line.split("\r"):
                report = parse_report(state)
                self._reported.update(list(report.metrics) if report is not None else [])
        return all(self._enough(name) for name in {*self._spec.metrics, *self._reported, self._spec.objective.metric})

    def _enough(self, name: str) -> bool:
        if name not in self._spec.metrics:
            return self._reported[name] >= _ENOUGH_NUMBERS
        found = self._search.found[name]
        return found.numbers >= _ENOUGH_NUMBERS or found.matches >= _ENOUGH_MATCHES or name in self._search.slow

    def _new_lines(self) -> list[str]:
        """Return the lines that are complete."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as file:
            file.seek(self._position)
            data, newline, _ = file.read().rpartition(b"\n")
        self._position += len(data) + len(newline)
        return data.decode("utf-8", "replace").split("\n") if newline else []
