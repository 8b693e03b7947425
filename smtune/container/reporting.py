"""The line that reports metrics, and the regex that reads it, side by side.

::

    smtune: step=3; train:auc=0.99; validation:auc=0.9812345678901234

Derivatives of the objective travel as metrics of reserved names::

    smtune: validation:loss=0.25; hypergradient:alpha=-0.031
"""

from __future__ import annotations

import contextvars
import sys

from smtune.container.scoped import Scoped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Sink = Callable[["int | None", "dict[str, float]"], object]

HYPERGRADIENT = "hypergradient:"
"""How the names of metrics begin that are derivatives of the objective; the parameter's name follows."""

_MARKER = "smtune: "
_SEPARATOR = "; "
_METACHARACTERS = frozenset(".^$*+?{}[]()|\\")
# What `repr` of a float consists of. A narrow class rather than "anything but a blank": CloudWatch appends escapes such
# as #015 for control characters.
_VALUE_CLASS = "[-+.0-9a-z]"
_VALUE_CHARACTERS = frozenset("-+.0123456789abcdefghijklmnopqrstuvwxyz")
_LONGEST_NAME = 255  # MetricDefinition.Name of the service
_LONGEST_REGEX = 500  # MetricDefinition.Regex of the service

_sink: contextvars.ContextVar[Sink | None] = contextvars.ContextVar("smtune_report_sink", default=None)


def report(
    metrics: Mapping[str, float], step: int | None = None, *, hypergradient: Mapping[str, float] | None = None
) -> None:
    """Report metrics of the running training as one line on standard output.

    The last value of a metric counts as its result. Every digit, signs, exponents, ``inf`` and ``nan`` survive.

    >>> report({"train:auc": 0.99, "validation:auc": 0.9812345678901234}, step=3)
    smtune: step=3; train:auc=0.99; validation:auc=0.9812345678901234
    >>> report({"validation:loss": 0.25}, hypergradient={"alpha": -0.031})
    smtune: validation:loss=0.25; hypergradient:alpha=-0.031

    Args:
        metrics: Metric name to value. Names are printable and contain neither ``;`` nor ``=``; values are real numbers,
            for instance of numpy or torch.
        step: The script's own count, such as the epoch or the boosting round.
        hypergradient: Name of a tuned parameter to the derivative with respect to it of the objective metric that is
            reported beside it, for strategies that follow derivatives. The parameter is meant as the script receives
            it: with logarithmic scaling too, this is no derivative with respect to its logarithm.

    Raises:
        ValueError: No metric, an unusable name, a value that is no real number, or a step that is no whole number; a
            metric has the name of a derivative.
    """
    if not metrics:
        raise ValueError("report() needs at least one metric, for example report({'loss': 0.1})")
    values = {_unreserved(_checked_name(name)): _number(name, value) for name, value in metrics.items()}
    for parameter, derivative in (hypergradient or {}).items():
        name = _derivative_name(parameter)
        values[name] = _number(name, derivative)
    count = None if step is None else _whole(step)
    sink = _sink.get()
    if sink is not None:
        sink(count, values)
        return
    items = [] if count is None else ["step={}".format(count)]
    items += ["{}={!r}".format(name, value) for name, value in values.items()]
    # One write with its newline: lines of several threads never interleave.
    sys.stdout.write(_MARKER + _SEPARATOR.join(items) + "\n")
    sys.stdout.flush()


def metric_regex(name: str) -> str:
    r"""Return the regex that reads this metric, and no other, from a reported line.

    >>> metric_regex("validation:auc")
    'smtune: (?:.*; )?validation:auc=([-+.0-9a-z]+)'

    Args:
        name: Metric name as passed to :func:`report`.

    Returns:
        At most 500 characters with one capturing group, of constructs that every regex engine knows.

    Raises:
        ValueError: The name is unusable, or needs a longer regex.
    """
    escaped = "".join(
        "\\" + character if character in _METACHARACTERS else character for character in _checked_name(name)
    )
    regex = "{}(?:.*{})?{}=({}+)".format(_MARKER, _SEPARATOR, escaped, _VALUE_CLASS)
    if len(regex) > _LONGEST_REGEX:
        raise ValueError(
            "the regex of metric {!r} exceeds {} characters: shorten the name".format(name, _LONGEST_REGEX)
        )
    return regex


