"""What one line of a log says of metrics, here and on SageMaker."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from smtune.container.reporting import parse_report
from smtune.errors import Problem, SpecError

LONGEST_LINE = 1 << 16
"""Bytes of a line that are looked at; the log has them all. CloudWatch cuts lines at 256 KB."""
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


def compile_patterns(metrics: Mapping[str, str | re.Pattern[str]]) -> dict[str, re.Pattern[str]]:
    """Compile the regexes that read metrics from lines.

    Raises:
        SpecError: A regex is wrong, or has no group that captures the value.
    """
    patterns: dict[str, re.Pattern[str]] = {}
    problems: list[Problem] = []
    for name, source in metrics.items():
        try:
            pattern = re.compile(source)
        except re.error as error:
            problems.append(Problem(f"metrics.{name}", source, f"is no regular expression: {error}", "correct it"))
            continue
        if pattern.groups == 0:
            rule = "must capture the value in a group"
            problems.append(Problem(f"metrics.{name}", pattern.pattern, rule, r"for example 'loss: (\S+)'"))
        patterns[name] = pattern
    if problems:
        raise SpecError(problems)
    return patterns


class Reading(NamedTuple):
    """What a line says.

    Attributes:
        metrics: Metric name to value; empty for most lines.
        step: The step, if the script reported one.
        misread: Metric name to what its regex found instead of a number.
    """

    metrics: Mapping[str, float]
    step: int | None
    misread: Mapping[str, re.Match[str]]


Reader = Callable[[str, Mapping[str, re.Pattern[str]]], Reading]
"""Reads the metrics of a line: :func:`read_metrics`, or :func:`read_as_sagemaker`."""


def read_metrics(line: str, patterns: Mapping[str, re.Pattern[str]]) -> Reading:
    r"""Read the metrics of a line, either reported with :func:`smtune.container.report` or found by regexes.

    A regex sees the line as it is and as CloudWatch shows it, which SageMaker's metrics are read from: there a tab is
    ``#011``.

    >>> read_metrics("[3]\ttrain-auc:0.9", compile_patterns({"auc": r"#011train-auc:(\S+)"})).metrics
    {'auc': 0.9}

    Args:
        line: Without its end; the carriage return that ended the one before may begin it.
        patterns: As :func:`compile_patterns` returns them.
    """
    report = parse_report(line)
    if report is not None:
        return Reading(report.metrics, report.step, {})
    return find_metrics(line, patterns)


def find_metrics(line: str, patterns: Mapping[str, re.Pattern[str]]) -> Reading:
    """Read the metrics of a line by regexes alone, as SageMaker does.

    Args:
        line: As for :func:`read_metrics`.
        patterns: As for :func:`read_metrics`.
    """
    metrics, misread = {}, {}
    for name, pattern in patterns.items():
        match = pattern.search(line.removeprefix("\r")) or pattern.search(as_cloudwatch_shows(line))
        if match and match[1] is not None:
            try:
                metrics[name] = float(match[1])
            except ValueError:
                misread[name] = match
    return Reading(metrics, None, misread)


def read_as_sagemaker(line: str, patterns: Mapping[str, re.Pattern[str]]) -> Reading:
    r"""Read the metrics of a line as SageMaker does: by regexes alone, and as CloudWatch shows the line.

    SageMaker has no steps; that of a reported line is told all the same.

    >>> patterns = compile_patterns({"auc": r"#011auc:([0-9.]+)", "loss": r"\tloss:(\S+)"})
    >>> read_as_sagemaker("[3]\tauc:0.9\tloss:0.1", patterns).metrics
    {'auc': 0.9}

    Args:
        line: As for :func:`read_metrics`.
        patterns: As for :func:`read_metrics`.
    """
    found = find_metrics(as_cloudwatch_shows(line), patterns)
    report = parse_report(line) if found.metrics else None
    return found if report is None else found._replace(step=report.step)


def as_cloudwatch_shows(line: str) -> str:
    r"""Return a line as SageMaker's log pipeline hands it on: control characters as ``#`` and three octal digits.

    >>> as_cloudwatch_shows("[3]\ttrain-auc:0.9")
    '[3]#011train-auc:0.9'
    """
    return _CONTROL_CHARACTER.sub(lambda match: f"#{ord(match[0]):03o}", line)
