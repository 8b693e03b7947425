"""Waits for a job that this process runs, and reports its end."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import typer

from smtune.cli.errors import FAILED
from smtune.cli.options import Output
from smtune.cli.output import print_json, print_summary
from smtune.errors import JobFailedError
from smtune.progress.texts import clean_lines
from smtune.results import JobStatus, TuningResult

if TYPE_CHECKING:
    from smtune.backends import TuningJob

_SHOWN_LOG_LINES = 15


def follow(job: TuningJob, output: Output) -> int:
    """Wait for a job, print what came of it, and return the exit status.

    Ctrl-C and SIGTERM ask the job to stop, a second one ends its trials by force; either way it can be resumed.
    """
    with _interruptions() as signals:
        result = _wait(job)
    if output is Output.json:
        print_json(result.to_dict())
    else:
        print_summary(result)
    if result.status is JobStatus.Failed:
        _print_log_tail(job, result)
    if result.status is JobStatus.Stopped and signals:
        return 128 + signals[0]
    return 0 if result.status is JobStatus.Completed else FAILED


def _wait(job: TuningJob) -> TuningResult:
    while True:
        try:
            return job.wait()
        except JobFailedError:
            return job.result()
        except KeyboardInterrupt:  # in the moment before or after the waiting itself
            job.stop()


@contextmanager
def _interruptions() -> Iterator[list[int]]:
    """Turn SIGTERM into what Ctrl-C does, and keep which signals came."""
    seen: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_log_tail(job: TuningJob, result: TuningResult) -> None:
    """Show the end of the log of the most frequent failure, where its cause mostly stands."""
    numbers = next(iter(result.failures().values()), ())
    if not numbers:
        return
    lines = deque(job.logs(numbers[0]), maxlen=_SHOWN_LOG_LINES)
    if lines:
        typer.echo(f"the log of trial {numbers[0]} ends with:", err=True)
        typer.echo("\n".join(f"  {clean_lines(line)}" for line in lines), err=True)
