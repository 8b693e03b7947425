"""One call of a Python function as a trial. Imports little, because every worker process does."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from smtune.container.repeats import repeated
from smtune.container.reporting import capture_reports

TAIL_LINES = 20
LONGEST_REASON = 300

Sink = Callable[[int | None, dict[str, float]], object]


class TrialStopped(BaseException):
    """Raised out of :func:`smtune.container.report` when the trial was asked to stop: let it pass.

    Not an ``Exception``, so that a function which carries on after errors does not carry on after this.
    """


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call failed.

    Attributes:
        reason: In one line.
        tail: The last lines of the traceback, at most 20.
    """

    reason: str
    tail: tuple[str, ...] = ()


def evaluate(
    function: Callable[[dict[str, Any]], Any], parameters: Mapping[str, Any], *, objective: str, repeat: int, sink: Sink
) -> Failure | None:
    """Call a function for one trial.

    Args:
        function: Takes the parameters; returns the objective, or metrics by name, or nothing if it reported them.
        parameters: Name to value.
        objective: The metric that a bare number stands for.
        repeat: What :func:`smtune.container.repeat` answers.
        sink: Takes the step and the metrics of each report, and of what is returned.

    Returns:
        What went wrong, or ``None``.
    """
    reports = 0

    def count(step: int | None, metrics: dict[str, float]) -> None:
        nonlocal reports
        reports += 1
        sink(step, metrics)

    try:
        with capture_reports(count), repeated(repeat):
            returned = function(dict(parameters))
        metrics, complaint = _metrics_of(returned, objective=objective, reported=reports > 0)
        if complaint is not None:
            return Failure(complaint)
        if metrics:
            sink(None, metrics)
    except BaseException as error:  # SystemExit and its kind too: whatever happens to a trial is data
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        return failure_of(error)
    return None


def one_line(text: str) -> str:
    r"""Return a text as one line that fits into a table.

    >>> one_line("eta is\n  too large")
    'eta is too large'
    """
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."


def failure_of(error: BaseException) -> Failure:
    """Return what an exception says of itself."""
    try:
        message = str(error)
    except Exception:  # a broken __str__ of somebody's exception
        message = "(its message cannot be shown)"
    kind = type(error).__qualname__
    lines = "".join(traceback.format_exception(error)).splitlines()
    return Failure(one_line(f"{kind}: {message}" if message else kind), tuple(lines[-TAIL_LINES:]))


def _metrics_of(value: Any, *, objective: str, reported: bool) -> tuple[dict[str, float], str | None]:
    """Return the metrics that a returned value stands for, or what is wrong with it."""
    hint = "return a number or {metric: number}"
    if value is None:
        return {}, None if reported else f"returned None and reported nothing: {hint}, or use smtune.container.report"
    given = value if isinstance(value, Mapping) else {objective: value}
    metrics = {}
    for name, number in given.items():
        if not isinstance(name, str) or isinstance(number, bool) or not hasattr(type(number), "__float__"):
            shown = {name: number} if isinstance(value, Mapping) else number
            return {}, one_line(f"returned {shown!r}: {hint}")
        metrics[name] = float(number)
    return metrics, None