def metric_definitions(names: Iterable[str]) -> list[dict[str, str]]:
    """Return ``MetricDefinitions`` of a training job for metrics that are reported with :func:`report`.

    >>> metric_definitions(["loss"])
    [{'Name': 'loss', 'Regex': 'smtune: (?:.*; )?loss=([-+.0-9a-z]+)'}]

    Raises:
        ValueError: As :func:`metric_regex`.
    """
    return [{"Name": name, "Regex": metric_regex(name)} for name in names]


class Report:
    """What one reported line says.

    Attributes:
        step: The script's own count, or ``None``.
        metrics: Metric name to value.
    """

    __slots__ = ("metrics", "step")

    def __init__(self, step: int | None, metrics: dict[str, float]) -> None:
        self.step = step
        self.metrics = metrics

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        return self.step == other.step and self.metrics == other.metrics

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Report(step={!r}, metrics={!r})".format(self.step, self.metrics)


def parse_report(line: str) -> Report | None:
    """Read a line that :func:`report` printed, with or without a prefix that a logger put before it.

    >>> parse_report("10:02:11 INFO smtune: step=3; loss=1e-07")
    Report(step=3, metrics={'loss': 1e-07})

    Returns:
        The report, or ``None`` for any other line.
    """
    _, marker, body = line.rpartition(_MARKER)
    if not marker:
        return None
    step = None
    metrics = {}
    for position, item in enumerate(body.rstrip().split(_SEPARATOR)):
        name, _, text = item.partition("=")
        try:
            if position == 0 and name == "step":
                step = _step_of(text)
            else:
                metrics[_checked_name(name)] = _value_of(text)
        except ValueError:
            return None
    return Report(step, metrics) if metrics else None


class capture_reports(Scoped):  # noqa: N801 - reads as a verb where it is used, like contextlib.suppress
    """Send the reports of a block to a function instead of standard output.

    Holds for the thread (or task) that entered the block, so functions in several threads can be told apart.

    >>> with capture_reports(lambda step, metrics: print(step, metrics)):
    ...     report({"loss": 0.5}, step=1)
    1 {'loss': 0.5}

    Args:
        sink: Called with the step, or ``None``, and the metrics of each report.
    """

    __slots__ = ()

    def __init__(self, sink: Sink) -> None:
        super().__init__(_sink, sink)


def _checked_name(name: Any) -> str:
    if not isinstance(name, str):
        raise ValueError("metric name {!r}: must be a str".format(name))  # noqa: TRY004 - one error for every bad name
    if not name or len(name) > _LONGEST_NAME:
        rule = "must have 1 to {} characters".format(_LONGEST_NAME)
    elif name != name.strip():
        rule = "must not begin or end with a blank"
    elif ";" in name or "=" in name:
        rule = "must not contain ';' or '=', which separate metrics in the reported line"
    elif not name.isprintable():
        rule = "must not contain control characters"
    elif _MARKER in name:
        rule = "must not contain {!r}, which begins a reported line".format(_MARKER)
    elif name == "step":
        rule = "is taken by report(..., step=...): choose another, for example 'steps'"
    else:
        return name
    raise ValueError("metric name {!r}: {}".format(name, rule))


def _unreserved(name: str) -> str:
    if not name.startswith(HYPERGRADIENT):
        return name
    parameter = name[len(HYPERGRADIENT) :]
    rule = "is taken by report(..., hypergradient={{{!r}: ...}}): report the derivative there".format(parameter)
    raise ValueError("metric name {!r}: {}".format(name, rule))


def _derivative_name(parameter: Any) -> str:
    if not isinstance(parameter, str) or not parameter:
        raise ValueError("hypergradient of {!r}: must be by the name of a parameter".format(parameter))
    return _checked_name(HYPERGRADIENT + parameter)


def _number(name: str, value: Any) -> float:
    try:
        if hasattr(type(value), "__float__"):
            return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("metric {!r} = {!r}: must be a real number ({})".format(name, value, error)) from error
    raise ValueError("metric {!r} = {!r}: must be a real number".format(name, value))


def _whole(step: Any) -> int:
    if not hasattr(type(step), "__index__"):
        raise ValueError("step = {!r}: must be a whole number".format(step))
    return int(step)


def _step_of(text: str) -> int:
    digits = text[1:] if text.startswith("-") else text  # noqa: FURB188 - removeprefix is newer than Python 3.8
    if not (digits.isdigit() and digits.isascii()):
        raise ValueError(text)
    return int(text)


def _value_of(text: str) -> float:
    if not _VALUE_CHARACTERS.issuperset(text):
        raise ValueError(text)
    return float(text)
